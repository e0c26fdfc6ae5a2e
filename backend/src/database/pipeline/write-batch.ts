import type { Writable } from 'node:stream'

/** When a write left this process. Infinity until then, and if it never does. */
export interface Departure {
  readonly leftMs: number
}

/**
 * Joins all writes of one event-loop tick to a stream into one. Under load, several requests arrive in one
 * tick, and a write is the most expensive part of a request in this process.
 */
export class WriteBatch {
  readonly #stream: Writable
  #current: { leftMs: number } | undefined

  constructor(stream: Writable) {
    this.#stream = stream
  }

  /** Call it before each write. @returns the departure of all writes of this tick. */
  join(): Departure {
    if (this.#current !== undefined) return this.#current
    const departure = { leftMs: Number.POSITIVE_INFINITY }
    this.#current = departure
    this.#stream.cork()
    setImmediate(() => {
      this.#current = undefined
      // A destroyed stream writes nothing.
      if (!this.#stream.destroyed) departure.leftMs = performance.now()
      this.#stream.uncork()
    })
    return departure
  }
}
