import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Limits } from '../core/limits.ts'

/**
 * From here on a text that is a whole answer is sent as bytes, which are counted as such. Those of a
 * stream are not: many of them pass by, and the system's copy of a text is gone as soon as it is
 * sent, where bytes wait for the garbage collector.
 */
const LONG_TEXT = 16_384

/** Bytes that were made once and are sent to whoever asks: they take no memory of an answer's own. */
const shared = new WeakSet<object>()

export function shareBytes(bytes: Buffer): Buffer {
  shared.add(bytes)
  return bytes
}

/** What answers hold in memory until their clients take it: in all, and of each user. */
export class QueuedBytes {
  readonly #limits: Limits
  readonly #ofUsers = new Map<string, number>()
  #all = 0
  /** Answers whose client has not taken all that was written. */
  readonly waiting = new Set<ServerResponse>()
  /** What Node is to make answers with. */
  readonly Response: typeof ServerResponse

  constructor(limits: Limits) {
    this.#limits = limits
    this.Response = countedBy(this)
  }

  get areTooMany(): boolean {
    return this.#all >= this.#limits.queuedBytes
  }

  /** Whether a user leaves that much untaken that no more is done for them; else the answer is theirs. */
  areTooManyOf(userId: string, response: ServerResponse): boolean {
    if ((this.#ofUsers.get(userId) ?? 0) >= this.#limits.queuedBytesOfUser) return true
    Object.assign(response, { userId })
    return false
  }

  add(bytes: number, userId: string): void {
    this.#all += bytes
    if (userId === '') return
    const now = (this.#ofUsers.get(userId) ?? 0) + bytes
    if (now > 0) this.#ofUsers.set(userId, now)
    else this.#ofUsers.delete(userId)
  }
}

function countedBy(queued: QueuedBytes): QueuedBytes['Response'] {
  return class<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
    userId = ''
    #held = 0
    #shared = 0
    #waits = false

    // The parameters are those of each of Node's overloads, and are passed on as they came.
    override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
      const more = super.write(chunk as never, encoding as never, callback as never)
      this.#count()
      return more
    }

    override end(chunk?: unknown, encoding?: unknown, callback?: unknown): this {
      super.end(this.#whole(chunk) as never, encoding as never, callback as never)
      this.#count()
      return this
    }

    #whole(chunk: unknown): unknown {
      if (typeof chunk === 'string') return chunk.length < LONG_TEXT ? chunk : Buffer.from(chunk)
      if (chunk instanceof Buffer && shared.has(chunk)) this.#shared += chunk.length
      return chunk
    }

    /** Nearly always nothing waits: the system has taken all of it. */
    #count(): void {
      const waits = this.writableLength
      if (waits === 0 && !this.#waits) return
      if (!this.#waits) {
        this.#waits = true
        queued.waiting.add(this)
        this.once('close', () => this.#release())
      }
      this.#hold(Math.max(0, waits - this.#shared))
    }

    #hold(bytes: number): void {
      queued.add(bytes - this.#held, this.userId)
      this.#held = bytes
    }

    #release(): void {
      this.#hold(0)
      queued.waiting.delete(this)
    }
  }
}
