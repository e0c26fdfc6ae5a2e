import type { BetterAuthPlugin } from 'better-auth'
import {
  createAuthEndpoint,
  getSessionFromCtx,
  originCheck,
  requestPasswordReset,
  sendVerificationEmail,
} from 'better-auth/api'

/** Options with which an endpoint returns only its value to the endpoint that calls it. */
const PLAIN = { params: {}, asResponse: false, returnHeaders: false, returnStatus: false } as const

/**
 * Responds to a request for a mail before it looks for the account, so that the response time reveals
 * nothing about the account. Better Auth's own endpoints run after the response. Refusals that do not
 * depend on the account (client address, origin, body, page) happen before it.
 *
 * @param later runs work once the response has been sent.
 * @returns a plugin that replaces the two endpoints of Better Auth.
 */
export function answerBeforeLooking(later: (work: () => Promise<unknown>) => void) {
  return {
    id: 'answer-before-looking',
    endpoints: {
      requestPasswordReset: createAuthEndpoint(
        '/request-password-reset',
        {
          method: 'POST',
          body: requestPasswordReset.options.body,
          use: [originCheck((context) => context.body.redirectTo)],
        },
        async (context) => {
          const enabled = context.context.options.emailAndPassword?.sendResetPassword
          if (!enabled) return requestPasswordReset({ ...context, ...PLAIN })
          later(() => requestPasswordReset({ ...context, ...PLAIN }))
          return context.json({
            status: true,
            message: 'If this email exists in our system, check your email for the reset link',
          })
        },
      ),
      sendVerificationEmail: createAuthEndpoint(
        '/send-verification-email',
        { method: 'POST', body: sendVerificationEmail.options.body, cloneRequest: true },
        async (context) => {
          const enabled = context.context.options.emailVerification?.sendVerificationEmail
          // A signed-in user asks about their own address, so the response may reveal a problem.
          if (!enabled || (await getSessionFromCtx(context)))
            return sendVerificationEmail({ ...context, ...PLAIN })
          later(() => sendVerificationEmail({ ...context, ...PLAIN }))
          return context.json({ status: true })
        },
      ),
    },
  } satisfies BetterAuthPlugin
}
