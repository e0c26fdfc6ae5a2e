import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { AccountsConfig } from '../core/config/accounts-config.ts'
import type { Config } from '../core/config/config.ts'
import { AppError } from '../core/errors.ts'
import type { Log } from '../core/log/logger.ts'
import { AccountPool } from '../database/accounts/account-pool.ts'
import type { Connector } from '../database/connector.ts'
import { isDeadlock } from '../database/errors.ts'
import {
  type AttemptLimit,
  type Attempts,
  deleteAccount,
  emptyDeleted,
  endOtherSessions,
  sweepExpired,
} from '../models/accounts/account.ts'
import type { BetterAuth } from './better-auth.ts'
import { Limits, passwordKey, tooMany } from './limits.ts'

const SWEEP_MS = 3_600_000
/** The pause between batches of deleted tasks, so that other users are served. */
const PIECE_REST_MS = 20
/** A stop waits this long for mail under way. */
const MAIL_LIMIT_MS = 3_000

/** Of Better Auth, loaded one by one: all at once they stop the event loop for 0.2 s, so for 0.05 s. */
const PARTS = ['kysely', 'better-auth/crypto', 'better-auth/social-providers', 'better-auth/api']

/** A request for Better Auth, and what it cannot tell by itself. */
export interface AccountRequest {
  /** Is called for each try, since a request's body can be read once. */
  readonly make: () => Request
  /** The operation's path, without what stands in its places. */
  readonly route: string
  /** The e-mail address somebody signs in with. */
  readonly signsInAs?: string | undefined
  /** Settles when the response has been sent, or the client has disconnected. */
  readonly answered?: Promise<unknown>
  readonly log: Log
}

/** What is known of the request under way, for code that Better Auth calls and that sees none. */
interface Context extends AccountRequest {
  /** Why it failed, where Better Auth hides that behind an answer of its own: 422, 302, even 200. */
  failure?: AppError
  /** A second try of the same request is not counted again. */
  readonly again?: boolean
  /** Better Auth may look at two passwords for one request. */
  passwordCounted?: boolean
  /** The account is gone, whatever fails afterwards. */
  deleted?: boolean
}

export interface AccountsOptions {
  readonly config: Config
  readonly settings: AccountsConfig
  readonly connector: Connector
  readonly log: Log
}

/** The accounts in the box. Better Auth and what it brings (40 MB) are loaded with the first request. */
export class Accounts {
  readonly pool: AccountPool
  readonly limits: Limits
  readonly #options: AccountsOptions
  readonly #context = new AsyncLocalStorage<Context>()
  readonly #background = new Set<Promise<unknown>>()
  #sweptMs = Number.NEGATIVE_INFINITY
  #emptying: Promise<void> | undefined
  #closing = false
  #betterAuth: Promise<BetterAuth> | undefined

  constructor(options: AccountsOptions) {
    this.#options = options
    const { connector, log } = options
    const noteFailure = (failure: AppError) => {
      const context = this.#context.getStore()
      if (context) context.failure = failure
    }
    this.pool = new AccountPool(connector, noteFailure, (err) => log.error({ err }, err.message))
    this.limits = new Limits(this.pool)
  }

  /** The one instance, made when it is first asked for. */
  betterAuth(): Promise<BetterAuth> {
    this.#betterAuth ??= this.#load().catch((error) => {
      this.#betterAuth = undefined
      throw error
    })
    return this.#betterAuth
  }

  /**
   * Lets Better Auth answer a request.
   *
   * @throws {AppError} what the database or a limit said, whatever Better Auth made of it.
   */
  async handle(request: AccountRequest): Promise<Response> {
    this.#sweepNowAndThen()
    try {
      return await this.#answer({ ...request })
    } catch (error) {
      if (!crossedAnother(error)) throw error
      return this.#answer({ ...request, again: true })
    }
  }

  /** Lets mail under way be sent, for a while, then closes the connections. */
  async close(): Promise<void> {
    this.#closing = true
    const sent = Promise.allSettled([...this.#background])
    await Promise.race([sent, sleep(MAIL_LIMIT_MS, undefined, { ref: false })])
    if (this.#background.size > 0) {
      this.#options.log.warn(`${this.#background.size} mails were not sent before the stop`)
    }
    await this.pool.close()
  }

  /** To be called at start, because a server may have stopped before it had deleted all of an account. */
  continueDeletions(): void {
    this.#goOn(this.emptyDeleted())
  }

  /**
   * Deletes the remaining tasks of deleted accounts in batches, including those that another server left
   * when it stopped. Rejects if a batch fails; the next deletion or the next sweep tries again.
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

  async #answer(context: Context): Promise<Response> {
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
    const { config, settings, log } = this.#options
    return createBetterAuth({
      config,
      settings,
      pool: this.pool,
      log: () => this.#context.getStore()?.log ?? log,
      count: (address, limit) => this.#countAddress(address, limit),
      beforePassword: (hash) => this.#countPassword(hash),
      // A mail comes after what it is about; that it fails does not undo it.
      mayMail: (email) => this.#context.exit(() => this.limits.mayMail(email)),
      deleteAccount: (id) => this.#delete(id),
      endOtherSessions: (sessions) => this.pool.run(endOtherSessions(sessions)),
      background: (work) => this.#goOn(work),
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

  /** After Better Auth has let the client's address and its origin pass, and found the account or not. */
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
    this.#goOn(this.emptyDeleted())
  }

  /** A failure of such work is logged under the request's id, and does not change the response. */
  #later(work: () => Promise<unknown>): void {
    const context = this.#context.getStore()
    const begin = () => (context ? this.#context.run({ ...context }, work) : work())
    this.#goOn(Promise.resolve(context?.answered).then(begin))
  }

  #goOn(work: Promise<unknown>): void {
    const { log } = this.#context.getStore() ?? this.#options
    const done = work
      .catch((err) => log.error({ err }, 'work after an answer failed'))
      .finally(() => this.#background.delete(done))
    this.#background.add(done)
  }

  /** While accounts are used, and not otherwise: a database that sleeps is left asleep. */
  #sweepNowAndThen(): void {
    if (performance.now() - this.#sweptMs < SWEEP_MS) return
    this.#sweptMs = performance.now()
    this.#goOn(this.pool.run(sweepExpired()).then(() => this.emptyDeleted()))
  }
}

/** @returns null where the settings want no accounts in the box. */
export function openAccounts(config: Config, connector: Connector, log: Log): Accounts | null {
  const { accounts: settings } = config
  return settings === null ? null : new Accounts({ config, settings, connector, log })
}

/**
 * Whether a concurrent request made this one fail: two sign-ups with one address, or two uses of an
 * account's codes. A second attempt gives the usual response, which reveals no more than it should. Using
 * a code locks it and then changes the password, which deletes all codes, so two uses deadlock.
 */
function crossedAnother(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  return error.code === 'conflict' || isDeadlock(error.cause)
}

/** Better Auth's own refusals are answers; what it throws is a fault, or input it could not read. */
function asFailure(cause: unknown): AppError {
  const unreadable = cause instanceof Error && cause.name === 'ZodError'
  return new AppError(unreadable ? 'bad_request' : 'internal_error', { cause })
}
