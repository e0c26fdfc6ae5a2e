import { ConnectionError, TodoError } from '../transport/client.ts'
import type { Sleep } from '../transport/http.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000

export type LinkState = 'up' | 'offline' | 'signed-out'

/** Whether the server can be reached, which sending and reading share. */
export class Link {
  #state: LinkState = 'up'
  readonly #sleep: Sleep
  readonly #changed: () => void
  readonly #waiting = new Set<() => void>()
  #failures = 0
  /** How many wait after an error. */
  #holds = 0

  /** @param changed is called when `state` changes, and when `isHeld` ends. */
  constructor(sleep: Sleep, changed: () => void) {
    this.#sleep = sleep
    this.#changed = changed
  }

  /** Offline also if the browser says so, whose open streams do not always end then. */
  get state(): LinkState {
    return isUnplugged() ? 'offline' : this.#state
  }

  /** Whether requests failed or the device is offline, and it does not make sense yet to send others. */
  get isHeld(): boolean {
    return this.#holds > 0 || isUnplugged()
  }

  /** The server has responded. If it could not be reached before, everything that waits tries again. */
  succeeded(): void {
    this.#failures = 0
    if (this.#state === 'up') return
    this.#set('up')
    this.poke()
  }

  /** Ends all waiting. */
  poke(): void {
    for (const wake of this.#waiting) wake()
    this.#changed()
  }

  /**
   * Waits until it makes sense to try again after an error: as long as the server asks, and longer after each failure;
   * without a session until {@link poke}. Requests that fail at the same time count once.
   */
  async waitAfter(error: unknown, signal: AbortSignal): Promise<void> {
    const asked = (error instanceof TodoError && error.retryAfterMs) || 0
    if (!this.isHeld) this.#failures += 1
    const backoff = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1))
    // Up to half longer, so that clients do not return together.
    const ms = Math.max(asked, backoff) * (1 + Math.random() / 2)
    this.#holds += 1
    if (isSignedOut(error)) this.#set('signed-out')
    else if (error instanceof ConnectionError) this.#set('offline')
    await this.pause(isSignedOut(error) ? null : ms, signal)
    this.#holds -= 1
    if (!this.isHeld) this.#changed()
  }

  /** Waits for some time, or until {@link poke}. */
  pause(ms: number | null, signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting
    return new Promise((resolve) => {
      const timer = new AbortController()
      const end = () => {
        signal.removeEventListener('abort', end)
        waiting.delete(end)
        timer.abort()
        resolve()
      }
      waiting.add(end)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
      else if (ms !== null) this.#sleep(ms, timer.signal).then(end, () => {})
    })
  }

  #set(state: LinkState): void {
    if (this.#state === state) return
    this.#state = state
    this.#changed()
  }
}

/** Only browsers know it. */
function isUnplugged(): boolean {
  return (globalThis.navigator as { onLine?: boolean } | undefined)?.onLine === false
}

/** Whether the session has ended, or someone else has signed in. */
export function isSignedOut(error: unknown): boolean {
  if (!(error instanceof TodoError)) return false
  return error.status === 401 || error.code === 'user_id_mismatch'
}
