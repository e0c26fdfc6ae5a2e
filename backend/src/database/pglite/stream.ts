import { Duplex } from 'node:stream'
import type { Limits } from '../../core/limits.ts'
import type { PgliteThread, Session } from './thread.ts'

/** Queries that PGlite is given at once, and the message that ends each (PostgreSQL manual §54.7). */
const BATCH_QUERIES = 8
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])

const PARSE = 0x50

/**
 * What pg takes for a socket: a stream to the thread, with the few socket methods it calls.
 *
 * PGlite cannot cancel a statement, so the connection ends when PostgreSQL would cancel the statement.
 * Statements that wait behind it are withdrawn. The thread finishes the one it has begun, and its
 * result is discarded.
 */
export class PgliteStream extends Duplex implements Session {
  readonly endless: boolean
  readonly #thread: PgliteThread
  readonly #limits: Limits | undefined
  #overdue: NodeJS.Timeout | undefined
  #prepared = false

  /** @param limits how long it waits for a response; without limits, as long as the thread works. */
  constructor(thread: PgliteThread, limits?: Limits) {
    super({ decodeStrings: true })
    this.#thread = thread
    this.#limits = limits
    this.endless = limits === undefined
  }

  connect(): this {
    process.nextTick(() => this.emit('connect'))
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#prepared ||= preparesByName(chunk)
    const overdue = this.#startTime()
    const answer = (bytes: Uint8Array) => {
      if (this.destroyed) return
      overdue?.refresh()
      if (bytes.length > 0) this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    }
    this.#thread.exchange(this, chunk, answer).then(
      (bytes) => {
        answer(bytes)
        clearTimeout(overdue)
        done()
      },
      (error) => {
        clearTimeout(overdue)
        done(error)
      },
    )
  }

  /** Behind an overdue statement, one has only as long as a statement that waits for a connection. */
  #startTime(): NodeJS.Timeout | undefined {
    if (this.#limits === undefined) return undefined
    const { statementMs, statementWaitMs } = this.#limits
    const late = this.#thread.silentMs() > statementMs
    const end = () =>
      this.destroy(new Error('the embedded database is busy with another statement'))
    this.#overdue = setTimeout(end, late ? statementWaitMs : statementMs).unref()
    return this.#overdue
  }

  /**
   * While one batch is at work the next gathers here. It goes on in small batches, so that answers
   * come back while others wait. Each query is written while the stream is corked, so none is split.
   */
  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error) => void,
  ): void {
    let syncs = 0
    let end = 0
    while (end < chunks.length && syncs < BATCH_QUERIES) {
      if (chunks[end]?.chunk.subarray(-SYNC.length).equals(SYNC)) syncs += 1
      end += 1
    }
    this._write(Buffer.concat(chunks.slice(0, end).map(({ chunk }) => chunk)), 'utf8', (error) => {
      if (error || end === chunks.length) done(error)
      else this._writev(chunks.slice(end), done)
    })
  }

  /** The other side hangs up when this one has. */
  override _final(done: () => void): void {
    this.push(null)
    this.#leave().then(() => done(), done)
  }

  /** The stream ends at once, even if the thread still works on its last statement. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#overdue)
    this.#leave().catch(() => {})
    done(error)
  }

  #leave(): Promise<void> {
    return this.#thread.leave(this, this.#prepared)
  }
}

/** Whether a Parse among these messages has a name (PostgreSQL manual §54.7). */
function preparesByName(messages: Buffer): boolean {
  // The startup packet has no type.
  if (messages[0] === 0) return false
  for (let at = 0; at + 5 < messages.length; at += 1 + messages.readInt32BE(at + 1)) {
    if (messages[at] === PARSE && messages[at + 5] !== 0) return true
  }
  return false
}
