import { betterAuth } from 'better-auth'
import { bearer } from 'better-auth/plugins/bearer'
import { jwt } from 'better-auth/plugins/jwt'
import { Kysely } from 'kysely'
import type { AccountsConfig } from '../core/config/accounts-config.ts'
import type { Config } from '../core/config/config.ts'
import { LIMITS } from '../core/limits.ts'
import type { Log } from '../core/log/logger.ts'
import { signAccountToken } from '../core/token.ts'
import { accountDialect } from '../database/accounts/account-dialect.ts'
import type { AccountPool } from '../database/accounts/account-pool.ts'
import type { AttemptLimit, Attempts } from '../models/accounts/account.ts'
import { ADDRESS_HEADER, BASE_PATH } from './http.ts'
import { type Mail, mailer, resetMail, takenMail, verificationMail } from './mail.ts'
import { answerBeforeLooking } from './mail-requests.ts'
import { hash, verify } from './passwords.ts'
import { type OtherSessions, revokeOtherSessions } from './sessions.ts'

/** Better Auth's own for sign-ins, for what hashes passwords too. */
const HASHING_RULE = { window: LIMITS.hashesWindowSeconds, max: LIMITS.hashesPerAddress }

export type BetterAuth = ReturnType<typeof createBetterAuth>

export interface BetterAuthParts {
  readonly config: Config
  readonly settings: AccountsConfig
  readonly pool: AccountPool
  readonly log: () => Log
  /** Counts a request of a client address. */
  readonly count: (address: string, limit: AttemptLimit) => Promise<Attempts>
  /**
   * Is asked before a password is hashed, or compared with the hash of an account.
   *
   * @throws {AppError} when there were too many.
   */
  readonly beforePassword: (hash?: string) => Promise<void>
  readonly deleteAccount: (id: string) => Promise<void>
  readonly endOtherSessions: (sessions: OtherSessions) => Promise<void>
  /** Whether one more mail may go to this address. */
  readonly mayMail: (email: string) => Promise<boolean>
  /** Is given work that begins when the response has been sent. */
  readonly later: (work: () => Promise<unknown>) => void
  /** Is given what goes on after the answer, such as mail. */
  readonly background: (work: Promise<unknown>) => void
}

/** Better Auth as this server runs it: its checks on, its tables in `todo_auth`, its tokens ours. */
export function createBetterAuth(parts: BetterAuthParts) {
  const { config, settings, pool, log, background } = parts
  const versioned = config.versionedSecrets.length > 0
  const mail = mailOptions(parts)
  return betterAuth({
    appName: 'Todo Backend',
    baseURL: config.publicUrl,
    basePath: BASE_PATH,
    // With versions, this is what reads what was encrypted before there were any.
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
      disableSignUp: !settings.signUp,
      requireEmailVerification: settings.requireEmailVerification,
      revokeSessionsOnPasswordReset: true,
      password: {
        hash: async (password) => {
          await parts.beforePassword()
          return hash(password)
        },
        verify: async (given) => {
          await parts.beforePassword(given.hash)
          return verify(given)
        },
      },
      ...mail.password,
    },
    emailVerification: mail.verification,
    socialProviders: {
      ...(settings.google && { google: { ...settings.google, disableSignUp: !settings.signUp } }),
      ...(settings.github && { github: { ...settings.github, disableSignUp: !settings.signUp } }),
    },
    // By itself Better Auth deletes in three transactions; the last may fail, and lock the owner out.
    user: {
      deleteUser: { enabled: true, beforeDelete: ({ id }) => parts.deleteAccount(id) },
    },
    account: { encryptOAuthTokens: true },
    trustedOrigins: trustedOrigins(config),
    rateLimit: {
      enabled: true,
      customStorage: rateLimitStorage(parts),
      customRules: { '/delete-user': HASHING_RULE, '/reset-password': HASHING_RULE },
    },
    // It would answer 500 by itself, and write the cause to the console.
    onAPIError: { throw: true },
    advanced: {
      // Better Auth would drop them by itself where NODE_ENV is test.
      disableOriginCheck: false,
      disableCSRFCheck: false,
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
      backgroundTasks: { handler: background },
      // It would look on every start; the migrations are checked by their hashes.
      database: { validateSchema: false },
    },
    telemetry: { enabled: false },
    // At another level it would also write to the console by itself.
    logger: { level: 'info', log: writeTo(log) },
    plugins: [
      bearer(),
      tokens(config),
      revokeOtherSessions(parts.endOtherSessions),
      answerBeforeLooking(parts.later),
    ],
  })
}

/**
 * All of it is a warning: what Better Auth calls an error is mostly a client's. Its information has
 * addresses of people in it, and is dropped. The part of a message after a colon can quote a person, and is
 * dropped as well. In one place Better Auth passes an error as the message.
 */
function writeTo(log: () => Log) {
  return (level: string, message: unknown, ...details: unknown[]) => {
    if (level !== 'warn' && level !== 'error') return
    const err = [message, ...details].find((detail) => detail instanceof Error)
    const [text = ''] = typeof message === 'string' ? message.split(':') : []
    log().warn({ ...(err && { err }) }, text || 'Better Auth failed')
  }
}

/**
 * The plugin by itself signs with key pairs alone. It is given a function instead, and for that wants
 * to know of a key set, which is nowhere asked for; `/jwks` is not served. Of its payload, which is
 * the whole user, only the id is taken: with an e-mail address the token would verify that address.
 */
function tokens(config: Config) {
  return jwt({
    jwks: { remoteUrl: config.publicUrl, keyPairConfig: { alg: 'ES256' } },
    jwt: { sign: ({ sub = '' }) => signAccountToken(config, sub) },
  })
}

/** A mail too many is dropped without a word: the answer tells nothing of the account. */
function mailOptions({ config, settings: { mail }, log, background, mayMail }: BetterAuthParts) {
  if (mail === undefined) return { password: {}, verification: {} }
  const post = mailer(mail, log())
  const send = async (letter: Mail) => {
    if (await mayMail(letter.to)) await post(letter)
  }
  return {
    password: {
      sendResetPassword: async ({ user, url, token }: { user: User; url: string; token: string }) =>
        background(send(resetMail(user.email, { url, token }))),
      onExistingUserSignUp: async ({ user }: { user: User }) =>
        background(send(takenMail(user.email))),
    },
    verification: {
      sendOnSignIn: true,
      sendVerificationEmail: async ({ user, url }: { user: User; url: string }) =>
        background(send(verificationMail(user.email, withoutDefault(url, config)))),
    },
  }
}

interface User {
  readonly email: string
}

/** Better Auth sends people on to `/` where a front end named no page; that is none to read. */
function withoutDefault(url: string, { publicUrl }: Config): string {
  const link = new URL(url)
  if (link.searchParams.get('callbackURL') === '/' && link.origin === publicUrl) {
    link.searchParams.delete('callbackURL')
  }
  return link.href
}

/** On the machine itself the docs page is opened by either name. */
function trustedOrigins({ production, port, trustedOrigins }: Config): string[] {
  const local = production ? [] : [`http://localhost:${port}`, `http://127.0.0.1:${port}`]
  return [...trustedOrigins, ...local]
}

function rateLimitStorage({ count }: BetterAuthParts) {
  return {
    // The key is the address and the path, which may have a token in it: who counts knows the route.
    consume: async (key: string, { window, max }: { window: number; max: number }) => {
      const [address = ''] = key.split('|')
      const { allowed, resetSeconds } = await count(address, { max, windowSeconds: window })
      return { allowed, retryAfter: allowed ? null : resetSeconds }
    },
  }
}
