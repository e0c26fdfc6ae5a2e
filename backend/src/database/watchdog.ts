import type { Worker } from 'node:worker_threads'
import type { Limits } from '../core/limits.ts'

/** Of `databaseSilenceMs`: how often the thread is looked at while it owes an answer. */
const LOOKS = 8
/** A thread that is stuck uses a tenth of this from one look to the next, to say what it has used. */
const WORK_MICROSECONDS = 1_000

/**
 * Tells a thread that works from one that is stuck. A thread that owes an answer and uses the
 * processor works on it. One that neither answers nor uses the processor waits for something that
 * does not come, and can never be used again.
 */
export class Watchdog {
  readonly #worker: Worker
  readonly #limits: Limits
  readonly #fail: (error: Error) => void
  #timer: NodeJS.Timeout | undefined
  /** When the present answer was asked for, and when there was something of it. */
  #askedMs = 0
  #heardMs = 0
  #endless = false
  #workedMs = 0
  #usedMicroseconds = 0

  /** @param fail is given the reason when the thread is stuck, or has worked for too long. */
  constructor(worker: Worker, limits: Limits, fail: (error: Error) => void) {
    this.#worker = worker
    this.#limits = limits
    this.#fail = fail
  }

  /** The thread owes an answer from now on. @param endless whether it may work on it for ever. */
  expect(endless: boolean): void {
    this.#askedMs = performance.now()
    this.#heardMs = this.#askedMs
    this.#endless = endless
    this.#timer ??= setInterval(() => this.#look(), this.#limits.databaseSilenceMs / LOOKS).unref()
  }

  /** A piece of the answer came. */
  heard(): void {
    this.#heardMs = performance.now()
  }

  /** It owes nothing. The timer goes on: under load this happens thousands of times in a second. */
  rest(): void {
    this.#askedMs = 0
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#askedMs = 0
  }

  silentMs(): number {
    return this.#askedMs === 0 ? 0 : performance.now() - this.#heardMs
  }

  #look(): void {
    const { databaseSilenceMs, databaseWorkMs } = this.#limits
    const silentMs = this.silentMs()
    if (silentMs < databaseSilenceMs / LOOKS) return
    if (!this.#endless && silentMs > databaseWorkMs) {
      this.#fail(new Error(`the database has worked on one statement for ${databaseWorkMs} ms`))
    } else if (Math.min(silentMs, performance.now() - this.#workedMs) > databaseSilenceMs) {
      this.#fail(new Error('the database stopped answering'))
    } else {
      this.#measure()
    }
  }

  /** An answer to this that comes late, or never, is no news. */
  #measure(): void {
    this.#worker.cpuUsage().then(
      ({ user, system }) => {
        const microseconds = user + system - this.#usedMicroseconds
        this.#usedMicroseconds += microseconds
        if (microseconds > WORK_MICROSECONDS) this.#workedMs = performance.now()
      },
      () => {},
    )
  }
}
