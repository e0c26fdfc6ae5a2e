import type { BetterAuthPlugin } from 'better-auth'
import { createAuthEndpoint, sensitiveSessionMiddleware } from 'better-auth/api'
import { deleteSessionCookie } from 'better-auth/cookies'

/** Ends a user's sessions except the one with the token `except`, and revokes the user's tokens. */
export type EndSessions = (userId: string, except: string | null) => Promise<unknown>

/**
 * Replaces Better Auth's endpoints. They do not revoke tokens in the same transaction, and the one for other
 * sessions reads a list of 100 sessions and ends only those.
 *
 * @param end changes the database.
 * @returns a plugin whose endpoints have the same names and paths.
 */
export function revokeSessions(end: EndSessions) {
  return {
    id: 'all-sessions',
    endpoints: {
      revokeSessions: createAuthEndpoint(
        '/revoke-sessions',
        { method: 'POST', requireHeaders: true, use: [sensitiveSessionMiddleware] },
        async (context) => {
          await end(context.context.session.user.id, null)
          deleteSessionCookie(context)
          return context.json({ status: true })
        },
      ),
      revokeOtherSessions: createAuthEndpoint(
        '/revoke-other-sessions',
        { method: 'POST', requireHeaders: true, use: [sensitiveSessionMiddleware] },
        async (context) => {
          const { session, user } = context.context.session
          await end(user.id, session.token)
          return context.json({ status: true })
        },
      ),
    },
  } satisfies BetterAuthPlugin
}
