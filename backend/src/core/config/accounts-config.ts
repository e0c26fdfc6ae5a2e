import { isIPv4 } from 'node:net'
import { ConfigError, type SettingsReader } from './settings.ts'

/** How to send mail: the server as an URL (`smtp://user:password@host:port`), and the sender. */
export interface MailConfig {
  readonly url: string
  readonly from: string
  /** Whether mail is sent only over an encrypted connection. */
  readonly requireTls: boolean
}

/** The OAuth client that a sign-in provider has registered for this server. */
export interface ProviderConfig {
  readonly clientId: string
  readonly clientSecret: string
}

/** An OpenID provider, and the client that it has registered for this server. */
export interface OidcConfig extends ProviderConfig {
  /** As the provider's discovery document has it. */
  readonly issuer: string
  /** For people. */
  readonly name: string
}

/** The settings of the built-in accounts. */
export interface AccountsConfig {
  /** Whether anyone may create an account. */
  readonly signUp: boolean
  readonly requireEmailVerification: boolean
  /** Undefined if no mail can be sent. Addresses are then not verified, and users cannot reset passwords. */
  readonly mail: MailConfig | undefined
  readonly google: ProviderConfig | undefined
  readonly github: ProviderConfig | undefined
  readonly oidc: OidcConfig | undefined
  /** The `SameSite` attribute of the session's cookie. */
  readonly cookieSameSite: SameSite
  /** Whether sign-ups, sign-ins, passwords and mails are limited. Always true in production. */
  readonly limits: boolean
}

export type SameSite = 'lax' | 'strict' | 'none'

/**
 * @returns null if `ACCOUNTS` is off: an external issuer then signs all tokens.
 * @throws {ConfigError} for an invalid setting, and for one that needs another setting.
 */
export function readAccounts(
  read: SettingsReader,
  { publicUrl, production }: { publicUrl: string; production: boolean },
): AccountsConfig | null {
  const mail = readMail(read)
  const verify = read.toggle('REQUIRE_EMAIL_VERIFICATION', mail !== undefined)
  if (verify && mail === undefined) {
    throw new ConfigError(
      'REQUIRE_EMAIL_VERIFICATION needs SMTP_URL, such as smtp://user:password@mail.example.com:587',
    )
  }
  const limits = read.toggle('ACCOUNT_LIMITS', true)
  if (production && !limits) {
    throw new ConfigError(
      'ACCOUNT_LIMITS=off would let anyone try any number of passwords, so it is refused when NODE_ENV is production: leave ACCOUNT_LIMITS out',
    )
  }
  const accounts: AccountsConfig = Object.freeze({
    signUp: read.toggle('SIGN_UP', true),
    requireEmailVerification: verify,
    mail,
    google: readProvider(read, 'GOOGLE'),
    github: readProvider(read, 'GITHUB'),
    oidc: readOidc(read),
    cookieSameSite: readSameSite(read, publicUrl),
    limits,
  })
  return read.toggle('ACCOUNTS', true) ? accounts : null
}

function readSameSite(read: SettingsReader, publicUrl: string): SameSite {
  const value = read.oneOf('COOKIE_SAME_SITE', ['lax', 'strict', 'none'], 'lax') as SameSite // one of these
  if (value === 'none' && !publicUrl.startsWith('https://')) {
    throw new ConfigError(
      'COOKIE_SAME_SITE=none needs https, because browsers accept such cookies only if they are Secure: set BETTER_AUTH_URL to the https address that people use',
    )
  }
  return value
}

function readMail(read: SettingsReader): MailConfig | undefined {
  const url = read.text('SMTP_URL')
  const from = read.text('SMTP_FROM')
  const { protocol, hostname = '' } = URL.parse(url ?? '') ?? {}
  const requireTls = read.toggle('SMTP_REQUIRE_TLS', !isLoopback(hostname))
  if (url === undefined && from === undefined) return undefined
  if (url === undefined || !['smtp:', 'smtps:'].includes(protocol ?? '') || !hostname) {
    throw new ConfigError(
      'SMTP_URL takes smtp://user:password@host:port, or smtps:// (percent-encoded)',
    )
  }
  if (from === undefined || !/^[^\r\n]*[^\s@]@[^\s@]+$/.test(from)) {
    throw new ConfigError('SMTP_FROM takes the sender of mail, such as Todo <todo@example.com>')
  }
  return { url, from, requireTls }
}

/** On a connection within this machine, nobody can read the mail or strip STARTTLS. */
function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase()
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
}

function readProvider(read: SettingsReader, name: string): ProviderConfig | undefined {
  const clientId = read.text(`${name}_CLIENT_ID`)
  const clientSecret = read.text(`${name}_CLIENT_SECRET`)
  if (clientId === undefined && clientSecret === undefined) return undefined
  if (clientId === undefined || clientSecret === undefined) {
    const missing = clientId === undefined ? 'ID' : 'SECRET'
    throw new ConfigError(
      `${name}_CLIENT_${missing} is missing: set both ${name}_CLIENT_ID and ${name}_CLIENT_SECRET, or neither`,
    )
  }
  return { clientId, clientSecret }
}

function readOidc(read: SettingsReader): OidcConfig | undefined {
  const issuer = read.text('OIDC_ISSUER')
  const clientId = read.text('OIDC_CLIENT_ID')
  const clientSecret = read.text('OIDC_CLIENT_SECRET')
  const name = read.text('OIDC_NAME')
  if ([issuer, clientId, clientSecret, name].every((value) => value === undefined)) return undefined
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) {
    const missing =
      issuer === undefined ? 'ISSUER' : clientId === undefined ? 'CLIENT_ID' : 'CLIENT_SECRET'
    throw new ConfigError(
      `OIDC_${missing} is missing: set all of OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, or none of them and no OIDC_NAME`,
    )
  }
  const { protocol, hostname = '', host = '', search, hash } = URL.parse(issuer) ?? {}
  const encrypted = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
  if (!encrypted || search !== '' || hash !== '') {
    throw new ConfigError(
      'OIDC_ISSUER takes the https address of an OpenID provider, such as https://login.example.com/realms/main (http only on this machine, no query)',
    )
  }
  return { issuer, clientId, clientSecret, name: name ?? host }
}
