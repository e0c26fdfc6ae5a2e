import type { BetterAuthPlugin } from 'better-auth'
import { createAuthMiddleware } from 'better-auth/api'
import { contentsOf } from '../core/token.ts'

/**
 * Adds the lifetime and the user to the response of `GET /token`, so that a client need not decode the token.
 * The members of OAuth (RFC 6749 §5.1) are written with underscores.
 */
export function describeToken() {
  return {
    id: 'describe-token',
    hooks: {
      after: [
        {
          matcher: ({ path }) => path === '/token',
          handler: createAuthMiddleware(async (context) => {
            const { token } = (context.context.returned ?? {}) as { token?: unknown } // an error has none
            if (typeof token !== 'string') return
            const { userId, lifetimeSeconds } = contentsOf(token)
            return context.json({ token, expires_in: lifetimeSeconds, user_id: userId })
          }),
        },
      ],
    },
  } satisfies BetterAuthPlugin
}
