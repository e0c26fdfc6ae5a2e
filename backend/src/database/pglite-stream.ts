import { Duplex } from 'node:stream'
import type { PgliteThread } from './pglite-thread.ts'

/** Queries that PGlite is given at once, and the message that ends each (PostgreSQL manual §54.7). */
const BATCH_QUERIES = 8
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])

/** What pg takes for a socket: a stream to the thread, with the few socket methods it calls. */
export class PgliteStream extends Duplex {
  readonly #thread: PgliteThread

  constructor(thread: PgliteThread) {
    super({ decodeStrings: true })
    this.#thread = thread
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
    const answer = (bytes: Uint8Array) => {
      if (bytes.length > 0) this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    }
    this.#thread.exchange(this, chunk, answer).then(
      (bytes) => {
        answer(bytes)
        done()
      },
      (error) => done(error),
    )
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
    this.#thread.leave(this).then(() => done(), done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // pg destroys its stream with an error when the database owes an answer for too long; the
    // thread is then stuck, on a full disk for one.
    if (error !== null) this.#thread.fail(error)
    const left = () => done(error)
    this.#thread.leave(this).then(left, left)
  }
}
