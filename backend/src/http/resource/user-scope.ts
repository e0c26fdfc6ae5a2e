import type {
  FastifyInstance,
  onRequestHookHandler,
  preHandlerHookHandler,
  RouteOptions,
} from 'fastify'
import type { Config } from '../../core/config/config.ts'
import { AppError } from '../../core/errors.ts'
import { isCanonicalUuid } from '../../core/uuid.ts'
import type { Database } from '../../database/session.ts'
import { authenticator } from '../identity/authenticate.ts'
import type { Revocations } from '../identity/revocations.ts'
import { unreadBytesOfUser } from '../protocol/protocol.ts'
import type { QueuedBytes } from '../protocol/queued-bytes.ts'
import { requestCounters } from '../rate/rate-limit.ts'
import type { RequestLimit } from '../rate/request-windows.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The callers of the route: anyone (`public`), every user with a token (`token`), or only the user in the
     * path under `/api/:user_id` (`owner`). There is no default.
     */
    access?: Access
  }
}

export type Access = 'public' | 'token' | 'owner'

export interface UserScopeOptions {
  config: Config
  database: Database
  limit: RequestLimit
  queued: QueuedBytes
  revocations: Revocations
}

const OWNED = /^\/api\/:user_id(\/|$)/
/** Every path that matches a user's. */
const MATCHES_OWNED = /^\/api\/[:*]/

/**
 * Adds authentication and the checks of contract §2 to every private route that is registered after it. In
 * this order: 401 without a valid token, 403 for another user's path, 429 beyond the user's limits, and 404
 * for a malformed id after validation. `config.access` selects the checks, so a route cannot omit one.
 *
 * @throws {Error} when a route without a suitable `config.access` is registered.
 */
export function scopeToUser(app: FastifyInstance, options: UserScopeOptions): void {
  const { config, database, revocations } = options
  const authenticate = authenticator(app, config, database, revocations)
  const unread = unreadBytesOfUser(options.queued)
  const limits = [unread.onRequest, ...requestCounters(options.limit)]
  app.addHook('onRoute', (route) => {
    // OPTIONS lists the methods of a path. A browser sends it without the token.
    if (route.method === 'OPTIONS') return
    const access = accessOf(route)
    if (access === 'public') return
    const checks = access === 'owner' ? [authenticate, refuseOtherUsers] : [authenticate]
    route.onRequest = [...checks, ...limits, route.onRequest ?? []].flat()
    route.onSend = [unread.onSend, route.onSend ?? []].flat()
    if (access === 'owner') {
      route.preHandler = [readId, route.preHandler ?? []].flat()
    }
  })
}

function accessOf({ method, url, config }: RouteOptions): Access {
  const access: string | undefined = config?.access
  if (access !== 'public' && access !== 'token' && access !== 'owner') {
    throw new Error(
      `${method} ${url} has no config.access. Set it to 'public', 'token' or 'owner'.`,
    )
  }
  const fits = access === 'owner' ? OWNED.test(url) : !MATCHES_OWNED.test(url)
  if (!fits) {
    throw new Error(
      `${method} ${url} has access '${access}'. All of /api/:user_id, and nothing else, has 'owner'.`,
    )
  }
  return access
}

/** `me` stands for the user of the token. The user whose id is `me` is that user as well. */
const refuseOtherUsers: onRequestHookHandler = ({ userId, params }, _reply, done) => {
  const { user_id } = params as { user_id?: string } // set by the router
  if (user_id === 'me') return done()
  done(user_id === userId ? undefined : new AppError('user_id_mismatch'))
}

/**
 * 404 without a statement for an id that is not a UUID. Letter case does not count (RFC 9562 §4), so the route
 * gets the id in lower case, as every row has it.
 */
const readId: preHandlerHookHandler = ({ params }, _reply, done) => {
  const parameters = params as { id?: string } // set by the router
  const { id } = parameters
  if (id === undefined || isCanonicalUuid(id)) return done()
  parameters.id = id.toLowerCase()
  done(isCanonicalUuid(parameters.id) ? undefined : new AppError('not_found'))
}
