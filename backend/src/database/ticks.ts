/** A shorter pause is the loop's own work, not a wait for something to happen. */
const PAUSE_MS = 1

/**
 * The ticks of the event loop that have to do with the database. An answer that is read late has not
 * been slow: it may have lain here since the tick before, while this process did other things. So an
 * answer counts as come when the loop had nothing to do but wait for it, or else when the loop looked
 * the last time and it was not there.
 */
export class Ticks {
  #open = false
  #endMs = 0
  #startMs = 0
  #notBeforeMs = 0

  /** To be told of everything that is asked and answered. @returns the time. */
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

  /** When an answer that is read in this tick came at the earliest. */
  get cameMs(): number {
    return this.#notBeforeMs
  }
}
