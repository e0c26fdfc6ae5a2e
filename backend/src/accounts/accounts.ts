import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { AccountsConfig } from '../core/accounts-config.ts'
import type { Config } from '../core/config.ts'
import { AppError } from '../core/errors.ts'
import type { Log } from '../core/logger.ts'
import { AccountPool } from '../database/account-pool.ts'
import type { Connector } from '../database/pool.ts'
import {
  type AttemptLimit,
  type Attempts,
  countAttempt,
  forgetAttempts,
  sweepExpired,
} from '../models/account.ts'
import type { BetterAuth } from './better-auth.ts'

const SWEEP_MS = 3_600_000
const REMEMBERED_KEYS = 10_000

/** Of Better Auth, loaded one by one: all at once they stop the event loop for 0.2 s, so for 0.05 s. */
const PARTS = ['kysely', 'better-auth/crypto', 'better-auth/social-providers', 'better-auth/api']

/** What is known of the request under way, for code that Better Auth calls and that sees none. */
interface Context {
  readonly log: Log
  /** Why it failed, where Better Auth hides that behind an answer of its own: 422, 302, even 200. */
  failure?: AppError
  /** A second try of the same request is not counted again. */
  again?: boolean
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
  readonly #options: AccountsOptions
  readonly #context = new AsyncLocalStorage<Context>()
  readonly #exhausted = new LRUCache<string, number>({ max: REMEMBERED_KEYS })
  readonly #background = new Set<Promise<unknown>>()
  readonly #sweeper: NodeJS.Timeout
  #betterAuth: Promise<BetterAuth> | undefined

  constructor(options: AccountsOptions) {
    this.#options = options
    this.pool = new AccountPool(options.connector, (failure) => {
      const context = this.#context.getStore()
      if (context) context.failure = failure
    })
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref()
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
   * @param makeRequest is called for each try, since a request's body can be read once.
   * @throws {AppError} what the database or a limit said, whatever Better Auth made of it.
   */
  async handle(makeRequest: () => Request, log: Log): Promise<Response> {
    const { handler } = await this.betterAuth()
    const answer = async (context: Context) => {
      const response = await this.#context.run(context, () => handler(makeRequest()))
      return { response, failure: context.failure }
    }
    let { response, failure } = await answer({ log })
    // Two of one address at once: now that the other is there, the answer is the usual one, which
    // tells no more than it should.
    if (failure?.code === 'conflict') ({ response, failure } = await answer({ log, again: true }))
    if (failure !== undefined) throw failure
    return response
  }

  /**
   * Counts an attempt on an account, known here or not. The key holds no address.
   *
   * @throws {AppError} `too_many_requests`
   */
  async countFor(purpose: string, email: string, limit: AttemptLimit): Promise<void> {
    const { allowed, resetSeconds } = await this.#count(accountKey(purpose, email), limit)
    if (!allowed) throw tooMany(limit, resetSeconds)
  }

  async forgetFor(purpose: string, email: string): Promise<void> {
    await this.pool.run(forgetAttempts(accountKey(purpose, email)))
  }

  /** Lets mail under way be sent, then closes the connections. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    await Promise.allSettled(this.#background)
    await this.pool.close()
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
      count: (key, limit) => this.#count(key, limit),
      background: (work) => this.#goOn(work),
    })
  }

  async #count(key: string, limit: AttemptLimit): Promise<Attempts> {
    const context = this.#context.getStore()
    if (context?.again) return { allowed: true, resetSeconds: limit.windowSeconds }
    const attempts = await this.#attempts(key, limit)
    if (context && !attempts.allowed) context.failure = tooMany(limit, attempts.resetSeconds)
    return attempts
  }

  /** A key that is used up is remembered, so that a flood costs the database nothing. */
  async #attempts(key: string, limit: AttemptLimit): Promise<Attempts> {
    const untilMs = this.#exhausted.get(key) ?? 0
    const leftMs = untilMs - performance.now()
    if (leftMs > 0) return { allowed: false, resetSeconds: Math.ceil(leftMs / 1000) }
    const attempts = await this.pool.run(countAttempt(key, limit))
    if (!attempts.allowed) {
      this.#exhausted.set(key, performance.now() + attempts.resetSeconds * 1000)
    }
    return attempts
  }

  #goOn(work: Promise<unknown>): void {
    const done = work
      .catch((err) => this.#options.log.error({ err }, 'work after an answer failed'))
      .finally(() => this.#background.delete(done))
    this.#background.add(done)
  }

  #sweep(): void {
    this.pool.run(sweepExpired()).catch((err) => {
      this.#options.log.warn({ err }, 'expired sessions could not be deleted')
    })
  }
}

/** @returns null where the settings want no accounts in the box. */
export function openAccounts(config: Config, connector: Connector, log: Log): Accounts | null {
  const { accounts: settings } = config
  return settings === null ? null : new Accounts({ config, settings, connector, log })
}

function accountKey(purpose: string, email: string): string {
  return `${purpose}:${createHash('sha256').update(email.toLowerCase()).digest('base64url')}`
}

/** The 429 of contract §3. */
function tooMany({ max, windowSeconds }: AttemptLimit, resetSeconds: number): AppError {
  return new AppError('too_many_requests', {
    headers: {
      'retry-after': String(resetSeconds),
      'ratelimit-policy': `"account";q=${max};w=${windowSeconds}`,
      ratelimit: `"account";r=0;t=${resetSeconds}`,
    },
  })
}
