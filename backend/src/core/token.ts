import { SignJWT } from 'jose/jwt/sign'
import type { Config } from './config/config.ts'

const LIFETIME = '15m'

/**
 * A token as Better Auth would sign it for this user: HS256 with the shared secret, valid for 15
 * minutes, and for this server's issuer and audience where they are set.
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

/** The token of an account in the box: it names its issuer and audience whether they are checked or not. */
export function signAccountToken(config: Config, userId: string): Promise<string> {
  const { jwtIssuer = config.publicUrl, jwtAudience = config.publicUrl } = config
  return signToken({ secret: config.secret, jwtIssuer, jwtAudience }, userId)
}
