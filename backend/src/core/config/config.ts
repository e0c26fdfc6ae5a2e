import { dirname, resolve } from 'node:path'
import { type AccountsConfig, readAccounts } from './accounts-config.ts'
import { misspeltSettings } from './misspelt.ts'
import { type ObservationConfig, readObservation } from './observation-config.ts'
import { readPostgresTls } from './postgres-tls.ts'
import { readPublicAddress } from './public-address.ts'
import { loadOrCreateSecret } from './secret.ts'
import {
  ConfigError,
  type Environment,
  exactOrigin,
  type SettingsReader,
  settingsReader,
} from './settings.ts'
import { unusableFolder } from './unusable-folder.ts'

/** The database for the tasks: PostgreSQL, or PGlite in a local folder or in memory. */
export type DatabaseConfig =
  | { readonly kind: 'postgres'; readonly url: string; readonly directUrl: string }
  | { readonly kind: 'pglite'; readonly directory: string | null }

export interface VersionedSecret {
  readonly version: number
  readonly value: string
}

export interface Config {
  readonly production: boolean
  readonly database: DatabaseConfig
  readonly poolMax: number
  /** Signs tokens. */
  readonly secret: string
  /** The secrets with which tokens are verified, {@link secret} first. */
  readonly verifyingSecrets: readonly string[]
  /** `BETTER_AUTH_SECRETS`, newest first. Empty if the only secret has no version. */
  readonly versionedSecrets: readonly VersionedSecret[]
  /** True if the server generated the secret because the operator set none. */
  readonly secretIsLocal: boolean
  /** The URL of an external issuer's key set. */
  readonly jwksUrl: string | undefined
  /** The built-in accounts; null if they are off. */
  readonly accounts: AccountsConfig | null
  /** The address that clients use, with the base path. */
  readonly publicUrl: string
  /** The path below which the server serves everything, such as `/todo`; empty at the root of a host. */
  readonly basePath: string
  readonly jwtIssuer: string | undefined
  readonly jwtAudience: string | undefined
  /** How far the clocks of issuers may differ from this server's, for `exp` and `nbf`. */
  readonly clockToleranceSeconds: number
  readonly trustedOrigins: readonly string[]
  readonly trustProxy: readonly string[]
  /** The number of task requests that one user may send in a minute. 0 means no limit. */
  readonly rateLimitPerMinute: number
  /** How long a deleted task stays in the trash. 0 means that deletion is permanent. */
  readonly trashDays: number
  /** Whether the server serves the web page. */
  readonly web: boolean
  /** How many server processes share the port. */
  readonly processes: number
  readonly host: string
  readonly port: number
  readonly logLevel: string
  readonly observation: ObservationConfig
  /** A line about variables whose names are close to a setting. */
  readonly misspelt: string | undefined
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']
const DEFAULT_DIRECTORY = '.data'

/**
 * Reads the settings of contract §5 once.
 *
 * @param env the environment; names with an empty value count as unset.
 * @returns the settings, frozen.
 * @throws {ConfigError} that names the first invalid variable and its valid values.
 */
export function loadConfig(env: Environment = process.env): Config {
  const misspelt = misspeltSettings(Object.keys(env))
  try {
    return readConfig(env, misspelt)
  } catch (error) {
    if (misspelt === undefined || !(error instanceof ConfigError)) throw error
    throw new ConfigError(`${error.message}. ${misspelt}`, { cause: error })
  }
}

function readConfig(env: Environment, misspelt: string | undefined): Config {
  const read = settingsReader(env)
  if (Object.hasOwn(env, 'BETTER_AUTH_TRUSTED_ORIGINS')) {
    throw new ConfigError(
      'BETTER_AUTH_TRUSTED_ORIGINS is Better Auth’s own, and takes patterns: put exact origins into TRUSTED_ORIGINS',
    )
  }
  const production =
    read.oneOf('NODE_ENV', ['development', 'production', 'test'], 'development') === 'production'
  const port = read.integer('PORT', 8000, 0, 65535)
  const database = readDatabase(read.text('DATABASE_URL'), read.text('DATABASE_URL_UNPOOLED'))
  if (production && read.text('DATABASE_URL') === undefined) {
    throw new ConfigError(
      'DATABASE_URL is required when NODE_ENV is production: postgres://user:password@host/database (or pglite:<directory> for the embedded database)',
    )
  }
  const processes = read.integer('WEB_CONCURRENCY', 1, 1, 64)
  if (processes > 1 && database.kind === 'pglite') {
    throw new ConfigError(
      'WEB_CONCURRENCY above 1 needs PostgreSQL, since one process at a time can use the embedded database: set DATABASE_URL to postgres://user:password@host/database, or leave WEB_CONCURRENCY out',
    )
  }
  const { publicUrl, basePath } = readPublicAddress(read, port)
  return Object.freeze({
    production,
    database,
    poolMax: read.integer('DATABASE_POOL_MAX', 8, 1, 1000),
    publicUrl,
    basePath,
    jwksUrl: read.url('BETTER_AUTH_JWKS_URL'),
    accounts: readAccounts(read, { publicUrl, production }),
    jwtIssuer: read.text('JWT_ISSUER'),
    jwtAudience: read.text('JWT_AUDIENCE'),
    clockToleranceSeconds: read.integer('CLOCK_TOLERANCE_SECONDS', 60, 0, 300),
    trustedOrigins: read
      .list('TRUSTED_ORIGINS')
      .map((origin) => exactOrigin('TRUSTED_ORIGINS', origin)),
    trustProxy: read.addresses('TRUST_PROXY'),
    rateLimitPerMinute: read.integer('RATE_LIMIT_PER_MINUTE', 600, 0, 1_000_000),
    trashDays: read.integer('TRASH_DAYS', 30, 0, 3650),
    web: read.toggle('WEB', true),
    processes,
    host: read.text('HOST') ?? (production ? '0.0.0.0' : '127.0.0.1'),
    port,
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    observation: readObservation(read, port),
    misspelt,
    // Last, because it may write a file, which a refused start must not leave.
    ...readSecrets(read, production, database),
  })
}

/** Whether programs read what the server prints. It is known also when the settings are invalid. */
export function isProduction(env: Environment = process.env): boolean {
  return env.NODE_ENV === 'production'
}

function readDatabase(url: string | undefined, directUrl: string | undefined): DatabaseConfig {
  if (url === undefined) return { kind: 'pglite', directory: resolve(DEFAULT_DIRECTORY) }
  if (url.startsWith('pglite:')) {
    const directory = url.slice('pglite:'.length)
    if (directory === '') {
      throw new ConfigError(
        'DATABASE_URL names no directory: write pglite:<directory> or pglite:memory',
      )
    }
    return { kind: 'pglite', directory: directory === 'memory' ? null : resolve(directory) }
  }
  return {
    kind: 'postgres',
    url: postgresUrl('DATABASE_URL', url),
    directUrl: postgresUrl('DATABASE_URL_UNPOOLED', directUrl ?? url),
  }
}

function postgresUrl(name: string, value: string): string {
  const message = `${name} takes postgres://user:password@host/database (percent-encoded)${name === 'DATABASE_URL' ? ', pglite:<directory> or pglite:memory' : ''}`
  const url = URL.parse(value)
  const isPostgres = url !== null && ['postgres:', 'postgresql:'].includes(url.protocol)
  if (!isPostgres || !isDecodable(value)) throw new ConfigError(message)
  readPostgresTls(name, value)
  return value
}

/** A % in a password must be written as %25. pg would report it later, and less clearly. */
function isDecodable(value: string): boolean {
  try {
    decodeURIComponent(value)
    return true
  } catch {
    return false
  }
}

function readSecrets(read: SettingsReader, production: boolean, database: DatabaseConfig) {
  const given = read.text('BETTER_AUTH_SECRET')
  if (given !== undefined) longEnough('BETTER_AUTH_SECRET', given)
  const versionedSecrets = read.list('BETTER_AUTH_SECRETS').map(versionedSecret)
  if (new Set(versionedSecrets.map(({ version }) => version)).size < versionedSecrets.length) {
    throw new ConfigError(
      'BETTER_AUTH_SECRETS contains a version twice: use a different version for each secret',
    )
  }
  const secrets = [...versionedSecrets.map(({ value }) => value), ...(given ? [given] : [])]
  const [secret = localSecret(production, database)] = secrets
  return {
    secret,
    verifyingSecrets: secrets.length > 0 ? secrets : [secret],
    versionedSecrets,
    secretIsLocal: secrets.length === 0,
  }
}

/** Parses `<version>:<secret>`, which is Better Auth's format. */
function versionedSecret(entry: string): VersionedSecret {
  const [, version, value] = /^(\d{1,9}):\s*(\S.*)$/.exec(entry) ?? []
  if (version === undefined || value === undefined) {
    throw new ConfigError(
      'BETTER_AUTH_SECRETS takes <version>:<secret>, comma-separated, the newest first: 2:<new>,1:<old>',
    )
  }
  const source = `BETTER_AUTH_SECRETS: the secret of version ${version}`
  return { version: Number(version), value: longEnough(source, value) }
}

function localSecret(production: boolean, database: DatabaseConfig): string {
  if (production) {
    throw new ConfigError(
      'BETTER_AUTH_SECRET is required when NODE_ENV is production: at least 32 bytes, such as the output of openssl rand -base64 32',
    )
  }
  const directory = database.kind === 'pglite' ? database.directory : null
  const file = resolve(directory ?? DEFAULT_DIRECTORY, 'secret')
  try {
    return longEnough(file, loadOrCreateSecret(file))
  } catch (error) {
    throw error instanceof ConfigError ? error : unusableFolder(dirname(file), error)
  }
}

function longEnough(source: string, secret: string): string {
  if (Buffer.byteLength(secret) >= 32) return secret
  throw new ConfigError(
    `${source} has fewer than 32 bytes: take the output of openssl rand -base64 32`,
  )
}
