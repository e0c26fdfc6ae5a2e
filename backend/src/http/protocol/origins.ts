import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { BASE_PATH } from '../../accounts/http.ts'
import type { Config } from '../../core/config/config.ts'

/**
 * Lets pages of the trusted origins read answers (CORS), by exact origin. With credentials for the
 * accounts alone, whose session may be a cookie: a token for tasks travels in a header. Preflights
 * are answered with the path's own `Allow`, in paths.ts.
 */
export async function allowOrigins(
  app: FastifyInstance,
  { trustedOrigins }: Config,
): Promise<void> {
  if (trustedOrigins.length === 0) return
  await app.register(cors, {
    origin: [...trustedOrigins],
    preflight: false,
    exposedHeaders: [
      'etag',
      'idempotency-replayed',
      'link',
      'location',
      'ratelimit',
      'ratelimit-policy',
      'retry-after',
      'set-auth-jwt',
      'set-auth-token',
      'x-request-id',
    ],
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (request.url.startsWith(`${BASE_PATH}/`) && reply.hasHeader('access-control-allow-origin')) {
      reply.header('access-control-allow-credentials', 'true')
    }
    done()
  })
}
