import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../core/config/config.ts'

/** Pages of a development server on this machine, whatever its port. Trusted outside production only. */
const LOCAL_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1)(:\d{1,5})?$/
/** Headers of errors, of the rate limit and of every response. */
const ALWAYS_EXPOSED = [
  ...['allow', 'www-authenticate'],
  ...['ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id'],
]

/**
 * Lets pages of the trusted origins read responses (the CORS protocol of the Fetch standard), with every
 * header that a route documents for a success. Pages may send credentials, because HTTP clients of browsers often
 * do so for all requests; only the routes of accounts look at cookies. paths.ts responds to preflight requests.
 *
 * @param exposed headers that pages may read and that no route documents.
 */
export async function allowOrigins(
  app: FastifyInstance,
  { trustedOrigins, production }: Config,
  exposed: readonly string[],
): Promise<void> {
  const origins = production ? [...trustedOrigins] : [...trustedOrigins, LOCAL_ORIGIN]
  if (origins.length === 0) return
  const names = new Set([...ALWAYS_EXPOSED, ...exposed])
  app.addHook('onRoute', ({ schema }) => {
    for (const name of successHeaders(schema?.response)) names.add(name.toLowerCase())
  })
  let exposedHeaders = ''
  app.addHook('onReady', (done) => {
    exposedHeaders = [...names].sort().join(', ')
    done()
  })
  await app.register(cors, { origin: origins, preflight: false })
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('access-control-expose-headers', exposedHeaders)
    if (reply.hasHeader('access-control-allow-origin')) {
      reply.header('access-control-allow-credentials', 'true')
    }
    done()
  })
}

/** The names of the headers that a route's schema documents for its 2xx and 3xx responses. */
function successHeaders(responses: unknown): string[] {
  const byStatus = (responses ?? {}) as Record<string, { headers?: object }> // our own schema
  return Object.entries(byStatus).flatMap(([status, { headers = {} }]) =>
    Number(status) < 400 ? Object.keys(headers) : [],
  )
}
