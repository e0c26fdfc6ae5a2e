import type { Writable } from 'node:stream'

/** When a write left this process; infinity until then, and if it never does. */
export interface Departure {
  readonly leftMs: number
}

/**
 * Everything that one turn of the event loop writes to a stream goes out in one write. Under load a
 * write is the most expensive part of a request here, and several requests come in one turn.
 */
export class WriteBatch {
  readonly #stream: Writable
  #current: { leftMs: number } | undefined

  constructor(stream: Writable) {
    this.#stream = stream
  }

  /** To be called before each write. @returns the departure of all writes of this turn. */
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
