import type { BetterAuthPlugin } from 'better-auth'
import { createAuthEndpoint, sensitiveSessionMiddleware } from 'better-auth/api'

/** The sessions of a user to end, and the one to keep. */
export interface OtherSessions {
  readonly userId: string
  readonly exceptToken: string
}

/**
 * Better Auth's own endpoint reads a list of 100 sessions and ends those; this one takes its place,
 * by its name, and ends all of them.
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
