import { fstatSync, write, writeSync } from 'node:fs'

export const STANDARD_OUTPUT = 1

/**
 * Lines are written together, in chunks of this many bytes or after this time: one write per line would
 * be a tenth of the cost of a request.
 */
const PIECE_BYTES = 16_384
const LATEST_MS = 100
/** Writes of up to this size to a pipe are atomic (PIPE_BUF of Linux), so lines of two processes do not mix. */
const SHARED_PIECE_BYTES = 4_096
/** The buffer while nobody reads; lines beyond it are lost. */
const WAITING_BYTES = 1_048_576
/** The pause before the next write to a full pipe. */
const AGAIN_MS = 50
/** The length of one wait at the end. */
const END_WAIT_MS = 10

interface Piece {
  text: string | Buffer
  bytes: number
  lines: number
}

/**
 * Writes the lines of the log to a file, a pipe or a terminal, and never waits for it. A blocked or
 * missing reader, or a full disk, costs only lines. Their number is reported when lines can be written
 * again.
 */
export class LogLines {
  readonly #descriptor: number
  readonly #pieceBytes: number
  readonly #shared: boolean
  readonly #pieces: Piece[] = []
  #waitingBytes = 0
  #lost = 0
  #writing = false
  #ending = false
  #isOver = false
  #timer: NodeJS.Timeout | undefined
  #settled = () => {}
  /** Is called with the number of lost lines when lines can be written again. */
  onceAgain = (_lost: number) => {}

  /** @param shared whether other processes write to the same place. */
  constructor(descriptor: number, shared: boolean) {
    this.#descriptor = descriptor
    this.#shared = shared
    this.#pieceBytes = shared ? SHARED_PIECE_BYTES : PIECE_BYTES
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#waitingBytes + bytes > WAITING_BYTES) {
      this.#lost += 1
      return
    }
    this.#waitingBytes += bytes
    const last = this.#pieces.at(-1)
    const isFull = last === undefined || last.bytes + bytes > this.#pieceBytes
    // The first piece, or its rest, is being written.
    if (isFull || (this.#pieces.length === 1 && this.#writing) || typeof last.text !== 'string') {
      this.#pieces.push({ text: line, bytes, lines: 1 })
      if (isFull && last !== undefined) {
        this.#next()
        return
      }
    } else {
      last.text += line
      last.bytes += bytes
      last.lines += 1
    }
    this.#later(LATEST_MS)
  }

  /**
   * Writes the remaining lines, for about `limitMs`. It counts short waits instead of reading a clock:
   * after the whole machine stood still, a write that has returned is seen before the next wait ends.
   *
   * @returns false if a write does not return within twice that time. A thread is then blocked in it,
   *   and the process could not exit.
   */
  async end(limitMs: number): Promise<boolean> {
    this.#ending = true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#settled = resolve
    const waits = limitMs / END_WAIT_MS
    let waited = 0
    const timer = setInterval(() => {
      waited += 1
      this.#isOver = waited >= waits
      if ((this.#isOver && !this.#writing) || waited >= 2 * waits) resolve()
    }, END_WAIT_MS)
    if (this.#pieces.length === 0) resolve()
    this.#next()
    await promise
    clearInterval(timer)
    return !this.#writing
  }

  /** Writes what a file or pipe accepts at once, when the process exits without {@link end}. */
  endNow(): void {
    if (this.#writing || !this.#takesAtOnce()) return
    try {
      for (const { text } of this.#pieces.splice(0)) {
        const rest = Buffer.from(text)
        for (let at = 0; at < rest.length; ) at += writeSync(this.#descriptor, rest, at)
      }
    } catch {
      // The reader is gone, or the disk is full.
    }
  }

  #later(ms: number): void {
    this.#timer ??= setTimeout(() => this.#next(), ms).unref()
  }

  #next(): void {
    const [piece] = this.#pieces
    if (this.#writing || piece === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = true
    const data = typeof piece.text === 'string' ? Buffer.from(piece.text) : piece.text
    write(this.#descriptor, data, 0, data.length, null, (error, count) => {
      this.#writing = false
      if (this.#isOver) this.#settled()
      if (error?.code === 'EAGAIN') {
        piece.text = data
        this.#later(AGAIN_MS)
        return
      }
      if (error === null && count < data.length) {
        piece.text = data.subarray(count)
        return this.#next()
      }
      this.#pieces.shift()
      this.#waitingBytes -= piece.bytes
      if (error !== null) this.#lost += piece.lines
      else if (this.#lost > 0) this.#tell()
      const [next, another] = this.#pieces
      if (next === undefined) this.#settled()
      else if (another !== undefined || this.#ending) this.#next()
      else this.#later(LATEST_MS)
    })
  }

  #tell(): void {
    const lost = this.#lost
    this.#lost = 0
    this.onceAgain(lost)
  }

  /** Whether a synchronous write cannot block; a pipe whose descriptor other processes share can. */
  #takesAtOnce(): boolean {
    try {
      const status = fstatSync(this.#descriptor)
      const mayWait = this.#shared && this.#descriptor === STANDARD_OUTPUT
      return status.isFile() || ((status.isFIFO() || status.isSocket()) && !mayWait)
    } catch {
      return false
    }
  }
}
