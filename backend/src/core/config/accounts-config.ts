import { isIPv4 } from 'node:net'
import { ConfigError, type SettingsReader } from './settings.ts'

/** How mail is sent: an address of nodemailer's (`smtp://user:password@host:port`), and the sender. */
export interface MailConfig {
  readonly url: string
  readonly from: string
  /** Whether mail is sent only over an encrypted connection. */
  readonly requireTls: boolean
}

/** This server's own registration at a provider of sign-ins. */
export interface ProviderConfig {
  readonly clientId: string
  readonly clientSecret: string
}

/** What the accounts in the box offer beyond an e-mail address and a password. */
export interface AccountsConfig {
  /** Whether anybody may make an account. */
  readonly signUp: boolean
  readonly requireEmailVerification: boolean
  /** Undefined where no mail can be sent: then nothing is verified, and no password reset. */
  readonly mail: MailConfig | undefined
  readonly google: ProviderConfig | undefined
  readonly github: ProviderConfig | undefined
}

/**
 * @returns null where `ACCOUNTS` is off: tokens then come from elsewhere.
 * @throws {ConfigError} also for a setting that lacks the one it belongs to.
 */
export function readAccounts(read: SettingsReader): AccountsConfig | null {
  const mail = readMail(read)
  const verify = read.toggle('REQUIRE_EMAIL_VERIFICATION', mail !== undefined)
  if (verify && mail === undefined) {
    throw new ConfigError(
      'REQUIRE_EMAIL_VERIFICATION needs SMTP_URL, such as smtp://user:password@mail.example.com:587',
    )
  }
  const accounts: AccountsConfig = Object.freeze({
    signUp: read.toggle('SIGN_UP', true),
    requireEmailVerification: verify,
    mail,
    google: readProvider(read, 'GOOGLE'),
    github: readProvider(read, 'GITHUB'),
  })
  return read.toggle('ACCOUNTS', true) ? accounts : null
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
