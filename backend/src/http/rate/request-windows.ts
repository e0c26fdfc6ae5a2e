import { LRUCache } from 'lru-cache'
import { LIMITS } from '../../core/limits.ts'

/** The requests that a user may still send in the minute that began with their first request. */
export interface RequestWindow {
  /** Unique among all windows. */
  readonly id: number
  /** In milliseconds of `performance.now()`. */
  readonly endsMs: number
  left: number
}

/** Whether a request may continue, and the values of the rate limit headers. */
export interface Turn {
  readonly admitted: boolean
  /** The user's remaining requests, as far as this process knows. */
  readonly left: number
  /** The time until the window ends and the limit is available again. */
  readonly renewedMs: number
}

/** Counts the requests of users. */
export interface RequestLimit {
  readonly perWindow: number
  /**
   * Counts one request of a user. Returns a promise if it has to ask another process.
   *
   * @throws {AppError} `service_unavailable` if that process does not respond.
   */
  take(userId: string): Turn | Promise<Turn>
}

/** The counts of one process. */
export class RequestWindows implements RequestLimit {
  readonly perWindow: number
  readonly #windowMs: number
  /** `peek` keeps the order of insertion, so the cache drops the oldest window first. */
  readonly #windows = new LRUCache<string, RequestWindow>({ max: LIMITS.usersCounted })
  #lastId = 0

  constructor(perWindow: number, windowMs = LIMITS.userWindowSeconds * 1_000) {
    this.perWindow = perWindow
    this.#windowMs = windowMs
  }

  take(userId: string): Turn {
    const nowMs = performance.now()
    const window = this.at(userId, nowMs)
    const admitted = window.left > 0
    if (admitted) window.left -= 1
    return { admitted, left: window.left, renewedMs: window.endsMs - nowMs }
  }

  /** @returns the user's window at this time; a new one if there was none, or it has ended. */
  at(userId: string, nowMs: number): RequestWindow {
    const window = this.#windows.peek(userId)
    if (window !== undefined && window.endsMs > nowMs) return window
    this.#lastId += 1
    const left = this.perWindow
    const next = { id: this.#lastId, endsMs: nowMs + this.#windowMs, left }
    this.#windows.set(userId, next)
    return next
  }
}
