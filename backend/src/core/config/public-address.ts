import { ConfigError, exactOrigin, type SettingsReader } from './settings.ts'

/** The address that clients use. */
export interface PublicAddress {
  /** The origin and the base path, without a final slash. */
  readonly publicUrl: string
  /** The path below which the server serves everything, such as `/todo`; empty at the root of a host. */
  readonly basePath: string
}

/** Segments of unreserved characters (RFC 3986 §2.3), so that the path has one spelling. No dot segments. */
const BASE_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/
const ADDRESS = /^(https?:\/\/[^/?#]+)\/?$|^(https?:\/\/[^/?#]+)(\/.+)$/

/**
 * Reads `BETTER_AUTH_URL` and `BASE_PATH`. The base path may be in either of them.
 *
 * @throws {ConfigError} for an invalid value, and if the two have different paths.
 */
export function readPublicAddress(read: SettingsReader, port: number): PublicAddress {
  const { origin = `http://localhost:${port}`, path } = readAddress(read.text('BETTER_AUTH_URL'))
  const given = read.text('BASE_PATH')
  if (given !== undefined && !BASE_PATH.test(given)) {
    throw new ConfigError(
      'BASE_PATH takes a path such as /todo: it begins with /, does not end with /, and has letters, digits, - . _ ~ in each segment, but no dot segments. Leave it out to serve at the root of a host',
    )
  }
  if (given !== undefined && path !== undefined && given !== path) {
    throw new ConfigError(
      `BASE_PATH is ${given}, but BETTER_AUTH_URL has the path ${path}: set the path in one of them, or the same in both`,
    )
  }
  const basePath = given ?? path ?? ''
  return { publicUrl: `${origin}${basePath}`, basePath }
}

function readAddress(value: string | undefined): { origin?: string; path?: string } {
  if (value === undefined) return {}
  const [, bare, withPath, path] = ADDRESS.exec(value) ?? []
  const origin = bare ?? withPath
  if (origin === undefined || (path !== undefined && !BASE_PATH.test(path))) {
    throw new ConfigError(
      'BETTER_AUTH_URL takes the address that clients use, such as https://todo.example.com or https://example.com/todo (no final slash, no query)',
    )
  }
  if (path?.endsWith('/api/auth')) {
    throw new ConfigError(
      'BETTER_AUTH_URL ends with /api/auth, which the server adds itself: leave that part out',
    )
  }
  return { origin: exactOrigin('BETTER_AUTH_URL', origin), ...(path !== undefined && { path }) }
}
