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
  readonly #connection: { readonly stream: Writable }
  #current: { leftMs: number } | undefined

  /** @param connection of pg, which replaces its stream when TLS begins. */
  constructor(connection: { readonly stream: Writable }) {
    this.#connection = connection
  }

  /** Call it before each write. @returns the departure of all writes of this tick. */
  join(): Departure {
    if (this.#current !== undefined) return this.#current
    const departure = { leftMs: Number.POSITIVE_INFINITY }
    this.#current = departure
    const { stream } = this.#connection
    stream.cork()
    setImmediate(() => {
      this.#current = undefined
      // A destroyed stream writes nothing.
      if (!stream.destroyed) departure.leftMs = performance.now()
      stream.uncork()
    })
    return departure
  }
}
