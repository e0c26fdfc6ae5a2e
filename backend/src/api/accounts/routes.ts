import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Accounts } from '../../accounts/accounts.ts'
import { passwordKey } from '../../accounts/limits.ts'
import { HASHES_AT_ONCE } from '../../accounts/passwords.ts'
import type { Config } from '../../core/config/config.ts'
import { AppError, type ErrorCode } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { prefers, varyBy } from '../../http/protocol/accept.ts'
import { clientAddress, clientNetwork } from '../../http/protocol/client-network.ts'
import { Turnstile } from '../../http/rate/turnstile.ts'
import { noteProblem, sendError } from '../../http/resource/problem.ts'
import { responses } from '../../schemas/problem.ts'
import { problemOf, sendResponse, toWebRequest } from './better-auth-http.ts'
import { type AccountOperation, accountSchema } from './operation-schema.ts'
import { ACCOUNT_OPERATIONS } from './operations.ts'

/** For requests that may hash a password. A refused request costs almost nothing. */
const HASHING = {
  atOnce: HASHES_AT_ONCE,
  waiting: LIMITS.hashesWaiting,
  ofOneClient: LIMITS.hashesOfOneNetwork,
}

/** A path parameter: a provider's name, or the token of a mail. */
const PARAMETER = /^[\w-]{1,64}$/

/** The problems of a mailed link that is cut off, garbled or no longer valid. */
const INVALID_LINK: readonly ErrorCode[] = [
  'bad_request',
  'unauthorized',
  'not_found',
  'validation_error',
]

/** A code of Better Auth or of OAuth. */
const ERROR = /^[A-Za-z]\w{1,63}$/

export interface AccountRoutesOptions {
  accounts: Accounts
  config: Pick<Config, 'publicUrl' | 'basePath'>
  /** The response to a sign-up waits for the next multiple of this time. 0 means no wait. */
  signUpGridMs: number
  /** The queue of requests that may hash a password. */
  hashing: Turnstile
  /** Whether the server has the web page. */
  hasPage: boolean
}

/** @returns the queue for requests that may hash a password. */
export function signInQueue({ limits }: Accounts): Turnstile {
  // The tests of a front end send all their sign-ups from one address, which may then fill the queue.
  const ofOneClient = limits.enforced ? HASHING.ofOneClient : Number.POSITIVE_INFINITY
  return new Turnstile({ ...HASHING, ofOneClient })
}

/** Serves Better Auth under `/api/auth` with strict validation, and with problems for errors. */
export const accountRoutes: FastifyPluginAsync<AccountRoutesOptions> = async (
  app,
  { accounts, config, signUpGridMs, hashing, hasPage },
) => {
  async function callBetterAuth(
    operation: AccountOperation,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    const { path: route } = operation
    const { email } = (request.body ?? {}) as { email?: string } // checked against the schema
    const signsInAs = operation.id === 'signIn' ? email : undefined
    const { revocations } = accounts
    if (operation.opensMailedLink) await revocations.refresh()
    const make = () => toWebRequest(request, { ...operation, address: config, revocations })
    const answered = new Promise((sent) => reply.raw.once('close', sent))
    const response = await accounts.handle({ make, route, signsInAs, answered, log: request.log })
    if (response.ok && signsInAs !== undefined) await forget(signsInAs, request)
    // Other processes read the list a few seconds later.
    if (response.ok && operation.revokes) await revocations.refresh()
    return response
  }

  /** A failure is only logged, because the sign-in has already created the session. */
  async function forget(email: string, { log }: FastifyRequest) {
    await accounts.limits.forget(passwordKey({ email })).catch((err) => {
      log.warn({ err }, 'the count of failed sign-ins could not be reset')
    })
  }

  for (const operation of ACCOUNT_OPERATIONS) {
    const { viewOfInvalidLink } = operation
    app.route({
      method: operation.method,
      url: operation.path,
      schema: accountSchema(operation),
      config: { access: 'public' },
      // The link in a mail has an effect when it is opened. A HEAD request must have none.
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const begunMs = performance.now()
        const parameters = Object.values(request.params as Record<string, string>) // set by the router
        if (!parameters.every((value) => PARAMETER.test(value))) throw new AppError('not_found')
        const response = operation.hashes
          ? await hashing.pass(clientNetwork(clientAddress(request)), () => {
              // The client may have disconnected while it waited. One that has only closed its writing
              // side can still read the 503.
              const { destroyed, readableEnded } = request.socket
              if (destroyed || readableEnded) throw new AppError('service_unavailable')
              return callBetterAuth(operation, request, reply)
            })
          : await callBetterAuth(operation, request, reply)
        if (operation.id === 'signUp' && signUpGridMs > 0) await nextMultiple(begunMs, signUpGridMs)
        return sendResponse(reply, request, response)
      },
      ...(hasPage && viewOfInvalidLink && { errorHandler: sendsBrowsersTo(viewOfInvalidLink) }),
    })
  }

  app.get('/error', { schema: signInError, config: { access: 'public' } }, async (request) => {
    const { error } = request.query as { error?: unknown } // set by parseQuery
    const code = typeof error === 'string' && ERROR.test(error) ? error.toUpperCase() : 'UNKNOWN'
    throw problemOf(400, { code, message: `The sign-in failed: ${code}` }, request)
  })
}

/** @returns an error handler for a mailed link, which a person opens in a browser: they get the page, not a problem. */
function sendsBrowsersTo(view: string) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    varyBy(reply, 'Accept')
    const invalid = error instanceof AppError && INVALID_LINK.includes(error.code) && error
    if (!invalid || !prefers(request.headers.accept, 'text/html', 'application/json')) {
      return sendError(error, request, reply)
    }
    noteProblem(invalid, request)
    reply.redirect(`${request.server.basePath}${view}?error=INVALID_TOKEN`)
  }
}

/** Hides by the response time whether an address has an account: creating one takes more statements. */
async function nextMultiple(begunMs: number, gridMs: number): Promise<void> {
  const leftMs = gridMs - ((performance.now() - begunMs) % gridMs)
  // The global function: tests replace the clock.
  await new Promise((resolve) => setTimeout(resolve, leftMs))
}

/** The page for a failed sign-in with a provider, if the request named no other. */
const signInError = {
  tags: ['accounts'],
  operationId: 'signInError',
  summary: 'Show why a sign-in with a provider failed',
  description:
    'The browser is sent here if the request named no page for errors. The response is always an error.',
  ...responses({}),
}
