import { fstatSync, write, writeSync } from 'node:fs'

export const STANDARD_OUTPUT = 1

/**
 * Lines are written together, this many bytes at a time or after this long: one write for each would be
 * a tenth of what a request costs.
 */
const PIECE_BYTES = 16_384
const LATEST_MS = 100
/** A pipe takes that in one piece (PIPE_BUF of Linux), so that lines of two processes do not mix. */
const SHARED_PIECE_BYTES = 4_096
/** What waits while nobody reads; lines beyond it are lost. */
const WAITING_BYTES = 1_048_576
/** Whether a pipe that was full has room again. */
const AGAIN_MS = 50

interface Piece {
  text: string | Buffer
  bytes: number
  lines: number
}

/**
 * Writes the lines of the log to a file, a pipe or a terminal, and never waits for it: a reader that
 * stands still or is gone, or a full disk, costs lines, and nothing else. How many is told when it
 * takes lines again.
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
  /** Is called when lines were lost, and others are taken again. */
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
    // The first piece is on its way, or its rest is.
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
   * Writes what is left, for as long as this at most.
   *
   * @returns false where a write does not come back at all: a thread waits for it, and the process could
   *   not exit.
   */
  async end(limitMs: number): Promise<boolean> {
    this.#ending = true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#settled = resolve
    const tooLate = setTimeout(() => {
      this.#isOver = true
      if (!this.#writing) resolve()
    }, limitMs)
    const stuck = setTimeout(resolve, 2 * limitMs)
    if (this.#pieces.length === 0) resolve()
    this.#next()
    await promise
    clearTimeout(tooLate)
    clearTimeout(stuck)
    return !this.#writing
  }

  /** In the last moment of a process that ends by itself: what is taken at once. */
  endNow(): void {
    if (this.#writing || !this.#takesAtOnce()) return
    try {
      for (const { text } of this.#pieces.splice(0)) {
        const rest = Buffer.from(text)
        for (let at = 0; at < rest.length; ) at += writeSync(this.#descriptor, rest, at)
      }
    } catch {
      // Nobody reads it, or there is no room.
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

  /** A pipe that others write to by the same descriptor may wait. */
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
