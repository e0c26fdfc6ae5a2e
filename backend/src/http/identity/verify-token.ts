import type { JWTPayload, JWTVerifyOptions } from 'jose'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import {
  JOSEAlgNotAllowed,
  JOSEError,
  JWKSMultipleMatchingKeys,
  JWSInvalid,
  JWSSignatureVerificationFailed,
  JWTClaimValidationFailed,
} from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { LRUCache } from 'lru-cache'
import type { Config } from '../../core/config/config.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import type { Log } from '../../core/log/logger.ts'
import { isUserId } from '../../schemas/user.ts'
import { type GetKey, MAX_AGE_MS, remoteKeySet } from './key-set.ts'
import { refusedToken } from './refusal.ts'
import { issuedAtOf, NO_REVOCATIONS, type Revocations, revokedToken } from './revocations.ts'

/** A secret verifies only HS256, and a key set only the others, so that no key is misused (RFC 8725 §3.1). */
const SECRET_ALGORITHM = 'HS256'
const KEY_SET_ALGORITHMS = ['EdDSA', 'ES256', 'ES512', 'PS256', 'RS256']

/** The estimated memory of a cached token in addition to its text. */
const ENTRY_BYTES = 256

interface Verified {
  readonly userId: string
  readonly expiresMs: number
  /** `iat` in seconds, or NaN. */
  readonly issuedAt: number
}

/**
 * Makes the function that verifies tokens. It caches a valid token under its exact text until its `exp`, and
 * one of a key set at most until the keys are fetched again. It never caches an invalid token.
 *
 * @param revocations which valid tokens are refused nevertheless. They are checked for each request.
 * @param limits how many tokens and bytes the cache may hold.
 * @returns a function that returns the user id of a token. It throws {AppError} `unauthorized`, and
 *   `service_unavailable` until the key set has been fetched.
 */
export function tokenVerifier(
  config: Config,
  log: Log,
  revocations: Revocations = NO_REVOCATIONS,
  limits: Limits = LIMITS,
) {
  const remembered = new LRUCache<string, Verified>({
    max: limits.tokensRemembered,
    maxSize: limits.tokenBytesRemembered,
    maxEntrySize: limits.tokenBytesEach,
    // A token is ASCII. A UTF-16 code unit of a user id may take two bytes.
    sizeCalculation: ({ userId }, token) => token.length + 2 * userId.length + ENTRY_BYTES,
  })
  let changes = 0
  const readPayload = payloadReader(config, log, () => {
    changes += 1
    remembered.clear()
  })

  function admit({ userId, issuedAt }: Verified): string {
    if (revocations.refuses(userId, issuedAt)) throw revokedToken()
    return userId
  }

  async function verifyOnce(given: string): Promise<Verified> {
    const token = copyOf(given)
    const changesBefore = changes
    try {
      const { payload, goodForMs } = await readPayload(token)
      const expiresMs = Math.min(readTimes(payload) * 1000, Date.now() + goodForMs)
      const verified = { userId: readUser(payload), expiresMs, issuedAt: issuedAtOf(payload) }
      if (changes === changesBefore) remembered.set(token, verified)
      return verified
    } catch (error) {
      throw error instanceof JOSEError ? refusedToken(error, token) : error
    }
  }

  async function admitLater(verifying: Verified | Promise<Verified>): Promise<string> {
    const verified = await verifying
    await revocations.ready()
    return admit(verified)
  }

  function admitKnown(known: Verified): string | Promise<string> {
    return revocations.ready() === undefined ? admit(known) : admitLater(known)
  }

  return (token: string): string | Promise<string> => {
    const known = remembered.get(token)
    if (known !== undefined && Date.now() < known.expiresMs) return admitKnown(known)
    return admitLater(verifyOnce(token))
  }
}

interface Signed {
  readonly payload: JWTPayload
  /** How long the token may be cached before its signature must be verified again. */
  readonly goodForMs: number
}

/** @returns a function that verifies the signature, `exp`, `nbf`, and `iss` and `aud` if they are set. */
function payloadReader(config: Config, log: Log, keysChanged: () => void) {
  const { verifyingSecrets, jwksUrl, jwtIssuer, jwtAudience } = config
  const secrets = verifyingSecrets.map((secret) => new TextEncoder().encode(secret))
  const keySet = jwksUrl === undefined ? undefined : remoteKeySet(jwksUrl, log, keysChanged)
  const options: JWTVerifyOptions = {
    clockTolerance: config.clockToleranceSeconds,
    requiredClaims: ['exp'],
    ...(jwtIssuer !== undefined && { issuer: jwtIssuer }),
    ...(jwtAudience !== undefined && { audience: jwtAudience }),
  }
  return async (token: string): Promise<Signed> => {
    const { alg } = readHeader(token)
    if (alg !== SECRET_ALGORITHM) {
      if (keySet === undefined) throw new JOSEAlgNotAllowed()
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
    throw new JWSSignatureVerificationFailed()
  }
}

/** @returns a copy of the token. V8 shares the text of a slice, which would keep the whole header in memory. */
function copyOf(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1')
}

/**
 * A token without `kid` may be signed by a key that the issuer has added since, which only the signature shows.
 * The keys are then fetched again, at the same bounded rate as for an unknown `kid`.
 */
async function verifyByKeySet(
  token: string,
  keySet: GetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return await tryKeys(token, keySet, options)
  } catch (error) {
    const maybeNew =
      error instanceof JWSSignatureVerificationFailed && readHeader(token).kid === undefined
    if (!maybeNew || !(await keySet.fetchKeys())) throw error
    return tryKeys(token, keySet, options)
  }
}

/**
 * Tries every key that matches; a set has at most `keySetKeys`. Several match if two have the same id, or if the token
 * names no id.
 */
async function tryKeys(
  token: string,
  keySet: GetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keySet, options)).payload
  } catch (error) {
    if (!(error instanceof JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (failure) {
        // The signature was valid for this key, but the claims were not. An unusable key throws an error
        // that is not a JOSEError; then the next key is tried.
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
    throw new JWSInvalid('The header is not JSON', { cause })
  }
}

/**
 * Checks the times more strictly than jose, which accepts any number. `iat` only says when the token was issued
 * (RFC 7519 §4.1.6), so it is not compared with the clock.
 */
function readTimes(payload: JWTPayload): number {
  const { exp, nbf } = payload
  if (!Number.isSafeInteger(exp)) throw invalidClaim(payload, 'exp')
  if (nbf !== undefined && !Number.isFinite(nbf)) throw invalidClaim(payload, 'nbf')
  return Number(exp)
}

/** @returns `sub`, or `user_id` if there is no `sub`. No other claim, such as `email`, names the user. */
function readUser(payload: JWTPayload & { sub?: unknown; user_id?: unknown }): string {
  const { sub, user_id } = payload
  const alternative = Number.isSafeInteger(user_id) ? String(user_id) : user_id
  const userId = sub === undefined ? alternative : sub
  const differ = sub !== undefined && alternative !== undefined && sub !== alternative
  if (differ || typeof userId !== 'string' || !isUserId(userId)) {
    throw invalidClaim(payload, sub === undefined ? 'user_id' : 'sub')
  }
  return userId
}

function invalidClaim(payload: JWTPayload, claim: string): JWTClaimValidationFailed {
  return new JWTClaimValidationFailed('not valid', payload, claim, 'invalid')
}
