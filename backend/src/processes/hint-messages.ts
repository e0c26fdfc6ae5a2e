import type { ChangeHints } from '../models/changes/hints.ts'

/**
 * The messages with which processes of one machine tell each other that tasks of users have changed. The primary
 * passes hints on to the other workers that have streams, and to other machines.
 */
export interface HintMessage {
  /** Hashes of users, see `hintOf`. */
  readonly hints?: readonly string[]
  /** Of a worker: whether it has streams. */
  readonly listening?: boolean
}

/** Hints are collected for this long, so that a busy worker sends few messages. */
const COLLECT_MS = 10

export const isHintMessage = (message: unknown): message is HintMessage =>
  typeof message === 'object' && message !== null && ('hints' in message || 'listening' in message)

/** Collects hints, and sends those of a few milliseconds as one message. */
export class HintOutbox {
  readonly #send: (message: HintMessage) => void
  readonly #pending = new Set<string>()

  /** @param send sends a message to another process. It may be lost. */
  constructor(send: (message: HintMessage) => void) {
    this.#send = send
  }

  add(hint: string): void {
    if (this.#pending.size === 0) setTimeout(() => this.#flush(), COLLECT_MS).unref()
    this.#pending.add(hint)
  }

  #flush(): void {
    this.#send({ hints: [...this.#pending] })
    this.#pending.clear()
  }
}

/** Connects the hints of a worker with its primary. */
export function relayToPrimary(hints: ChangeHints, send: (message: HintMessage) => void): void {
  const outbox = new HintOutbox(send)
  hints.relayTo({
    add: (hint) => outbox.add(hint),
    listen: (listening) => send({ listening }),
  })
}
