import type { JWTPayload } from 'jose'
import { JOSEError } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { LRUCache } from 'lru-cache'
import type { Config } from '../core/config.ts'
import { AppError } from '../core/errors.ts'
import { isUserId } from '../schemas/user.ts'

const CLOCK_TOLERANCE_SECONDS = 5
const REMEMBERED_TOKENS = 10_000
const REALM = 'Bearer realm="todo"'

interface Verified {
  readonly userId: string
  readonly expiresMs: number
}

/**
 * A function from a token to its user. A verified token is remembered by its exact text, never
 * past its `exp`; a refused one never is.
 *
 * @returns throws {AppError} `unauthorized`.
 */
export function tokenVerifier({ secret, jwtIssuer, jwtAudience }: Config) {
  const key = new TextEncoder().encode(secret)
  const options = {
    algorithms: ['HS256'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
    ...(jwtIssuer !== undefined && { issuer: jwtIssuer }),
    ...(jwtAudience !== undefined && { audience: jwtAudience }),
  }
  const remembered = new LRUCache<string, Verified>({ max: REMEMBERED_TOKENS })

  async function verifyOnce(token: string): Promise<string> {
    let payload: JWTPayload
    try {
      payload = (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (error instanceof JOSEError) throw unauthorized('invalid_token', error)
      throw error
    }
    const verified = { userId: readUser(payload), expiresMs: readTimes(payload) * 1000 }
    remembered.set(token, verified)
    return verified.userId
  }

  return (token: string): string | Promise<string> => {
    const known = remembered.get(token)
    if (known !== undefined && Date.now() < known.expiresMs) return known.userId
    return verifyOnce(token)
  }
}

/** jose takes numbers of any size here, and looks at `iat` only when a maximum age is set. */
function readTimes({ exp, nbf, iat }: JWTPayload): number {
  const latestIat = Date.now() / 1000 + CLOCK_TOLERANCE_SECONDS
  if (!Number.isSafeInteger(exp) || (nbf !== undefined && !Number.isFinite(nbf))) {
    throw unauthorized('invalid_token')
  }
  if (iat !== undefined && !(Number.isFinite(iat) && iat <= latestIat)) {
    throw unauthorized('invalid_token')
  }
  return Number(exp)
}

/** The user is `sub`, or `user_id` where there is no `sub`; never `email` or anything else. */
function readUser({ sub, user_id }: JWTPayload & { sub?: unknown; user_id?: unknown }): string {
  const alternative = Number.isSafeInteger(user_id) ? String(user_id) : user_id
  const userId = sub === undefined ? alternative : sub
  const differ = sub !== undefined && alternative !== undefined && sub !== alternative
  if (differ || typeof userId !== 'string' || !isUserId(userId)) throw unauthorized('invalid_token')
  return userId
}

/** RFC 6750 §3: without a token there is no error to name. */
export function unauthorized(error?: 'invalid_token', cause?: unknown): AppError {
  const challenge = error === undefined ? REALM : `${REALM}, error="${error}"`
  return new AppError('unauthorized', { headers: { 'www-authenticate': challenge }, cause })
}
