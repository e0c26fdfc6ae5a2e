import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Limits } from '../../core/limits.ts'

// An import of its value would load all that node:http offers, with the code of WebSocket and fetch: 5 % of a start.
const http = process.getBuiltinModule('node:http')

/**
 * A response body of this many characters or more is sent as a buffer, so that its bytes are counted
 * exactly. Chunks of a stream stay strings: the system frees its copy of a string when it is sent, while
 * a buffer waits for the garbage collector.
 */
const LONG_TEXT = 16_384

/** Buffers that many responses share. They do not count as memory of one response. */
const shared = new WeakSet<object>()

/** Marks a buffer as shared by responses. @returns the same buffer. */
export function shareBytes(bytes: Buffer): Buffer {
  shared.add(bytes)
  return bytes
}

/** Counts the response bytes that clients have not read yet: in all, and of each user. */
export class QueuedBytes {
  readonly #limits: Limits
  readonly #ofUsers = new Map<string, number>()
  #all = 0
  /** Responses with bytes that the client has not read. */
  readonly waiting = new Set<ServerResponse>()
  /** The response class for Node's HTTP server; it reports its bytes here. */
  readonly Response: typeof ServerResponse

  constructor(limits: Limits) {
    this.#limits = limits
    this.Response = countedBy(this)
  }

  /** Whether the unread bytes of all users reach `queuedBytes`. */
  get areTooMany(): boolean {
    return this.#all >= this.#limits.queuedBytes
  }

  /** @returns true if the user has too many unread bytes; otherwise counts the response as the user's. */
  areTooManyOf(userId: string, response: ServerResponse): boolean {
    if (this.hasTooManyOf(userId)) return true
    Object.assign(response, { userId })
    return false
  }

  /** Whether that is so already. It counts nothing. */
  hasTooManyOf(userId: string): boolean {
    return (this.#ofUsers.get(userId) ?? 0) >= this.#limits.queuedBytesOfUser
  }

  /** @param bytes negative when the client has read them. @param userId empty without a user. */
  add(bytes: number, userId: string): void {
    this.#all += bytes
    if (userId === '') return
    const now = (this.#ofUsers.get(userId) ?? 0) + bytes
    if (now > 0) this.#ofUsers.set(userId, now)
    else this.#ofUsers.delete(userId)
  }
}

/** Counts the unread bytes of a response again, which otherwise happens when it is written to. */
export function recountBytes(response: ServerResponse): void {
  if ('recount' in response && typeof response.recount === 'function') response.recount()
}

function countedBy(queued: QueuedBytes): QueuedBytes['Response'] {
  return class<
    Request extends IncomingMessage = IncomingMessage,
  > extends http.ServerResponse<Request> {
    userId = ''
    #held = 0
    #shared = 0
    #isWaiting = false
    #isWatched = false

    // The parameters cover all of Node's overloads and are passed on unchanged.
    override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
      const more = super.write(chunk as never, encoding as never, callback as never)
      this.#count()
      return more
    }

    override end(chunk?: unknown, encoding?: unknown, callback?: unknown): this {
      super.end(this.#asBuffer(chunk) as never, encoding as never, callback as never)
      this.#count()
      return this
    }

    #asBuffer(chunk: unknown): unknown {
      if (typeof chunk === 'string') return chunk.length < LONG_TEXT ? chunk : Buffer.from(chunk)
      if (chunk instanceof Buffer && shared.has(chunk)) this.#shared += chunk.length
      return chunk
    }

    /** Counts the unread bytes. Usually the operating system has already accepted all bytes. */
    #count(): void {
      const waitingBytes = this.writableLength
      if (waitingBytes === 0 && !this.#isWaiting) return
      if (!this.#isWaiting) {
        this.#isWaiting = true
        queued.waiting.add(this)
        this.#watch()
      }
      this.#hold(Math.max(0, waitingBytes - this.#shared))
    }

    #hold(bytes: number): void {
      queued.add(bytes - this.#held, this.userId)
      this.#held = bytes
    }

    #watch(): void {
      if (this.#isWatched) return
      this.#isWatched = true
      this.once('close', () => this.#release())
    }

    /** Call it when bytes of a response that goes on have been read. */
    recount(): void {
      if (this.writableLength > 0) this.#count()
      else this.#release()
    }

    #release(): void {
      this.#hold(0)
      this.#isWaiting = false
      queued.waiting.delete(this)
    }
  }
}
