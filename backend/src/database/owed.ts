interface Sent {
  readonly sentMs: number
  readonly refuse: (error: Error) => void
}

/**
 * The statements that one connection owes an answer, in the order they were sent. A statement waits for
 * those sent before it, and each of those may wait for a lock, so the wait has a limit of its own.
 */
export class Owed {
  readonly #sent: Sent[] = []

  /** @param refuse is called at most once, when no answer came in time; a later answer is then ignored. */
  add(sentMs: number, refuse: Sent['refuse']): void {
    this.#sent.push({ sentMs, refuse })
  }

  /** The first of them has its answer. */
  answered(): void {
    this.#sent.shift()
  }

  /**
   * Whether a statement that is refused was executed is unknown, as after a lost connection.
   *
   * @param limitMs how long an answer may take.
   */
  refuseOverdue(nowMs: number, limitMs: number): void {
    for (const { sentMs, refuse } of this.#sent) {
      if (nowMs - sentMs <= limitMs) return
      refuse(new Error(`the database did not answer within ${limitMs} ms`))
    }
  }
}
