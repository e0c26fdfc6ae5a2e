import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Config } from '../../core/config/config.ts'
import { unauthorized } from '../../core/errors.ts'
import type { Answer, Asked, Database } from '../../database/session.ts'
import { countHeader } from '../protocol/raw-headers.ts'
import { malformed } from './refusal.ts'
import type { Revocations } from './revocations.ts'
import { tokenVerifier } from './verify-token.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The user of the token. Empty on a public route. */
    userId: string
    /** Runs one or several statements as that user, see {@link Database.asUser}. */
    asUser<const A extends Asked>(asked: A): Promise<Answer<A>>
  }
}

/** Credentials with a JWT. Its signature may be empty: the verification then says what is wrong, such as `alg` none. */
export const BEARER_JWT = /^bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)$/i

/**
 * Makes the hook that verifies the bearer token (RFC 6750) before the server reads anything else of the
 * request: 401 without a valid one (contract §2).
 *
 * @returns the hook for the routes that need a user. It sets `userId` of the request.
 */
export function authenticator(
  app: FastifyInstance,
  config: Config,
  database: Database,
  revocations: Revocations,
): onRequestHookHandler {
  const verify = tokenVerifier(config, app.log, revocations)
  app.decorateRequest('userId', '')
  app.decorateRequest('asUser', function asUser(this: FastifyRequest, asked) {
    return database.asUser(this.userId, asked)
  })
  return (request, _reply, done) => {
    const setUser = (userId: string) => {
      request.userId = userId
      done()
    }
    // A cached token gives the user without a promise, which saves an event-loop tick.
    const user = verify(readToken(request))
    if (typeof user === 'string') setUser(user)
    else user.then(setUser, done)
  }
}

/** Whether a request has credentials of the scheme Bearer, well-formed or not. */
export function sendsBearer({ headers }: FastifyRequest): boolean {
  return /^bearer(\s|$)/i.test(headers.authorization ?? '')
}

/** @returns the bearer token of a request. @throws {AppError} `unauthorized` without exactly one that is well-formed. */
export function readToken(request: FastifyRequest): string {
  if (countHeader(request, 'authorization') > 1) {
    const description = 'The request has more than one Authorization header'
    throw unauthorized({ check: 'repetition', description })
  }
  if (!sendsBearer(request)) throw unauthorized({ check: 'presence' })
  const token = BEARER_JWT.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) throw malformed()
  return token
}
