import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Accounts } from '../accounts/accounts.ts'
import { HASHES_AT_ONCE } from '../accounts/passwords.ts'
import { answers } from '../schemas/problem.ts'
import { ACCOUNT_OPERATIONS } from './account-operations.ts'
import { type AccountOperation, accountSchema } from './account-schema.ts'
import { problemOf, sendResponse, toWebRequest, verifiesNoAddress } from './better-auth-http.ts'
import { Turnstile } from './turnstile.ts'

/** For requests that may hash a password; who is refused has cost next to nothing. */
const HASHING = { atOnce: HASHES_AT_ONCE, waiting: 9, ofOneClient: 4 }
/** Attempts on one account, from wherever they come. Better Auth limits those of one address. */
const ACCOUNT_LIMITS = {
  'sign-in': { max: 10, windowSeconds: 300 },
  mail: { max: 3, windowSeconds: 900 },
}

export interface AccountRoutesOptions {
  accounts: Accounts
  publicUrl: string
}

/** Better Auth under `/api/auth`, in the form of this server: strict bodies, and problems for errors. */
export const accounts: FastifyPluginAsync<AccountRoutesOptions> = async (
  app,
  { accounts, publicUrl },
) => {
  const hashing = new Turnstile(HASHING)

  /** The counts of an account begin anew with a sign-in. */
  async function answer(operation: AccountOperation, request: FastifyRequest): Promise<Response> {
    const { email } = (request.body ?? {}) as { email?: string } // checked against the schema
    const { counts, signsIn = false } = operation
    if (counts && email) await accounts.countFor(counts, email, ACCOUNT_LIMITS[counts])
    const response = await accounts.handle(
      () => toWebRequest(request, { publicUrl, signsIn }),
      request.log,
    )
    if (counts === 'sign-in' && email && response.ok) await accounts.forgetFor(counts, email)
    return response
  }

  async function handle(operation: AccountOperation, request: FastifyRequest, reply: FastifyReply) {
    if (operation.path === '/verify-email' && verifiesNoAddress(request)) {
      throw problemOf(401, { code: 'INVALID_TOKEN', message: 'Invalid token' }, request)
    }
    return sendResponse(reply, request, await answer(operation, request))
  }

  for (const operation of ACCOUNT_OPERATIONS) {
    app.route({
      method: operation.method,
      url: operation.path,
      schema: accountSchema(operation),
      config: { public: true },
      // A link in a mail does something when it is opened, which a HEAD must not.
      exposeHeadRoute: false,
      handler: (request, reply) => {
        const work = () => handle(operation, request, reply)
        return operation.hashes ? hashing.pass(request.ip, work) : work()
      },
    })
  }

  app.get('/error', { schema: signInError, config: { public: true } }, async (request) => {
    const { error } = request.query as { error?: unknown } // parseQuery's
    const code = typeof error === 'string' && /^[\w-]{1,64}$/.test(error) ? error : 'UNKNOWN'
    throw problemOf(400, { code, message: `The sign-in failed: ${code}` }, request)
  })
}

/** Where a sign-in with a provider ends that failed, and for which no page was named. */
const signInError = {
  tags: ['accounts'],
  operationId: 'signInError',
  summary: 'Why a sign-in with a provider failed',
  response: answers({}),
}
