import { LRUCache } from 'lru-cache'
import { LIMITS } from '../../core/limits.ts'

/** What a user may still do in a minute that began with their first request. */
export interface RequestWindow {
  /** Not the same for any two windows. */
  readonly id: number
  /** On the clock of `performance.now()`. */
  readonly endsMs: number
  left: number
}

/** Whether a request may go on, and what its user is told. */
export interface Turn {
  readonly admitted: boolean
  /** Requests the user has left, as far as this process knows. */
  readonly left: number
  /** How long until all of them are there again. */
  readonly renewedMs: number
}

/** Counts the requests of users. */
export interface RequestLimit {
  readonly perWindow: number
  /**
   * Counts one request of a user. It is a promise where another process has to be asked.
   *
   * @throws {AppError} `service_unavailable`: that one does not answer.
   */
  take(userId: string): Turn | Promise<Turn>
}

/** The counts of a process that serves alone. */
export class RequestWindows implements RequestLimit {
  readonly perWindow: number
  readonly #windowMs: number
  /** `peek` keeps the order, so the window that began first is forgotten first. It also ends first. */
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

  /** The user's window at a moment; a new one where there is none, or it has ended. */
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
