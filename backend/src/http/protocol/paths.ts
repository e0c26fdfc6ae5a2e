import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.ts'

/** A path segment as a client must write it: not empty, no dot segment, no backslash (RFC 3986 §3.3). */
const SEGMENT = '(?!\\.\\.?(?:/|$))[^/\\\\]+'
const PREFLIGHT_MAX_AGE_SECONDS = 86_400
/** Headers of requests that no route documents: of every request, of tracing (W3C, Sentry), of event streams. */
const ACCEPTED_HEADERS = [
  ...['authorization', 'content-type', 'prefer', 'x-request-id'],
  ...['baggage', 'sentry-trace', 'traceparent', 'tracestate'],
  'last-event-id',
]

interface Resource {
  pattern: RegExp
  readonly methods: Set<string>
}

/**
 * Serves each path only in its canonical spelling (contract §1). Other spellings, which the router would
 * decode or accept with an empty segment, are 404. On a known path OPTIONS is 204, and an unsupported
 * method is 405, both with `Allow`. A preflight request from a page of a trusted origin is 204 on every path:
 * otherwise the page could not read the 404 that its request gets.
 */
export function serveCanonicalPaths(app: FastifyInstance): void {
  const resources = new Map<string, Resource>()
  const acceptedHeaders = new Set(ACCEPTED_HEADERS)
  app.addHook('onRoute', ({ url, method, schema, prefix }) => {
    for (const name of requestHeaders(schema?.headers)) acceptedHeaders.add(name)
    // @fastify/cors adds OPTIONS for every path, and Fastify the path of a prefix again with a final slash.
    if (url === '*' || (prefix !== '' && url.endsWith('/'))) return
    const resource = resources.get(url) ?? { pattern: /$^/, methods: new Set(['OPTIONS']) }
    for (const name of [method].flat()) resource.methods.add(name)
    resources.set(url, resource)
  })
  app.addHook('onReady', (done) => {
    const urls = [...resources.keys()]
    for (const [url, resource] of resources) resource.pattern = canonical(url, urls)
    done()
  })
  const allowed = (path?: string): string => {
    const all = [...resources.values()]
    const found = path === undefined ? all : all.filter(({ pattern }) => pattern.test(path))
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort().join(', ')
  }
  app.addHook('onRequest', (request, reply, done) => {
    // RFC 9112 §3.2: a target has no fragment. The router would read one as the query.
    if (request.raw.url?.includes('#')) return done(new AppError('bad_request'))
    const path = pathOf(request)
    const { url = '*' } = request.routeOptions
    if (url !== '*' && resources.get(url)?.pattern.test(path)) return done()
    const allow = allowed(path)
    if (allow === '' && !isTrustedPreflight(request, reply)) return done(new AppError('not_found'))
    if (request.method === 'OPTIONS') {
      return sendOptions(reply, allow, allow || allowed(), acceptedHeaders)
    }
    // The router has decoded the name of a sibling, such as `tr%61sh`, which is no id either.
    if (allow.split(', ').includes(request.method)) return done(new AppError('not_found'))
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

function sendOptions(
  reply: FastifyReply,
  allow: string,
  methods: string,
  acceptedHeaders: Set<string>,
): void {
  reply.code(204)
  if (allow !== '') reply.header('allow', allow)
  if (isTrusted(reply)) {
    reply.headers({
      'access-control-allow-methods': methods,
      'access-control-allow-headers': [...acceptedHeaders].sort().join(', '),
      'access-control-max-age': PREFLIGHT_MAX_AGE_SECONDS,
    })
  }
  reply.send()
}

/** The CORS plugin has set this header for a trusted origin. */
const isTrusted = (reply: FastifyReply) => reply.hasHeader('access-control-allow-origin')

/** A preflight request of a trusted origin (the CORS protocol of the Fetch standard). */
function isTrustedPreflight({ method, headers }: FastifyRequest, reply: FastifyReply): boolean {
  const asks = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
  return asks && isTrusted(reply)
}

/** The names of the headers that a route's schema describes. */
function requestHeaders(schema: unknown): string[] {
  const { properties = {} } = (schema ?? {}) as { properties?: object } // our own schema
  return Object.keys(properties)
}

/**
 * @param urls all routes. A parameter does not match the name of a sibling: with `/notes/:id` and `/notes/archive`, a
 *   method that only the first one has is 405 for the second.
 */
function canonical(url: string, urls: readonly string[]): RegExp {
  const parts = url.split('/')
  const pattern = parts
    .map((part, at) => {
      if (part.startsWith(':')) return `${except(siblings(parts, at, urls))}${SEGMENT}`
      return part === '*' ? `${SEGMENT}(?:/${SEGMENT})*` : part.replaceAll('.', '\\.')
    })
    .join('/')
  return new RegExp(`^${pattern}$`)
}

/** The names that other routes have in this place, with all other parts the same. */
function siblings(parts: readonly string[], at: number, urls: readonly string[]): string[] {
  return urls.flatMap((url) => {
    const others = url.split('/')
    const name = others[at] ?? ''
    const isSibling = name !== '' && others.with(at, parts[at] ?? '').join('/') === parts.join('/')
    return isSibling && !name.startsWith(':') && name !== '*' ? name : []
  })
}

function except(names: readonly string[]): string {
  return names.length === 0 ? '' : `(?!(?:${names.join('|').replaceAll('.', '\\.')})(?:/|$))`
}

function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? ''
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}
