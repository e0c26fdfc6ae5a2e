import type { JWTPayload, JWTVerifyOptions } from 'jose'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { JOSEError, JWKSMultipleMatchingKeys, JWSSignatureVerificationFailed } from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { LRUCache } from 'lru-cache'
import type { Config } from '../../core/config/config.ts'
import { unauthorized } from '../../core/errors.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import type { Log } from '../../core/log/logger.ts'
import { isUserId } from '../../schemas/user.ts'
import { type GetKey, MAX_AGE_MS, remoteKeySet } from './key-set.ts'

const CLOCK_TOLERANCE_SECONDS = 5
/** Never mixed: a secret verifies HS256 alone, and a key set the others alone (RFC 8725 §3.1). */
const SECRET_ALGORITHM = 'HS256'
const KEY_SET_ALGORITHMS = ['EdDSA', 'ES256', 'ES512', 'PS256', 'RS256']

/** Estimated memory of a cached token beside its text. */
const ENTRY_BYTES = 256

interface Verified {
  readonly userId: string
  readonly expiresMs: number
}

/**
 * A function from a token to its user. A verified token is remembered by its exact text, never
 * past its `exp`, and one of a key set no longer than its keys are; a refused one never is.
 *
 * @param limits how many tokens and bytes the cache may hold.
 * @returns throws {AppError} `unauthorized`; `service_unavailable` while there are no keys yet.
 */
export function tokenVerifier(config: Config, log: Log, limits: Limits = LIMITS) {
  const remembered = new LRUCache<string, Verified>({
    max: limits.tokensRemembered,
    maxSize: limits.tokenBytesRemembered,
    maxEntrySize: limits.tokenBytesEach,
    // A token is ASCII; a character of a user id may take two bytes.
    sizeCalculation: ({ userId }, token) => token.length + 2 * userId.length + ENTRY_BYTES,
  })
  let changes = 0
  const readPayload = payloadReader(config, log, () => {
    changes += 1
    remembered.clear()
  })

  async function verifyOnce(given: string): Promise<string> {
    const token = ownText(given)
    const changesBefore = changes
    const { payload, goodForMs } = await readPayload(token).catch((error) => {
      throw error instanceof JOSEError ? unauthorized('invalid_token', error) : error
    })
    const expiresMs = Math.min(readTimes(payload) * 1000, Date.now() + goodForMs)
    const verified = { userId: readUser(payload), expiresMs }
    if (changes === changesBefore) remembered.set(token, verified)
    return verified.userId
  }

  return (token: string): string | Promise<string> => {
    const known = remembered.get(token)
    if (known !== undefined && Date.now() < known.expiresMs) return known.userId
    return verifyOnce(token)
  }
}

interface Signed {
  readonly payload: JWTPayload
  /** So long the signature may be taken for good without another look at the keys. */
  readonly goodForMs: number
}

/** Checks the signature, `exp`, `nbf`, and `iss` and `aud` where they are set. */
function payloadReader(config: Config, log: Log, keysChanged: () => void) {
  const { verifyingSecrets, jwksUrl, jwtIssuer, jwtAudience } = config
  const secrets = verifyingSecrets.map((secret) => new TextEncoder().encode(secret))
  const keySet = jwksUrl === undefined ? undefined : remoteKeySet(jwksUrl, log, keysChanged)
  const options: JWTVerifyOptions = {
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
    ...(jwtIssuer !== undefined && { issuer: jwtIssuer }),
    ...(jwtAudience !== undefined && { audience: jwtAudience }),
  }
  return async (token: string): Promise<Signed> => {
    const { alg } = readHeader(token)
    if (alg !== SECRET_ALGORITHM) {
      if (keySet === undefined) throw unauthorized('invalid_token')
      const payload = await verifyByKeySet(token, keySet, {
        ...options,
        algorithms: KEY_SET_ALGORITHMS,
      })
      return { payload, goodForMs: MAX_AGE_MS }
    }
    for (const secret of secrets) {
      try {
        const { payload } = await jwtVerify(token, secret, {
          ...options,
          algorithms: [SECRET_ALGORITHM],
        })
        return { payload, goodForMs: Number.POSITIVE_INFINITY }
      } catch (error) {
        if (!(error instanceof JWSSignatureVerificationFailed)) throw error
      }
    }
    throw unauthorized('invalid_token')
  }
}

/** A copy of the token: a slice would keep the whole header in memory, because V8 shares its text. */
function ownText(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1')
}

/** Several keys may match a token: two with one id, or any if it names none. Each is tried, up to `keysTried`. */
async function verifyByKeySet(
  token: string,
  keySet: GetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keySet, options)).payload
  } catch (error) {
    if (!(error instanceof JWKSMultipleMatchingKeys)) throw error
    let tries = 0
    for await (const key of error) {
      tries += 1
      if (tries > LIMITS.keysTried) break
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (failure) {
        // This key verified the signature, but the claims were refused. An unusable key throws an error
        // that is no JOSEError; then the next key is tried.
        const signed = !(failure instanceof JWSSignatureVerificationFailed)
        if (signed && failure instanceof JOSEError) throw failure
      }
    }
    throw new JWSSignatureVerificationFailed()
  }
}

function readHeader(token: string) {
  try {
    return decodeProtectedHeader(token)
  } catch (cause) {
    throw unauthorized('invalid_token', cause)
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
