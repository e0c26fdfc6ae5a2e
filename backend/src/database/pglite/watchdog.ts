import type { Worker } from 'node:worker_threads'
import type { Limits } from '../../core/limits.ts'

/** The thread is sampled this many times in `databaseSilenceMs`. */
const LOOKS = 8
/** More CPU time than this between two samples is work; reporting it costs a stuck thread a tenth of this. */
const WORK_MICROSECONDS = 1_000

/**
 * Tells a working thread from a stuck one. A thread that owes a response and uses CPU time works on it.
 * A thread that neither answers nor uses CPU time waits for an event that never comes, and is unusable.
 */
export class Watchdog {
  readonly #worker: Worker
  readonly #limits: Limits
  readonly #fail: (error: Error) => void
  #timer: NodeJS.Timeout | undefined
  /** When the current request was sent, and when a part of its response last arrived. */
  #askedMs = 0
  #heardMs = 0
  #endless = false
  #workedMs = 0
  #usedMicroseconds = 0

  /** @param fail is called with the reason when the thread is stuck, or has worked for too long. */
  constructor(worker: Worker, limits: Limits, fail: (error: Error) => void) {
    this.#worker = worker
    this.#limits = limits
    this.#fail = fail
  }

  /** The thread owes a response from now on. @param endless whether it may work on it without a limit. */
  expect(endless: boolean): void {
    this.#askedMs = performance.now()
    this.#heardMs = this.#askedMs
    this.#endless = endless
    this.#timer ??= setInterval(() => this.#look(), this.#limits.databaseSilenceMs / LOOKS).unref()
  }

  /** A part of the response arrived. */
  heard(): void {
    this.#heardMs = performance.now()
  }

  /** The thread owes nothing. The timer stays: under load this happens thousands of times per second. */
  rest(): void {
    this.#askedMs = 0
  }

  /** Ends the sampling for good. */
  stop(): void {
    clearInterval(this.#timer)
    this.#askedMs = 0
  }

  /** How long the thread has sent nothing of the response that it owes; 0 if it owes none. */
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

  /** A result that comes late, or never, makes no difference. */
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
