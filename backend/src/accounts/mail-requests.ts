import type { BetterAuthPlugin } from 'better-auth'
import {
  createAuthEndpoint,
  getSessionFromCtx,
  originCheck,
  requestPasswordReset,
  sendVerificationEmail,
} from 'better-auth/api'

/** An endpoint called by another one gives its value, without headers and status around it. */
const PLAIN = { params: {}, asResponse: false, returnHeaders: false, returnStatus: false } as const

/**
 * Answers who asks for a mail before the account is looked for, so that the time of the answer tells
 * nothing of it. Better Auth's own endpoints do their work behind the answer. What may be refused
 * whoever is asked for (addresses of clients, origins, bodies, pages) has been refused by then.
 *
 * @param later does work once the answer has been sent.
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
          // Who is signed in asks for their own address, and is told what is wrong with it.
          if (!enabled || (await getSessionFromCtx(context)))
            return sendVerificationEmail({ ...context, ...PLAIN })
          later(() => sendVerificationEmail({ ...context, ...PLAIN }))
          return context.json({ status: true })
        },
      ),
    },
  } satisfies BetterAuthPlugin
}
