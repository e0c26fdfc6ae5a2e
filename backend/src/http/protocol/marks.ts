import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const CLIENT_REQUEST_ID = /^[\w.-]{1,128}$/
const PROCESS_ID = randomBytes(6).toString('base64url')
let requests = 0

/** The caller's own `x-request-id` where it is harmless, or one that is unique to this process. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  if (typeof given === 'string' && CLIENT_REQUEST_ID.test(given)) return given
  requests += 1
  return `${PROCESS_ID}-${requests.toString(36)}`
}

/** Of the headers every answer carries (contract §3), those that are always alike. */
export const SAME_FOR_ALL = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
