import { Duplex } from 'node:stream'
import type { Limits } from '../../core/limits.ts'
import type { PgliteThread, Session } from './thread.ts'

/** The number of queries in one batch for PGlite, and the message that ends each (PostgreSQL manual §54.7). */
const BATCH_QUERIES = 8
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])

const PARSE = 0x50
const DEALLOCATE = Buffer.from('Q\0\0\0\x13deallocate all\0')

/**
 * A stream to PGlite's thread that pg uses as a socket. It has the socket methods that pg calls.
 *
 * PGlite cannot cancel a statement. Therefore the connection ends when PostgreSQL would cancel the
 * statement, and statements that wait after it do not begin. The thread finishes the one in progress, and
 * its result is discarded.
 */
export class PgliteStream extends Duplex implements Session {
  readonly unlimited: boolean
  readonly #thread: PgliteThread
  readonly #limits: Limits | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #names = new Set<string>()
  readonly #cleanup: Uint8Array

  /**
   * @param limits how long it waits for a response. Without limits it waits as long as the thread works.
   * @param cleanup messages that are executed after its end.
   */
  constructor(thread: PgliteThread, limits?: Limits, cleanup: Uint8Array = new Uint8Array(0)) {
    super({ decodeStrings: true })
    this.#cleanup = cleanup
    this.#thread = thread
    this.#limits = limits
    this.unlimited = limits === undefined
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
    if (this.unlimited || this.#names.size === 0) addNames(chunk, this.#names)
    const timer = this.#startTimer()
    const onPart = (bytes: Uint8Array) => {
      if (this.destroyed) return
      timer?.refresh()
      if (bytes.length > 0) this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    }
    let next: typeof done | undefined = done
    const onExecuted = (error?: Error) => {
      const call = next
      next = undefined
      if (call !== undefined) call(error)
      else if (error !== undefined) this.destroy(error)
    }
    this.#thread.exchange(this, chunk, { onPart, onExecuted: () => onExecuted() }).then(
      (bytes) => {
        onPart(bytes)
        clearTimeout(timer)
      },
      (error) => {
        clearTimeout(timer)
        onExecuted(error)
      },
    )
  }

  /** After an overdue statement, the time is only that of a statement that waits for a connection. */
  #startTimer(): NodeJS.Timeout | undefined {
    if (this.#limits === undefined) return undefined
    const { statementMs, statementWaitMs } = this.#limits
    const late = this.#thread.silentMs() > statementMs
    const end = () =>
      this.destroy(new Error('The embedded database is busy with another statement'))
    this.#timer = setTimeout(end, late ? statementWaitMs : statementMs).unref()
    return this.#timer
  }

  /**
   * Sends the queries that were written during the previous batch. It sends small batches, so that early
   * responses arrive before later queries run. pg corks the stream for each query, so no query is split.
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

  /** Ends the readable side as well, as PostgreSQL does. */
  override _final(done: () => void): void {
    this.push(null)
    this.#leave().then(() => done(), done)
  }

  /** The stream ends at once, even if the thread still works on its last statement. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer)
    this.#leave().catch(() => {})
    done(error)
  }

  #leave(): Promise<void> {
    const names = [...this.#names]
    const closed = names.length > 0 && !this.unlimited ? [DEALLOCATE] : names.map(closeStatement)
    return this.#thread.leave(this, Buffer.concat([...closed, this.#cleanup]))
  }
}

/** Adds the names of statements that these messages prepare (PostgreSQL manual §54.7). */
function addNames(messages: Buffer, names: Set<string>): void {
  // The startup packet has no type.
  if (messages[0] === 0) return
  for (let at = 0; at + 5 < messages.length; at += 1 + messages.readInt32BE(at + 1)) {
    if (messages[at] !== PARSE || messages[at + 5] === 0) continue
    names.add(messages.toString('utf8', at + 5, messages.indexOf(0, at + 5)))
  }
}

/** Close and Sync, which are no error if there is no such statement. */
function closeStatement(name: string): Buffer {
  const close = Buffer.from(`C\0\0\0\0S${name}\0`)
  close.writeInt32BE(close.length - 1, 1)
  return Buffer.concat([close, SYNC])
}
