import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { AccountsConfig } from '../core/config/accounts-config.ts'
import type { Config } from '../core/config/config.ts'
import { AppError } from '../core/errors.ts'
import type { Log } from '../core/log/logger.ts'
import { AccountPool } from '../database/accounts/account-pool.ts'
import type { Connector } from '../database/connector.ts'
import {
  type AttemptLimit,
  type Attempts,
  deleteAccount,
  emptyDeleted,
  endSessions,
  readRevocations,
  sweepExpired,
  tokenTime,
} from '../models/accounts/account.ts'
import { Background } from './background.ts'
import type { BetterAuth } from './better-auth.ts'
import { asFailure, crossedAnother } from './failures.ts'
import { Limits, passwordKey, tooMany } from './limits.ts'
import { type Passwords, scryptPasswords } from './passwords.ts'
import type { AccountRequest, Context } from './request.ts'
import { RevocationList, type RevocationTimes } from './revocations.ts'

const SWEEP_MS = 3_600_000
/** The pause between batches of deleted tasks, so that other users are served. */
const PIECE_REST_MS = 20
/** The longest time for which `close` waits for mail that is being sent. */
const MAIL_LIMIT_MS = 3_000

/** Loaded one by one. Loading all of Better Auth at once blocks the event loop for 0.2 s, not 0.05 s. */
const PARTS = ['kysely', 'better-auth/crypto', 'better-auth/social-providers', 'better-auth/api']

export interface AccountsOptions {
  readonly config: Config
  readonly settings: AccountsConfig
  readonly connector: Connector
  readonly log: Log
  /** Hashes at the cost of the server, unless given. */
  readonly passwords?: Passwords
  /** A stop waits this long for mail in progress. */
  readonly mailLimitMs?: number
  readonly revocationTimes?: RevocationTimes
}

/** The built-in accounts. Better Auth and its dependencies (40 MB) are loaded with the first request. */
export class Accounts {
  readonly pool: AccountPool
  readonly limits: Limits
  /** Tokens that are refused, on every server with this database. */
  readonly revocations: RevocationList
  readonly #options: AccountsOptions
  readonly #context = new AsyncLocalStorage<Context>()
  readonly #background = new Background()
  #sweptMs = Number.NEGATIVE_INFINITY
  #emptying: Promise<void> | undefined
  #closing = false
  #betterAuth: Promise<BetterAuth> | undefined

  constructor(options: AccountsOptions) {
    this.#options = options
    const { connector, log, revocationTimes } = options
    const noteFailure = (failure: AppError) => {
      const context = this.#context.getStore()
      if (context) context.failure = failure
    }
    this.pool = new AccountPool(connector, noteFailure, (err) => log.error({ err }, err.message))
    this.limits = new Limits(this.pool, options.settings.limits)
    const read = () => this.pool.run(readRevocations())
    this.revocations = new RevocationList(read, log, revocationTimes)
  }

  /** @returns the one instance, which the first call creates. Rejects if Better Auth cannot be loaded. */
  betterAuth(): Promise<BetterAuth> {
    this.#betterAuth ??= this.#load().catch((error) => {
      this.#betterAuth = undefined
      throw error
    })
    return this.#betterAuth
  }

  /**
   * Lets Better Auth handle a request.
   *
   * @throws {AppError} of the database or of a limit, even if Better Auth made a response of it.
   */
  async handle(request: AccountRequest): Promise<Response> {
    this.#sweepNowAndThen()
    try {
      return await this.#respond({ ...request })
    } catch (error) {
      if (!crossedAnother(error)) throw error
      return this.#respond({ ...request, again: true })
    }
  }

  /** Waits for mail that is being sent, at most 3 s, and then closes the connections. */
  async close(): Promise<void> {
    this.#closing = true
    this.revocations.close()
    const { mailLimitMs = MAIL_LIMIT_MS, log } = this.#options
    const left = await this.#background.leftAfter(mailLimitMs)
    if (left > 0) log.warn(`${left} mails were not sent before the stop`)
    await this.pool.close()
  }

  get workAfterResponses(): number {
    return this.#background.size
  }

  /** Resolves when no work goes on after a response. */
  settled(): Promise<void> {
    return this.#background.settled()
  }

  /** Call it at start: a server may have stopped before it had deleted all tasks of an account. */
  continueDeletions(): void {
    this.#runInBackground(this.emptyDeleted())
  }

  /**
   * Deletes the remaining tasks of deleted accounts in batches, also those that a stopped server has not
   * deleted. Rejects if a batch fails; the next deletion or the next sweep tries again.
   */
  emptyDeleted(): Promise<void> {
    const empty = async () => {
      while (!this.#closing && (await this.pool.run(emptyDeleted()))) await sleep(PIECE_REST_MS)
    }
    this.#emptying ??= empty().finally(() => {
      this.#emptying = undefined
    })
    return this.#emptying
  }

  async #respond(context: Context): Promise<Response> {
    const { handler } = await this.betterAuth()
    try {
      const response = await this.#context.run(context, () => handler(context.make()))
      if (context.failure === undefined) return response
    } catch (cause) {
      context.failure ??= asFailure(cause)
    }
    if (context.deleted) return Response.json({ success: true, message: 'User deleted' })
    throw context.failure
  }

  async #load(): Promise<BetterAuth> {
    for (const part of PARTS) {
      await import(part)
      await nextTurn()
    }
    const { createBetterAuth } = await import('./better-auth.ts')
    const { config, settings, log, passwords = scryptPasswords() } = this.#options
    return createBetterAuth({
      config,
      settings,
      passwords,
      pool: this.pool,
      log: () => this.#context.getStore()?.log ?? log,
      count: (address, limit) => this.#countAddress(address, limit),
      beforePassword: (hash) => this.#countPassword(hash),
      // Outside of the request's context: a failure to mail must not fail the request.
      mayMail: (email) => this.#context.exit(() => this.limits.mayMail(email)),
      deleteAccount: (id) => this.#delete(id),
      endSessions: (userId, except) => this.pool.run(endSessions(userId, except)),
      tokenTime: (userId, sessionId) => this.pool.run(tokenTime(userId, sessionId)),
      background: (work) => this.#runInBackground(work),
      later: (work) => this.#later(work),
    })
  }

  async #countAddress(address: string, limit: AttemptLimit): Promise<Attempts> {
    const context = this.#context.getStore()
    if (context?.again) return { allowed: true, resetSeconds: limit.windowSeconds }
    const attempts = await this.limits.count(`${address}|${context?.route}`, limit)
    if (context && !attempts.allowed) context.failure = tooMany(limit, attempts.resetSeconds)
    return attempts
  }

  /** Better Auth calls this after it has checked the client's address and origin and read the account. */
  async #countPassword(hash: string | undefined): Promise<void> {
    const context = this.#context.getStore()
    if (context === undefined || context.again || context.passwordCounted) return
    const email = context.signsInAs
    if (email === undefined && hash === undefined) return
    context.passwordCounted = true
    try {
      await this.limits.countPassword(
        passwordKey(email === undefined ? { hash: hash ?? '' } : { email }),
      )
    } catch (error) {
      if (error instanceof AppError) context.failure = error
      throw error
    }
  }

  async #delete(id: string): Promise<void> {
    await this.pool.run(deleteAccount(id))
    const context = this.#context.getStore()
    if (context) context.deleted = true
    this.#runInBackground(this.emptyDeleted())
  }

  /** Starts work after the response. Its failure is logged with the request's id. */
  #later(work: () => Promise<unknown>): void {
    const context = this.#context.getStore()
    const begin = () => (context ? this.#context.run({ ...context }, work) : work())
    this.#runInBackground(Promise.resolve(context?.answered).then(begin))
  }

  #runInBackground(work: Promise<unknown>): void {
    this.#background.add(work, (this.#context.getStore() ?? this.#options).log)
  }

  /** Runs only with account requests, so that it does not wake a suspended database. */
  #sweepNowAndThen(): void {
    if (performance.now() - this.#sweptMs < SWEEP_MS) return
    this.#sweptMs = performance.now()
    this.#runInBackground(this.pool.run(sweepExpired()).then(() => this.emptyDeleted()))
  }
}

/** @returns null if the settings switch the built-in accounts off. */
export function openAccounts(
  config: Config,
  connector: Connector,
  log: Log,
  options: Pick<AccountsOptions, 'passwords' | 'mailLimitMs' | 'revocationTimes'> = {},
): Accounts | null {
  const { accounts: settings } = config
  return settings === null ? null : new Accounts({ config, settings, connector, log, ...options })
}
