import { betterAuth } from 'better-auth'
import { APIError } from 'better-auth/api'
import { bearer } from 'better-auth/plugins/bearer'
import { jwt } from 'better-auth/plugins/jwt'
import { Kysely } from 'kysely'
import type { AccountsConfig } from '../core/config/accounts-config.ts'
import type { Config } from '../core/config/config.ts'
import { LIMITS } from '../core/limits.ts'
import type { Log } from '../core/log/logger.ts'
import { redactDetail, redactText } from '../core/log/redact.ts'
import { signAccountToken } from '../core/token.ts'
import { accountDialect } from '../database/accounts/account-dialect.ts'
import type { AccountPool } from '../database/accounts/account-pool.ts'
import type { AttemptLimit, Attempts } from '../models/accounts/account.ts'
import { ACCOUNTS_PATH, ADDRESS_HEADER } from './http.ts'
import { mailOptions } from './mail-options.ts'
import { answerBeforeLooking } from './mail-requests.ts'
import { oidcPlugins } from './oidc.ts'
import type { Passwords } from './passwords.ts'
import { type EndSessions, revokeSessions } from './sessions.ts'
import { describeToken } from './token-response.ts'

/** Better Auth's own limit for sign-ins, applied to the other endpoints that hash passwords. */
const HASHING_RULE = { window: LIMITS.hashesWindowSeconds, max: LIMITS.hashesPerAddress }

export type BetterAuth = ReturnType<typeof createBetterAuth>

export interface BetterAuthParts {
  readonly config: Config
  readonly settings: AccountsConfig
  readonly pool: AccountPool
  readonly log: () => Log
  readonly passwords: Passwords
  /** Counts a request of a client address. */
  readonly count: (address: string, limit: AttemptLimit) => Promise<Attempts>
  /**
   * Called before a password is hashed, or compared with the hash of an account.
   *
   * @throws {AppError} `too_many_requests`
   */
  readonly beforePassword: (hash?: string) => Promise<void>
  readonly deleteAccount: (id: string) => Promise<void>
  readonly endSessions: EndSessions
  /** The `iat` of a new token in seconds, or undefined if the session has ended. */
  readonly tokenTime: (userId: string, sessionId: string) => Promise<number | undefined>
  /** Whether one more mail may go to this address. */
  readonly mayMail: (email: string) => Promise<boolean>
  /** Starts work after the response has been sent. */
  readonly later: (work: () => Promise<unknown>) => void
  /** Takes work that continues after the response, such as mail. */
  readonly background: (work: Promise<unknown>) => void
}

/** @returns Better Auth with its checks enabled, its tables in `todo_auth`, and tokens signed by us. */
export function createBetterAuth(parts: BetterAuthParts) {
  const { config, settings, pool, log, passwords, background } = parts
  const versioned = config.versionedSecrets.length > 0
  const mail = mailOptions(parts)
  const { requireEmailVerification } = settings
  const disableSignUp = !settings.signUp
  return betterAuth({
    appName: 'Todo Backend',
    // Better Auth ignores its `basePath` if the address has a path.
    baseURL: new URL(config.publicUrl).origin,
    basePath: `${config.basePath}${ACCOUNTS_PATH}`,
    // With versioned secrets, Better Auth uses this one to decrypt data from before versions.
    secret: config.verifyingSecrets.at(-1) ?? config.secret,
    ...(versioned && { secrets: [...config.versionedSecrets] }),
    database: {
      db: new Kysely({ dialect: accountDialect(pool) }),
      type: 'postgres',
      schemaName: 'todo_auth',
      transaction: true,
    },
    emailAndPassword: {
      enabled: true,
      disableSignUp,
      requireEmailVerification,
      revokeSessionsOnPasswordReset: true,
      password: {
        hash: async (password) => {
          await parts.beforePassword()
          return passwords.hash(password)
        },
        verify: async (given) => {
          await parts.beforePassword(given.hash)
          return passwords.verify(given)
        },
      },
      ...mail.password,
    },
    emailVerification: mail.verification,
    socialProviders: {
      ...(settings.google && { google: { ...settings.google, disableSignUp } }),
      ...(settings.github && { github: { ...settings.github, disableSignUp } }),
    },
    // Better Auth deletes in three transactions. If the last one fails, the owner cannot sign in.
    user: {
      deleteUser: { enabled: true, beforeDelete: ({ id }) => parts.deleteAccount(id) },
      changeEmail: { enabled: true },
    },
    databaseHooks: { user: { update: mail.updateUser } },
    account: { encryptOAuthTokens: true },
    trustedOrigins: trustedOrigins(config),
    rateLimit: {
      enabled: true,
      customStorage: rateLimitStorage(parts),
      customRules: { '/delete-user': HASHING_RULE, '/reset-password': HASHING_RULE },
    },
    // By default Better Auth responds with 500 and writes the cause to the console.
    onAPIError: { throw: true },
    advanced: {
      // By default Better Auth disables both checks if NODE_ENV is test.
      disableOriginCheck: false,
      disableCSRFCheck: false,
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
      backgroundTasks: { handler: background },
      ...cookieOptions(settings, config),
      // By default Better Auth validates at every start. The migrations check their own hashes.
      database: { validateSchema: false },
    },
    telemetry: { enabled: false },
    // At any other level Better Auth also writes to the console.
    logger: { level: 'info', log: writeTo(log) },
    plugins: [
      bearer(),
      tokens(parts),
      revokeSessions(parts.endSessions),
      answerBeforeLooking(parts.later),
      describeToken(),
      ...(settings.oidc
        ? oidcPlugins(settings.oidc, log, { disableSignUp, requireEmailVerification })
        : []),
    ],
  })
}

/**
 * Logs Better Auth's warnings and errors as warnings, because most of its errors are client errors: the whole
 * message and its details, without secrets and addresses. Drops its lower levels, which are about requests that
 * succeed. Better Auth sometimes passes an error as the message.
 */
function writeTo(log: () => Log) {
  return (level: string, message: unknown, ...details: unknown[]) => {
    if (level !== 'warn' && level !== 'error') return
    const err = [message, ...details].find((detail) => detail instanceof Error)
    const others = details.filter((detail) => detail !== err && detail !== undefined)
    const line = {
      ...(err && { err }),
      ...(others.length > 0 && { details: others.map((detail) => redactDetail(detail)) }),
    }
    // The logger redacts a message only beside an error or alone.
    const text = typeof message === 'string' ? redactText(message) : ''
    log().warn(line, text || 'Better Auth failed')
  }
}

/**
 * Signs tokens with the secret. The plugin accepts a signing function only with the address of a key set,
 * which nothing requests: `/jwks` is not served. Of the plugin's payload, the whole user, only the id is
 * used: Better Auth would accept a token with an e-mail address as a verification of that address.
 */
function tokens({ config, tokenTime }: BetterAuthParts) {
  return jwt({
    jwks: { remoteUrl: config.publicUrl, keyPairConfig: { alg: 'ES256' } },
    jwt: {
      definePayload: async ({ user, session }) => {
        const iat = await tokenTime(user.id, session.id)
        if (iat === undefined) throw new APIError('UNAUTHORIZED')
        return { iat }
      },
      sign: ({ sub = '', iat }) => signAccountToken(config, sub, iat),
    },
  })
}

/**
 * Strict applies to the session only: the cookie of a sign-in with a provider must come back with the redirect from
 * the provider's site. None applies to all cookies, because a page of another site starts such a sign-in.
 */
function cookieOptions(
  { cookieSameSite: sameSite }: AccountsConfig,
  { basePath }: Pick<Config, 'basePath'>,
) {
  // Other programs of the host must not get the session.
  const path = basePath === '' ? {} : { path: basePath }
  if (sameSite === 'none') return { defaultCookieAttributes: { ...path, sameSite } }
  const attributes = { sameSite }
  return {
    defaultCookieAttributes: path,
    cookies: { session_token: { attributes }, dont_remember: { attributes } },
  }
}

/** Outside production, front ends of this machine are trusted on every port, as for tasks (origins.ts). */
function trustedOrigins({ production, trustedOrigins }: Config): string[] {
  const hosts = production ? [] : ['localhost', '127.0.0.1']
  const local = hosts.flatMap((host) => [`http://${host}`, `https://${host}`])
  // A pattern of Better Auth is compared with a parsed origin, so only a port can match the asterisk.
  return [...trustedOrigins, ...local, ...local.map((origin) => `${origin}:*`)]
}

function rateLimitStorage({ count }: BetterAuthParts) {
  return {
    // The key is the address and the path. The path may contain a token, so only the address is used.
    consume: async (key: string, { window, max }: { window: number; max: number }) => {
      const [address = ''] = key.split('|')
      const { allowed, resetSeconds } = await count(address, { max, windowSeconds: window })
      return { allowed, retryAfter: allowed ? null : resetSeconds }
    },
  }
}
