import { decodeJwt } from 'jose/jwt/decode'
import { SignJWT } from 'jose/jwt/sign'
import type { Config } from './config/config.ts'

const LIFETIME = '15m'

/**
 * Signs a token as Better Auth does: HS256 with the secret, valid for 15 minutes, with this server's issuer
 * and audience if they are set.
 *
 * @returns the JWT (RFC 7519).
 */
export function signToken(
  config: Pick<Config, 'secret' | 'jwtIssuer' | 'jwtAudience'>,
  userId: string,
) {
  const token = new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setIssuedAt()
    .setExpirationTime(LIFETIME)
  if (config.jwtIssuer !== undefined) token.setIssuer(config.jwtIssuer)
  if (config.jwtAudience !== undefined) token.setAudience(config.jwtAudience)
  return token.sign(new TextEncoder().encode(config.secret))
}

/** @returns a token for a built-in account. Its issuer and audience default to the server's public URL. */
export function signAccountToken(config: Config, userId: string): Promise<string> {
  const { jwtIssuer = config.publicUrl, jwtAudience = config.publicUrl } = config
  return signToken({ secret: config.secret, jwtIssuer, jwtAudience }, userId)
}

/** @returns the user of a token that this server has just signed, and its lifetime in seconds. */
export function contentsOf(token: string): { userId: string | undefined; lifetimeSeconds: number } {
  const { sub, iat = 0, exp = 0 } = decodeJwt(token)
  return { userId: sub, lifetimeSeconds: exp - iat }
}
