import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../core/config/config.ts'

export interface OriginOptions {
  /** The path prefix of requests that may use cookies. All other requests send a token in a header. */
  readonly cookiePath: string
  /** Headers that pages may read and that no route documents. */
  readonly exposed: readonly string[]
}

/** Headers of errors, of the rate limit and of every response. */
const ALWAYS_EXPOSED = ['ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id']

/**
 * Lets pages of the trusted origins read responses (the CORS protocol of the Fetch standard), with every
 * header that a route documents for a success. paths.ts responds to preflight requests.
 */
export async function allowOrigins(
  app: FastifyInstance,
  { trustedOrigins }: Config,
  { cookiePath, exposed }: OriginOptions,
): Promise<void> {
  if (trustedOrigins.length === 0) return
  const names = new Set([...ALWAYS_EXPOSED, ...exposed])
  app.addHook('onRoute', ({ schema }) => {
    for (const name of successHeaders(schema?.response)) names.add(name.toLowerCase())
  })
  let exposedHeaders = ''
  app.addHook('onReady', (done) => {
    exposedHeaders = [...names].sort().join(', ')
    done()
  })
  await app.register(cors, { origin: [...trustedOrigins], preflight: false })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('access-control-expose-headers', exposedHeaders)
    if (
      request.url.startsWith(`${cookiePath}/`) &&
      reply.hasHeader('access-control-allow-origin')
    ) {
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
