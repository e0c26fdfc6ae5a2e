import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { AppError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import type { AccountPool } from '../database/accounts/account-pool.ts'
import {
  type AttemptLimit,
  type Attempts,
  countAttempt,
  forgetAttempts,
} from '../models/accounts/account.ts'

/** For one account and all client addresses. Better Auth limits each client address. */
const PASSWORD_LIMIT = {
  max: LIMITS.passwordsPerAccount,
  windowSeconds: LIMITS.passwordsWindowSeconds,
}
const MAIL_LIMIT = { max: LIMITS.mailsPerAddress, windowSeconds: LIMITS.mailsWindowSeconds }

const REMEMBERED_KEYS = 10_000
/** Another server may have reset the count, so the database is asked again after this time. */
export const REMEMBERED_MS = 5_000

/**
 * Counts attempts in the database, for all servers that use it. A key that has reached its limit is cached
 * for 5 s, so that a flood of attempts costs the database almost nothing.
 */
export class Limits {
  readonly enforced: boolean
  readonly #pool: AccountPool
  readonly #exhausted = new LRUCache<string, number>({ max: REMEMBERED_KEYS, ttl: REMEMBERED_MS })

  /** @param enforced false for test suites: every attempt is then allowed, and none is counted. */
  constructor(pool: AccountPool, enforced: boolean) {
    this.#pool = pool
    this.enforced = enforced
  }

  async count(key: string, limit: AttemptLimit): Promise<Attempts> {
    if (!this.enforced) return { allowed: true, resetSeconds: limit.windowSeconds }
    const remainingMs = (this.#exhausted.get(key) ?? 0) - performance.now()
    if (remainingMs > 0) return { allowed: false, resetSeconds: Math.ceil(remainingMs / 1000) }
    const attempts = await this.#pool.run(countAttempt(key, limit))
    if (!attempts.allowed) {
      this.#exhausted.set(key, performance.now() + attempts.resetSeconds * 1000)
    }
    return attempts
  }

  /**
   * Counts an attempt before the password is checked.
   *
   * @param key the result of {@link passwordKey}.
   * @throws {AppError} `too_many_requests`
   */
  async countPassword(key: string): Promise<void> {
    const { allowed, resetSeconds } = await this.count(key, PASSWORD_LIMIT)
    if (!allowed) throw tooMany(PASSWORD_LIMIT, resetSeconds)
  }

  /** Resets the count after a correct or a new password. @param key the result of {@link passwordKey}. */
  async forget(key: string): Promise<void> {
    this.#exhausted.delete(key)
    await this.#pool.run(forgetAttempts(key))
  }

  async mayMail(email: string): Promise<boolean> {
    return (await this.count(hashed('mail', email.toLowerCase()), MAIL_LIMIT)).allowed
  }
}

/**
 * The key under which attempts are counted together: those for one e-mail address, with or without an
 * account, or those that are compared with one hash.
 *
 * @returns a key from which neither the address nor the hash can be read.
 */
export function passwordKey(of: { email: string } | { hash: string }): string {
  return 'email' in of ? hashed('sign-in', of.email.toLowerCase()) : hashed('password', of.hash)
}

function hashed(purpose: string, text: string): string {
  return `${purpose}:${createHash('sha256').update(text).digest('base64url')}`
}

/** @returns the 429 of contract §3, with `Retry-After` and `RateLimit` in seconds. */
export function tooMany({ max, windowSeconds }: AttemptLimit, resetSeconds: number): AppError {
  return new AppError('too_many_requests', {
    headers: {
      'retry-after': String(resetSeconds),
      'ratelimit-policy': `"account";q=${max};w=${windowSeconds}`,
      ratelimit: `"account";r=0;t=${resetSeconds}`,
    },
  })
}
