import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const CLIENT_REQUEST_ID = /^[\w.-]{1,128}$/
const PROCESS_ID = randomBytes(6).toString('base64url')
let requests = 0

/** @returns the client's `X-Request-Id` if it is short and plain, or an id that no other process uses. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  if (typeof given === 'string' && CLIENT_REQUEST_ID.test(given)) return given
  requests += 1
  return `${PROCESS_ID}-${requests.toString(36)}`
}

/** The headers of every response (contract §3) whose values never change. */
export const SAME_FOR_ALL = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
