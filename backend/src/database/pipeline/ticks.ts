/** A shorter pause between ticks is work of the event loop, not a wait for an event. */
const PAUSE_MS = 1

/**
 * The event-loop ticks that send to or read from the database. A response that is read late was not
 * necessarily slow: it may have waited since the previous tick, while this process did other work.
 * Therefore a response counts as arrived in this tick only if the loop was idle before it. Otherwise it
 * counts as arrived when the previous tick began.
 */
export class Ticks {
  #open = false
  #endMs = 0
  #startMs = 0
  #notBeforeMs = 0

  /** Call it for every statement sent and every response read. @returns `performance.now()`. */
  touch(): number {
    const nowMs = performance.now()
    if (this.#open) return nowMs
    this.#open = true
    const waited = nowMs - this.#endMs > PAUSE_MS
    this.#notBeforeMs = waited ? nowMs : this.#startMs
    this.#startMs = nowMs
    setImmediate(() => {
      this.#open = false
      this.#endMs = performance.now()
    })
    return nowMs
  }

  /** The earliest time, in ms of `performance.now()`, at which a response read in this tick arrived. */
  get cameMs(): number {
    return this.#notBeforeMs
  }
}
