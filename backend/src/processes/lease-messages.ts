/**
 * The messages with which server processes share a user's rate limit. The primary has the counts. A worker
 * leases several requests at once, uses them without further messages, and asks again. When the primary has
 * no more to lease, it recalls the unused requests of other workers.
 */
export type FromWorker = Ask | Return
export type FromPrimary = Grant | Recall

/** A worker's requests of this user wait for a lease. */
export interface Ask {
  readonly ask: string
  wanted: number
  /** On the worker's clock. The grant returns it. */
  readonly askedMs: number
}

/** The unused requests of a recalled lease. */
export interface Return {
  readonly returned: string
  readonly window: number
  readonly units: number
}

export interface Grant {
  readonly grant: string
  readonly window: number
  readonly units: number
  /** The number that the primary has left after this grant. */
  readonly left: number
  /** True if fewer were granted than wanted. No other process has unused requests then. */
  readonly exhausted: boolean
  readonly askedMs: number
  /** The time from the grant to the end of the window. */
  readonly renewedMs: number
}

export interface Recall {
  readonly recall: string
  readonly window: number
}

/** @returns a function that collects the parts of one event-loop tick and sends them as one message. */
export function outbox<Part>(send: (parts: Part[]) => void): (part: Part) => void {
  let parts: Part[] = []
  return (part) => {
    if (parts.length === 0) {
      setImmediate(() => {
        const message = parts
        parts = []
        send(message)
      })
    }
    parts.push(part)
  }
}
