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
 * Canonical paths (contract §1): a path is served in its one spelling, and every other spelling of
 * it, which the router would decode or take with an empty segment, is a 404. A known path answers
 * OPTIONS with 204, and a method it does not have with 405, both with `Allow`.
 */
export function serveCanonicalPaths(app: FastifyInstance): void {
  const resources = new Map<string, Resource>()
  const taken = new Set(['authorization', 'content-type'])
  app.addHook('onRoute', ({ url, method, schema }) => {
    for (const name of requestHeaders(schema?.headers)) taken.add(name)
    // @fastify/cors adds OPTIONS for every path; some plugins add a path's twin with a slash behind.
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
    if (request.method === 'OPTIONS') return answerOptions(reply, allow, taken)
    done(new AppError('method_not_allowed', { headers: { allow } }))
  })
  // For what a route itself does not find, such as a file of the docs page.
  app.setNotFoundHandler(() => {
    throw new AppError('not_found')
  })
}

/** One segment of a path for a client to use: percent-encoded, and never a dot segment. */
export function encodeSegment(text: string): string {
  return text === '.' || text === '..' ? text.replaceAll('.', '%2E') : encodeURIComponent(text)
}

function answerOptions(reply: FastifyReply, allow: string, taken: Set<string>): void {
  reply.code(204).header('allow', allow)
  // The CORS plugin has named the origin where it is trusted; the rest of a preflight is told here.
  if (reply.hasHeader('access-control-allow-origin')) {
    reply.headers({
      'access-control-allow-methods': allow,
      'access-control-allow-headers': [...taken].sort().join(', '),
      'access-control-max-age': PREFLIGHT_MAX_AGE_SECONDS,
    })
  }
  reply.send()
}

/** The names of the headers that a route's schema describes. */
function requestHeaders(schema: unknown): string[] {
  const { properties = {} } = (schema ?? {}) as { properties?: object } // ours
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
