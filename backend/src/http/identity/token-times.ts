import type { FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose/jwt/decode'
import { readToken } from './authenticate.ts'
import { expiredToken } from './refusal.ts'
import { issuedAtOf } from './revocations.ts'

/** How long a response may go on with the token of its request. */
export interface TokenTimes {
  /** When the token expires, in milliseconds since 1970. */
  readonly expiresMs: number
  /** `iat` in seconds, or NaN. */
  readonly issuedAt: number
}

/**
 * The times of a request's token, which the server has verified. The tolerance for clocks is for requests only: a
 * response that goes on needs a token that has not expired.
 *
 * @throws {AppError} `unauthorized` if the token has expired by the clock of this server.
 */
export function tokenTimes(request: FastifyRequest): TokenTimes {
  const payload = decodeJwt(readToken(request))
  const { exp = 0 } = payload
  const expiresMs = exp * 1_000
  if (expiresMs <= Date.now()) throw expiredToken()
  return { expiresMs, issuedAt: issuedAtOf(payload) }
}
