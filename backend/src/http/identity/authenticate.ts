import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../../core/config/config.ts'
import { AppError, unauthorized } from '../../core/errors.ts'
import type { Answer, Asked, Database } from '../../database/session.ts'
import { countHeader } from '../protocol/raw-headers.ts'
import { tokenVerifier } from './verify-token.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is asking: the user of the token, which is the owner the path names. */
    userId: string
    /** Runs one or several statements as that user, see {@link Database.asUser}. */
    asUser<const A extends Asked>(asked: A): Promise<Answer<A>>
  }
}

const BEARER = /^bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i

/**
 * Proves who is asking, then that the path is theirs, before anything else of the request is looked
 * at: 401, then 403 (contract §2).
 */
export function authenticate(app: FastifyInstance, config: Config, database: Database): void {
  const verify = tokenVerifier(config, app.log)
  app.decorateRequest('userId', '')
  app.decorateRequest('asUser', function asUser(this: FastifyRequest, asked) {
    return database.asUser(this.userId, asked)
  })
  app.addHook('onRequest', (request, _reply, done) => {
    // OPTIONS tells what a path takes, and a browser sends it without the token.
    const open = request.is404 || request.method === 'OPTIONS'
    const { access } = request.routeOptions.config
    if (open || access === 'public') return done()
    const enter = (userId: string) => {
      request.userId = userId
      const { user_id } = request.params as { user_id?: string } // the router's
      if (access === 'token') return done()
      done(user_id === userId ? undefined : new AppError('user_id_mismatch'))
    }
    // A remembered token spares the request a turn of the event loop.
    const user = verify(readToken(request))
    if (typeof user === 'string') enter(user)
    else user.then(enter, done)
  })
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
