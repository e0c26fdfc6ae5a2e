import type { HintRelay } from '../models/changes/hints.ts'
import { type HintMessage, HintOutbox } from './hint-messages.ts'

/** Passes hints on between the workers of a primary, and between them and other machines. */
export class HintExchange {
  readonly #outboxes = new Map<number, HintOutbox>()
  readonly #send: (worker: number, message: HintMessage) => void
  #notices: HintRelay | undefined

  /** @param send sends a message to a worker. It may be lost if the worker ends. */
  constructor(send: (worker: number, message: HintMessage) => void) {
    this.#send = send
  }

  /** @param notices to and from other machines. */
  extend(notices: HintRelay): void {
    this.#notices = notices
    notices.listen(this.#outboxes.size > 0)
  }

  /** Call it with the hint of another machine. */
  heard(hint: string): void {
    for (const outbox of this.#outboxes.values()) outbox.add(hint)
  }

  receive(worker: number, { hints = [], listening }: HintMessage): void {
    for (const hint of hints) {
      this.#notices?.add(hint)
      for (const [id, outbox] of this.#outboxes) if (id !== worker) outbox.add(hint)
    }
    if (listening === true) this.#listen(worker)
    if (listening === false) this.forget(worker)
  }

  /** Call it if a worker has no streams any more. */
  forget(worker: number): void {
    if (this.#outboxes.delete(worker) && this.#outboxes.size === 0) this.#notices?.listen(false)
  }

  #listen(worker: number): void {
    const isFirst = this.#outboxes.size === 0
    this.#outboxes.set(worker, new HintOutbox((message) => this.#send(worker, message)))
    if (isFirst) this.#notices?.listen(true)
  }
}
