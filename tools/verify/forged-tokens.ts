import { createHmac } from 'node:crypto'
import { claimsOf } from './people.ts'

/** Credentials that pretend to be another user's. */
interface Forged {
  readonly what: string
  readonly as?: string | readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  /** A proxy may refuse it with another response than the server. */
  readonly unusual?: boolean
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Changes one character of a signature, but not the last one, which may have unused bits. */
function garble(signature: string): string {
  const at = signature.length >> 1
  return signature.slice(0, at) + (signature[at] === 'A' ? 'B' : 'A') + signature.slice(at + 1)
}

/**
 * @returns credentials that name the other user. None of them is a signed token that has not expired, sent
 * once in the Authorization header.
 */
export function forgedTokens(mine: string, others: string): readonly Forged[] {
  const [header = '', payload = '', signature = ''] = others.split('.')
  const [myHeader, , mySignature] = mine.split('.')
  const claims = claimsOf(others)
  const expired = encode({ ...claims, iat: 1, exp: 2 })
  const endless = encode({ ...claims, exp: undefined })
  const unsigned = encode({ alg: 'none', typ: 'JWT' })
  const hs256 = `${encode({ alg: 'HS256', typ: 'JWT' })}.${payload}`
  const signed = (key: string) => createHmac('sha256', key).update(hs256).digest('base64url')
  return [
    { what: 'a garbled signature', as: `${header}.${payload}.${garble(signature)}` },
    { what: 'the signature of another token', as: `${myHeader}.${payload}.${mySignature}` },
    { what: 'the claims of an expired token', as: `${header}.${expired}.${signature}` },
    { what: 'claims without an end', as: `${header}.${endless}.${signature}` },
    { what: 'alg none', as: `${unsigned}.${payload}.` },
    { what: 'alg none and a signature', as: `${unsigned}.${payload}.${signature}` },
    { what: 'the signature of an empty key', as: `${hs256}.${signed('')}` },
    { what: 'the signature of a usual key', as: `${hs256}.${signed('secret')}` },
    { what: 'no token behind Bearer', as: 'Bearer ' },
    { what: 'another scheme', as: `Token ${others}` },
    { what: 'the token in a cookie', headers: { cookie: `token=${others}; jwt=${others}` } },
    { what: 'the token in X-Access-Token', headers: { 'x-access-token': others } },
    { what: 'two tokens', as: [mine, others], unusual: true },
    { what: 'two tokens in one header', as: `Bearer ${mine}, Bearer ${others}`, unusual: true },
  ]
}
