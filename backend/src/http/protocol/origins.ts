import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../core/config/config.ts'

/**
 * Lets pages of the trusted origins read responses (CORS), by exact origin. Preflights get the path's
 * own `Allow`, in paths.ts.
 *
 * @param cookiePath the path below which requests may carry cookies. Elsewhere a token travels in a header.
 */
export async function allowOrigins(
  app: FastifyInstance,
  { trustedOrigins }: Config,
  cookiePath: string,
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
    if (
      request.url.startsWith(`${cookiePath}/`) &&
      reply.hasHeader('access-control-allow-origin')
    ) {
      reply.header('access-control-allow-credentials', 'true')
    }
    done()
  })
}
