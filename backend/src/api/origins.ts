import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../core/config.ts'

/**
 * Lets pages of the trusted origins read answers (CORS), by exact origin and without credentials:
 * a token travels in a header, never in a cookie. Preflights are answered with the path's own
 * `Allow`, in paths.ts.
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
      'link',
      'location',
      'ratelimit',
      'ratelimit-policy',
      'retry-after',
      'x-request-id',
    ],
  })
}
