import { decodeJwt } from 'jose/jwt/decode'
import { SignJWT } from 'jose/jwt/sign'
import type { Config } from './config/config.ts'

const LIFETIME_SECONDS = 900

/** In the list of revocations: the tokens of all users. No user has an empty id. */
export const ALL_USERS = ''

/**
 * Signs a token as Better Auth does: HS256 with the secret, valid for 15 minutes, with this server's issuer
 * and audience if they are set.
 *
 * @param issuedAt `iat` in seconds; now, unless given.
 * @returns the JWT (RFC 7519).
 */
export function signToken(
  config: Pick<Config, 'secret' | 'jwtIssuer' | 'jwtAudience'>,
  userId: string,
  issuedAt?: number,
) {
  const token = new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(`${LIFETIME_SECONDS} s`)
  if (config.jwtIssuer !== undefined) token.setIssuer(config.jwtIssuer)
  if (config.jwtAudience !== undefined) token.setAudience(config.jwtAudience)
  return token.sign(new TextEncoder().encode(config.secret))
}

/** @returns a token for a built-in account. Its issuer and audience default to the server's public URL. */
export function signAccountToken(
  config: Config,
  userId: string,
  issuedAt?: number,
): Promise<string> {
  const { jwtIssuer = config.publicUrl, jwtAudience = config.publicUrl } = config
  return signToken({ secret: config.secret, jwtIssuer, jwtAudience }, userId, issuedAt)
}

/** @returns the addresses in the token of a mailed link. `updateTo` is the new one, if it changes the address. */
export function addressesOf(token: string): { email?: string; updateTo?: string } {
  return decodeJwt(token)
}

/** @returns the user of a token that this server has just signed, and its lifetime in seconds. */
export function contentsOf(token: string): { userId: string | undefined; lifetimeSeconds: number } {
  return { userId: decodeJwt(token).sub, lifetimeSeconds: LIFETIME_SECONDS }
}
