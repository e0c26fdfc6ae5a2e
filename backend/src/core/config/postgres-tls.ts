import { readFileSync } from 'node:fs'
import { getCACertificates, type SecureVersion } from 'node:tls'
import { accessRemedy } from '../access-remedy.ts'
import { withoutSecrets } from '../log/redact.ts'
import { ConfigError } from './settings.ts'

/** TLS options of a connection, in the form in which pg passes them to `tls.connect`. */
export interface TlsOptions {
  rejectUnauthorized: boolean
  /** Replaces the comparison of the certificate with the host name. */
  checkServerIdentity?: () => undefined
  ca?: string | string[]
  cert?: string
  key?: string
  passphrase?: string
  minVersion?: SecureVersion
}

/** A connection string without the parameters about TLS, and their meaning. */
export interface PostgresTls {
  readonly url: string
  /** Undefined without `sslmode`: then there is no TLS, unless PGSSLMODE asks pg for it. */
  readonly tls: TlsOptions | false | undefined
  /** Whether a server without TLS is used as well. */
  readonly prefersTls: boolean
  /** Whether TLS begins without PostgreSQL's request for it. */
  readonly isDirect: boolean
  readonly channelBinding: (typeof CHANNEL_BINDINGS)[number]
}

const MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
const CHANNEL_BINDINGS = ['disable', 'prefer', 'require'] as const
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
const NEGOTIATIONS = ['postgres', 'direct'] as const
/** Parameters of libpq that demand more than pg can check. Without them the connection would be less safe. */
const UNSUPPORTED = ['sslcrl', 'sslcrldir', 'sslcertmode', 'require_auth', 'requirepeer']
/** These are read here, so pg must not read them again. `uselibpqcompat` is pg's own. */
const READ = [
  ...['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslnegotiation'],
  ...['ssl_min_protocol_version', 'channel_binding', 'uselibpqcompat'],
]

/**
 * Reads the parameters about TLS with the meaning that they have in libpq (PostgreSQL manual, "SSL Support"),
 * because pg gives several of them another one. It does not look for files in `~/.postgresql`.
 *
 * @param name of the setting, for errors.
 * @throws {ConfigError} for an unknown value, an unreadable file, or parameters that contradict each other.
 */
export function readPostgresTls(name: string, value: string): PostgresTls {
  const url = URL.parse(value)
  const unsupported = UNSUPPORTED.find((parameter) => url?.searchParams.has(parameter))
  if (unsupported !== undefined) {
    throw new ConfigError(`${name}: the server does not support ${unsupported}: leave it out`)
  }
  const given = READ.filter((parameter) => url?.searchParams.has(parameter))
  if (url === null || given.length === 0) {
    const none = { tls: undefined, prefersTls: false, isDirect: false } as const
    return { url: value, ...none, channelBinding: 'disable' }
  }
  const parameters = new Parameters(name, url.searchParams)
  const channelBinding = parameters.oneOf('channel_binding', CHANNEL_BINDINGS) ?? 'disable'
  const isDirect = parameters.oneOf('sslnegotiation', NEGOTIATIONS) === 'direct'
  const mode = modeOf(parameters, channelBinding === 'require')
  if (isDirect && (mode === undefined || mode === 'disable' || mode === 'prefer')) {
    throw new ConfigError(`${name}: sslnegotiation=direct needs sslmode=require or stricter`)
  }
  const tls = isSocket(url) || mode === 'disable' ? false : mode && optionsOf(parameters, mode)
  for (const parameter of given) url.searchParams.delete(parameter)
  return { url: url.href, tls, prefersTls: mode === 'prefer', isDirect, channelBinding }
}

type Mode = (typeof MODES)[number]

class Parameters {
  readonly name: string
  readonly #search: URLSearchParams

  constructor(name: string, search: URLSearchParams) {
    this.name = name
    this.#search = search
  }

  text(parameter: string): string | undefined {
    return this.#search.get(parameter) || undefined
  }

  oneOf<const Choice extends string>(
    parameter: string,
    choices: readonly Choice[],
  ): Choice | undefined {
    const value = this.text(parameter)
    const choice = choices.find((one) => one === value)
    if (value === undefined || choice !== undefined) return choice
    const and = choices.length > 2 ? ' one of' : ''
    throw new ConfigError(`${this.name}: ${parameter} takes${and} ${choices.join(', ')}`)
  }

  file(parameter: string): string | undefined {
    const path = this.text(parameter)
    if (path === undefined) return undefined
    try {
      return readFileSync(path, 'utf8')
    } catch (cause) {
      const shown = withoutSecrets(path)
      throw new ConfigError(
        `${this.name}: ${parameter} names a file that cannot be read: ${shown}.${accessRemedy(cause)}`,
        { cause },
      )
    }
  }
}

/** `ssl=true` is how JDBC writes `sslmode=require`, and libpq accepts it. Binding a channel needs TLS. */
function modeOf(parameters: Parameters, bindsChannel: boolean): Mode | undefined {
  const ssl = parameters.oneOf('ssl', ['true']) && 'require'
  const isSystem = parameters.text('sslrootcert') === 'system'
  const mode = parameters.oneOf('sslmode', MODES) ?? ssl ?? (isSystem ? 'verify-full' : undefined)
  if (isSystem && mode !== 'verify-full') {
    throw new ConfigError(
      `${parameters.name}: sslrootcert=system needs sslmode=verify-full, because anyone can get a certificate of a public authority`,
    )
  }
  if (!bindsChannel) return mode
  if (mode === 'disable') {
    throw new ConfigError(
      `${parameters.name}: channel_binding=require needs TLS, and sslmode is disable`,
    )
  }
  return mode === undefined || mode === 'prefer' ? 'require' : mode
}

function optionsOf(parameters: Parameters, mode: Mode): TlsOptions {
  const { name } = parameters
  const ca =
    parameters.text('sslrootcert') === 'system'
      ? publicAuthorities()
      : parameters.file('sslrootcert')
  const cert = parameters.file('sslcert')
  const key = parameters.file('sslkey')
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConfigError(`${name}: set both sslcert and sslkey, or neither`)
  }
  if (mode === 'verify-ca' && ca === undefined) {
    throw new ConfigError(
      `${name}: sslmode=verify-ca needs sslrootcert, the file of the authority that signs the certificate of the database`,
    )
  }
  const passphrase = parameters.text('sslpassword')
  const minVersion = parameters.oneOf('ssl_min_protocol_version', VERSIONS)
  return {
    ...verification(mode, ca),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(minVersion !== undefined && { minVersion }),
  }
}

/** With a root certificate, `require` verifies as `verify-ca` does. `prefer` never verifies. */
function verification(mode: Mode, ca: string | string[] | undefined): TlsOptions {
  if (mode === 'prefer' || (mode === 'require' && ca === undefined)) {
    return { rejectUnauthorized: false }
  }
  return {
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  }
}

/** The authorities of the operating system, or Node's own list in an image that has none. */
function publicAuthorities(): string[] {
  const installed = getCACertificates('system')
  return installed.length > 0 ? installed : getCACertificates('bundled')
}

/** libpq uses no TLS on a Unix socket. */
function isSocket({ hostname, searchParams }: URL): boolean {
  return /^(\/|%2f)/i.test(searchParams.get('host') ?? hostname)
}
