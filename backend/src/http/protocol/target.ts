import type { IncomingMessage } from 'node:http'

/**
 * @returns a function that gives the path and query of a request below the base path, which is all that
 * routes know. Outside of the base path it prepends a slash: no route has an empty segment, so it is 404.
 */
export function targetReader(basePath: string): (request: IncomingMessage) => string {
  if (basePath === '') return originForm
  const below = `${basePath}/`
  const withQuery = `${basePath}?`
  return (request) => {
    const target = originForm(request)
    if (target.startsWith(below)) return target.slice(basePath.length)
    // Proxies redirect either of /todo and /todo/ to the other, so both are the home resource.
    const isHome = target === basePath || target.startsWith(withQuery)
    if (isHome) return `/${target.slice(basePath.length)}`
    // The form `*` of OPTIONS names the server itself (RFC 9112 §3.2.4).
    return target.startsWith('/') ? `/${target}` : target
  }
}

/** A server must accept the absolute form of a request target, whose path may be empty (RFC 9112 §3.2.2). */
function originForm({ url = '/' }: IncomingMessage): string {
  if (url.startsWith('/')) return url
  const rest = url.replace(/^https?:\/\/[^/?#]+/i, '')
  return rest === '' || rest.startsWith('?') ? `/${rest}` : rest
}
