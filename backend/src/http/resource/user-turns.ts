import type { onRequestHookHandler } from 'fastify'
import type { Limits } from '../../core/limits.ts'

type Begin = () => void

/** The requests of one user in this event-loop tick. */
interface Line {
  begun: number
  readonly waiting: Begin[]
}

/**
 * Begins at most `requestsOfUserPerTick` requests of each user in one event-loop tick, and the others in
 * the next ticks, in order. The server reads the sockets of other users between ticks, so they do not wait
 * for all requests of a user who sends hundreds at once.
 */
export class UserTurns {
  readonly #perTick: number
  readonly #lines = new Map<string, Line>()

  constructor({ requestsOfUserPerTick }: Limits) {
    this.#perTick = requestsOfUserPerTick
  }

  /** The hook for a route whose user is known. */
  readonly onRequest: onRequestHookHandler = ({ userId }, _reply, done) => this.#take(userId, done)

  #take(userId: string, begin: Begin): void {
    const line = this.#lines.get(userId)
    if (line === undefined) {
      if (this.#lines.size === 0) setImmediate(this.#nextTick)
      this.#lines.set(userId, { begun: 1, waiting: [] })
      begin()
    } else if (line.begun < this.#perTick) {
      line.begun += 1
      begin()
    } else line.waiting.push(begin)
  }

  readonly #nextTick = (): void => {
    for (const [userId, line] of this.#lines) {
      const next = line.waiting.splice(0, this.#perTick)
      line.begun = next.length
      if (next.length === 0) this.#lines.delete(userId)
      for (const begin of next) begin()
    }
    if (this.#lines.size > 0) setImmediate(this.#nextTick)
  }
}
