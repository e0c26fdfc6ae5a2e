import type { BetterAuthPlugin } from 'better-auth'
import { createAuthEndpoint, sensitiveSessionMiddleware } from 'better-auth/api'

/** All sessions of a user except the one with this token. */
export interface OtherSessions {
  readonly userId: string
  readonly exceptToken: string
}

/**
 * Replaces Better Auth's endpoint, which reads a list of 100 sessions and ends only those. This one
 * ends all of them.
 *
 * @param end deletes a user's sessions in the database.
 * @returns a plugin whose endpoint has the same name and path.
 */
export function revokeOtherSessions(end: (sessions: OtherSessions) => Promise<void>) {
  return {
    id: 'all-other-sessions',
    endpoints: {
      revokeOtherSessions: createAuthEndpoint(
        '/revoke-other-sessions',
        { method: 'POST', requireHeaders: true, use: [sensitiveSessionMiddleware] },
        async (context) => {
          const { session, user } = context.context.session
          await end({ userId: user.id, exceptToken: session.token })
          return context.json({ status: true })
        },
      ),
    },
  } satisfies BetterAuthPlugin
}
