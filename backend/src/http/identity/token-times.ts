import type { FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose/jwt/decode'
import { unauthorized } from '../../core/errors.ts'

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
export function tokenTimes({ headers }: FastifyRequest): TokenTimes {
  const { exp = 0, iat } = decodeJwt(String(headers.authorization).replace(/^bearer +/i, ''))
  const expiresMs = exp * 1_000
  if (expiresMs <= Date.now()) {
    const description = 'The token has expired'
    throw unauthorized({ check: 'expiry', claim: 'exp', description })
  }
  return { expiresMs, issuedAt: typeof iat === 'number' ? iat : Number.NaN }
}
