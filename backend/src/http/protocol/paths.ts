import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.ts'

/** A path segment as a client must write it: not empty, no dot segment, no backslash (RFC 3986 §3.3). */
const SEGMENT = '(?!\\.\\.?(?:/|$))[^/\\\\]+'
const PREFLIGHT_MAX_AGE_SECONDS = 600

interface Resource {
  readonly pattern: RegExp
  readonly methods: Set<string>
}

/**
 * Serves each path only in its canonical spelling (contract §1). Other spellings, which the router would
 * decode or accept with an empty segment, are 404. On a known path OPTIONS is 204, and an unsupported
 * method is 405, both with `Allow`.
 */
export function serveCanonicalPaths(app: FastifyInstance): void {
  const resources = new Map<string, Resource>()
  const acceptedHeaders = new Set(['authorization', 'content-type'])
  app.addHook('onRoute', ({ url, method, schema }) => {
    for (const name of requestHeaders(schema?.headers)) acceptedHeaders.add(name)
    // @fastify/cors adds OPTIONS for every path. Some plugins add each path again with a final slash.
    if (url === '*' || (url !== '/' && url.endsWith('/'))) return
    const resource = resources.get(url) ?? {
      pattern: canonical(url),
      methods: new Set(['OPTIONS']),
    }
    for (const name of [method].flat()) resource.methods.add(name)
    resources.set(url, resource)
  })
  const allowed = (path: string): string => {
    const found = [...resources.values()].filter(({ pattern }) => pattern.test(path))
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort().join(', ')
  }
  app.addHook('onRequest', (request, reply, done) => {
    // RFC 9112 §3.2: a target has no fragment. The router would read one as the query.
    if (request.raw.url?.includes('#')) return done(new AppError('bad_request'))
    const path = pathOf(request)
    const { url = '*' } = request.routeOptions
    if (url !== '*' && resources.get(url)?.pattern.test(path)) return done()
    const allow = allowed(path)
    if (allow === '') return done(new AppError('not_found'))
    if (request.method === 'OPTIONS') return sendOptions(reply, allow, acceptedHeaders)
    done(new AppError('method_not_allowed', { headers: { allow } }))
  })
  // For reply.callNotFound() in a route or a plugin.
  app.setNotFoundHandler(() => {
    throw new AppError('not_found')
  })
}

/** @returns the text as one percent-encoded path segment, which is never a dot segment (RFC 3986 §3.3). */
export function encodeSegment(text: string): string {
  return text === '.' || text === '..' ? text.replaceAll('.', '%2E') : encodeURIComponent(text)
}

function sendOptions(reply: FastifyReply, allow: string, acceptedHeaders: Set<string>): void {
  reply.code(204).header('allow', allow)
  // The CORS plugin has set this header for a trusted origin. The other preflight headers are set here.
  if (reply.hasHeader('access-control-allow-origin')) {
    reply.headers({
      'access-control-allow-methods': allow,
      'access-control-allow-headers': [...acceptedHeaders].sort().join(', '),
      'access-control-max-age': PREFLIGHT_MAX_AGE_SECONDS,
    })
  }
  reply.send()
}

/** The names of the headers that a route's schema describes. */
function requestHeaders(schema: unknown): string[] {
  const { properties = {} } = (schema ?? {}) as { properties?: object } // our own schema
  return Object.keys(properties)
}

function canonical(url: string): RegExp {
  const pattern = url
    .split('/')
    .map((part) => {
      if (part.startsWith(':')) return SEGMENT
      return part === '*' ? `${SEGMENT}(?:/${SEGMENT})*` : part.replaceAll('.', '\\.')
    })
    .join('/')
  return new RegExp(`^${pattern}$`)
}

function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? ''
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}
