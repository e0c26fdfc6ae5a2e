import { type AppError, unauthorized } from '../../core/errors.ts'

/** Which tokens are refused although they have not expired. */
export interface Revocations {
  /**
   * @returns undefined while the list is current, or a promise that settles when the list has been read, the read has
   *   failed, or the wait is over. It never rejects.
   */
  ready(): Promise<void> | undefined
  /** @param issuedAt `iat` in seconds; NaN if the token has none, which then counts as older than any revocation. */
  refuses(userId: string, issuedAt: number): boolean
}

/** Without built-in accounts this server can revoke nothing. */
export const NO_REVOCATIONS: Revocations = { ready: () => undefined, refuses: () => false }

/** @returns when a token was issued, in seconds, as {@link Revocations.refuses} takes it. */
export function issuedAtOf({ iat }: { readonly iat?: unknown }): number {
  return typeof iat === 'number' ? iat : Number.NaN
}

export function revokedToken(): AppError {
  const description = 'The token has been revoked'
  return unauthorized({ check: 'revocation', claim: 'iat', description })
}
