import { fstatSync, write, writeSync } from 'node:fs'

export const STANDARD_OUTPUT = 1

/**
 * Lines are written in chunks of this many bytes, or after this time. One write per line would take a
 * tenth of the time of a request.
 */
const CHUNK_BYTES = 16_384
const FLUSH_MS = 100
/** Writes of up to this size to a pipe are atomic (PIPE_BUF of Linux), so lines of two processes do not mix. */
const SHARED_CHUNK_BYTES = 4_096
/** The size of the buffer while no reader reads. Lines beyond it are lost. */
const WAITING_BYTES = 1_048_576
/** The pause before the next write to a full pipe. */
const RETRY_MS = 50
/** The length of one wait at the end. */
const END_WAIT_MS = 10

interface Chunk {
  text: string | Buffer
  bytes: number
  lines: number
}

/**
 * Writes the lines of the log to a file, a pipe or a terminal without blocking. If the reader blocks or has
 * closed, or the disk is full, lines are lost. Their number is reported when lines can be written again.
 */
export class LogLines {
  readonly #descriptor: number
  readonly #chunkBytes: number
  readonly #shared: boolean
  readonly #chunks: Chunk[] = []
  #waitingBytes = 0
  #lost = 0
  #writing = false
  #ending = false
  #isOver = false
  #timer: NodeJS.Timeout | undefined
  #settled = () => {}
  /** Called with the number of lost lines when lines can be written again. */
  onRecovery = (_lost: number) => {}

  /** @param shared whether other processes write to the same place. */
  constructor(descriptor: number, shared: boolean) {
    this.#descriptor = descriptor
    this.#shared = shared
    this.#chunkBytes = shared ? SHARED_CHUNK_BYTES : CHUNK_BYTES
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#waitingBytes + bytes > WAITING_BYTES) {
      this.#lost += 1
      return
    }
    this.#waitingBytes += bytes
    const last = this.#chunks.at(-1)
    const isFull = last === undefined || last.bytes + bytes > this.#chunkBytes
    // A full chunk, or one that is being written, takes no more lines.
    if (isFull || (this.#chunks.length === 1 && this.#writing) || typeof last.text !== 'string') {
      this.#chunks.push({ text: line, bytes, lines: 1 })
      if (isFull && last !== undefined) {
        this.#writeNext()
        return
      }
    } else {
      last.text += line
      last.bytes += bytes
      last.lines += 1
    }
    this.#writeLater(FLUSH_MS)
  }

  /**
   * Writes the remaining lines for about `limitMs`. It counts short timers instead of reading a clock, so that
   * after a pause of the whole machine a finished write is noticed before the time is over.
   *
   * @returns false if a write does not return within twice that time. A thread is then blocked in it,
   *   and the process could not exit.
   */
  async end(limitMs: number): Promise<boolean> {
    this.#ending = true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#settled = () => resolve(true)
    const waits = limitMs / END_WAIT_MS
    let waited = 0
    const timer = setInterval(() => {
      waited += 1
      this.#isOver = waited >= waits
      if (this.#isOver && !this.#writing) resolve(true)
      else if (waited >= 2 * waits) resolve(false)
    }, END_WAIT_MS)
    if (this.#chunks.length === 0) resolve(true)
    this.#writeNext()
    const canExit = await promise
    clearInterval(timer)
    return canExit
  }

  /** Writes as many lines as a file or pipe accepts at once, if the process exits without {@link end}. */
  endNow(): void {
    if (this.#writing || !this.#canWriteSync()) return
    try {
      for (const { text } of this.#chunks.splice(0)) {
        const rest = Buffer.from(text)
        for (let at = 0; at < rest.length; ) at += writeSync(this.#descriptor, rest, at)
      }
    } catch {
      // The reader has closed the pipe, or the disk is full.
    }
  }

  #writeLater(ms: number): void {
    this.#timer ??= setTimeout(() => this.#writeNext(), ms).unref()
  }

  #writeNext(): void {
    const [chunk] = this.#chunks
    if (this.#writing || chunk === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = true
    const data = typeof chunk.text === 'string' ? Buffer.from(chunk.text) : chunk.text
    write(this.#descriptor, data, 0, data.length, null, (error, count) => {
      const written = () => this.#written(chunk, data, error, count)
      if (!this.#isOver) return written()
      this.#settled()
      // The process exits before that. A write that began now would prevent it.
      setImmediate(written)
    })
  }

  #written(chunk: Chunk, data: Buffer, error: NodeJS.ErrnoException | null, count: number): void {
    this.#writing = false
    if (error?.code === 'EAGAIN') {
      chunk.text = data
      this.#writeLater(RETRY_MS)
      return
    }
    if (error === null && count < data.length) {
      chunk.text = data.subarray(count)
      this.#writeNext()
      return
    }
    this.#chunks.shift()
    this.#waitingBytes -= chunk.bytes
    if (error !== null) this.#lost += chunk.lines
    else if (this.#lost > 0) this.#reportLost()
    const [next, another] = this.#chunks
    if (next === undefined) this.#settled()
    else if (another !== undefined || this.#ending) this.#writeNext()
    else this.#writeLater(FLUSH_MS)
  }

  #reportLost(): void {
    const lost = this.#lost
    this.#lost = 0
    this.onRecovery(lost)
  }

  /** Whether a synchronous write cannot block; a pipe whose descriptor other processes share can. */
  #canWriteSync(): boolean {
    try {
      const status = fstatSync(this.#descriptor)
      const mayWait = this.#shared && this.#descriptor === STANDARD_OUTPUT
      return status.isFile() || ((status.isFIFO() || status.isSocket()) && !mayWait)
    } catch {
      return false
    }
  }
}
