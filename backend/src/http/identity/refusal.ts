import { decodeProtectedHeader } from 'jose/decode/protected_header'
import {
  JOSEAlgNotAllowed,
  type JOSEError,
  JOSENotSupported,
  JWKSNoMatchingKey,
  JWSSignatureVerificationFailed,
  JWTClaimValidationFailed,
  JWTExpired,
} from 'jose/errors'
import { type AppError, type Refusal, unauthorized } from '../../core/errors.ts'

const USER_CLAIMS = ['sub', 'user_id']
const SERVICE_CLAIMS = ['iss', 'aud']
/** The log has a key id only in this form, because a client can write anything there. */
const KEY_ID = /^[\w.-]{1,64}$/

const EXPIRED: Refusal = { check: 'expiry', claim: 'exp', description: 'The token has expired' }

export function expiredToken(): AppError {
  return unauthorized(EXPIRED)
}

/** @returns the 401 for credentials that are not a JWT. */
export function malformed(): AppError {
  return unauthorized({ check: 'form', description: 'The token is malformed' })
}

/**
 * @param error of the verification. Its message may quote the token, so it is only used as the cause.
 * @returns the 401 that names the reason to the client (RFC 6750 §3), and the claim and the key id to the log.
 */
export function refusedToken(error: JOSEError, token: string): AppError {
  return unauthorized({ ...refusalOf(error), ...keyId(token) }, { cause: error })
}

function refusalOf(error: JOSEError): Refusal {
  if (error instanceof JWTExpired) {
    return EXPIRED
  }
  if (error instanceof JWTClaimValidationFailed) return refusalOfClaim(error)
  if (error instanceof JWSSignatureVerificationFailed) {
    return { check: 'signature', description: "The token's signature is not valid" }
  }
  if (error instanceof JWKSNoMatchingKey) {
    return {
      check: 'key',
      description: 'The key set of the issuer does not have the key of the token',
    }
  }
  if (error instanceof JOSEAlgNotAllowed) {
    return { check: 'algorithm', description: 'The algorithm of the token is not accepted' }
  }
  if (error instanceof JOSENotSupported) {
    return { check: 'header', description: 'The header of the token has an unsupported parameter' }
  }
  return { check: 'form', description: 'The token is malformed' }
}

function refusalOfClaim({ claim, reason }: JWTClaimValidationFailed): Refusal {
  const check = `claim ${reason}`
  const described = (description: string) => ({ check, claim, description })
  if (SERVICE_CLAIMS.includes(claim)) return described('The token is not valid for this service')
  if (USER_CLAIMS.includes(claim)) return described('The token does not name a valid user')
  if (reason === 'missing') return described(`The token has no ${claim}`)
  if (claim === 'nbf' && reason === 'check_failed') return described('The token is not valid yet')
  return described(`The ${claim} of the token is not a valid time`)
}

function keyId(token: string): { kid?: string } {
  try {
    const { kid } = decodeProtectedHeader(token)
    return typeof kid === 'string' && KEY_ID.test(kid) ? { kid } : {}
  } catch {
    return {}
  }
}
