/**
 * How server processes share the limit of a user. The primary has the counts; a worker takes a lease
 * of some requests at once, uses them up without a word, and asks again. When there is nothing left
 * to lease, the primary takes back what others have not used.
 */
export type FromWorker = Ask | Return
export type FromPrimary = Grant | Recall

/** Requests of this user are waiting for a lease. */
export interface Ask {
  readonly ask: string
  wanted: number
  /** On the worker's clock. It comes back with the grant. */
  readonly askedMs: number
}

/** What was not used of a lease that was called back. */
export interface Return {
  readonly returned: string
  readonly window: number
  readonly units: number
}

export interface Grant {
  readonly grant: string
  readonly window: number
  readonly units: number
  /** What the primary has left after it. */
  readonly left: number
  /** When fewer were granted than were wanted, no other process has any either. */
  readonly exhausted: boolean
  readonly askedMs: number
  /** From the answer to the end of the window. */
  readonly renewedMs: number
}

export interface Recall {
  readonly recall: string
  readonly window: number
}

/** Sends what is posted in one turn of the event loop as one message. */
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
