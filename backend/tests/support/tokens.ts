import { createHmac } from 'node:crypto'
import { SECRET } from './app.ts'

export const HS256 = { alg: 'HS256', typ: 'JWT' }
export const now = () => Math.floor(Date.now() / 1000)
/** Good for longer than any test takes. */
export const claims = (more: object = {}) => ({
  sub: 'alice',
  iat: now(),
  exp: now() + 3_600,
  ...more,
})

/** Text as it stands, anything else as JSON. */
export const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token of any header and payload, signed by HMAC unless told otherwise. */
export function forge(
  header: object | string,
  payload: unknown,
  secret: string | Buffer = SECRET,
  hash = 'sha256',
): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`
}

/** The challenge of a 401 for a bearer token (RFC 6750 §3). Its description has no quotes and no backslash. */
export const TOKEN_CHALLENGE =
  /^Bearer realm="todo", error="invalid_token", error_description="[\x20\x21\x23-\x5b\x5d-\x7e]+"$/
