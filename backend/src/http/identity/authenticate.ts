import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Config } from '../../core/config/config.ts'
import { unauthorized } from '../../core/errors.ts'
import type { Answer, Asked, Database } from '../../database/session.ts'
import { countHeader } from '../protocol/raw-headers.ts'
import { tokenVerifier } from './verify-token.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is asking: the user of the token. On a public route it is empty. */
    userId: string
    /** Runs one or several statements as that user, see {@link Database.asUser}. */
    asUser<const A extends Asked>(asked: A): Promise<Answer<A>>
  }
}

const BEARER = /^bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i

/**
 * Proves who is asking, before anything else of the request is looked at: 401 (contract §2).
 *
 * @returns the hook for the routes that need a user. From there on the request has `userId`.
 */
export function authenticator(
  app: FastifyInstance,
  config: Config,
  database: Database,
): onRequestHookHandler {
  const verify = tokenVerifier(config, app.log)
  app.decorateRequest('userId', '')
  app.decorateRequest('asUser', function asUser(this: FastifyRequest, asked) {
    return database.asUser(this.userId, asked)
  })
  return (request, _reply, done) => {
    const enter = (userId: string) => {
      request.userId = userId
      done()
    }
    // A remembered token spares the request a turn of the event loop.
    const user = verify(readToken(request))
    if (typeof user === 'string') enter(user)
    else user.then(enter, done)
  }
}

function readToken(request: FastifyRequest): string {
  const { authorization } = request.headers
  if (authorization === undefined) throw unauthorized()
  const token = BEARER.exec(authorization)?.[1]
  if (token === undefined || countHeader(request, 'authorization') > 1) {
    throw unauthorized('invalid_token')
  }
  return token
}
