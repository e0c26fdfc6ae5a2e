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

/** On one account, from wherever they come. Better Auth limits those of one client address. */
const PASSWORD_LIMIT = {
  max: LIMITS.passwordsPerAccount,
  windowSeconds: LIMITS.passwordsWindowSeconds,
}
const MAIL_LIMIT = { max: LIMITS.mailsPerAddress, windowSeconds: LIMITS.mailsWindowSeconds }

const REMEMBERED_KEYS = 10_000
/** Another server may have forgotten the count, so the database is asked again after this. */
const REMEMBERED_MS = 5_000

/**
 * How often something was tried, counted in the database for all servers on it. A key that is used up
 * is remembered for a moment, so that a flood costs the database next to nothing.
 */
export class Limits {
  readonly #pool: AccountPool
  readonly #exhausted = new LRUCache<string, number>({ max: REMEMBERED_KEYS, ttl: REMEMBERED_MS })

  constructor(pool: AccountPool) {
    this.#pool = pool
  }

  async count(key: string, limit: AttemptLimit): Promise<Attempts> {
    const leftMs = (this.#exhausted.get(key) ?? 0) - performance.now()
    if (leftMs > 0) return { allowed: false, resetSeconds: Math.ceil(leftMs / 1000) }
    const attempts = await this.#pool.run(countAttempt(key, limit))
    if (!attempts.allowed) {
      this.#exhausted.set(key, performance.now() + attempts.resetSeconds * 1000)
    }
    return attempts
  }

  /**
   * Counts a password that is about to be looked at.
   *
   * @param whose of {@link passwordKey}.
   * @throws {AppError} `too_many_requests`
   */
  async countPassword(whose: string): Promise<void> {
    const { allowed, resetSeconds } = await this.count(whose, PASSWORD_LIMIT)
    if (!allowed) throw tooMany(PASSWORD_LIMIT, resetSeconds)
  }

  /** After a password that was right, or was set anew. */
  async forget(whose: string): Promise<void> {
    this.#exhausted.delete(whose)
    await this.#pool.run(forgetAttempts(whose))
  }

  async mayMail(email: string): Promise<boolean> {
    return (await this.count(hashed('mail', email.toLowerCase()), MAIL_LIMIT)).allowed
  }
}

/**
 * Which passwords are counted together: those for one e-mail address, known here or not, or those
 * compared with one hash, however the session is sent that asks for it. The key holds neither.
 */
export function passwordKey(of: { email: string } | { hash: string }): string {
  return 'email' in of ? hashed('sign-in', of.email.toLowerCase()) : hashed('password', of.hash)
}

function hashed(purpose: string, text: string): string {
  return `${purpose}:${createHash('sha256').update(text).digest('base64url')}`
}

/** The 429 of contract §3. */
export function tooMany({ max, windowSeconds }: AttemptLimit, resetSeconds: number): AppError {
  return new AppError('too_many_requests', {
    headers: {
      'retry-after': String(resetSeconds),
      'ratelimit-policy': `"account";q=${max};w=${windowSeconds}`,
      ratelimit: `"account";r=0;t=${resetSeconds}`,
    },
  })
}
