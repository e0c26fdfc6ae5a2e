import type { Worker } from 'node:worker_threads'
import type { Limits } from '../../core/limits.ts'

/** The thread is sampled this many times in `databaseSilenceMs`. */
const SAMPLES = 8
/** More CPU time than this between two samples is work; reporting it costs a stuck thread a tenth of this. */
const WORK_MICROSECONDS = 1_000

/**
 * Detects a stuck thread. A thread that owes a response and uses CPU time works on it. A thread that sends
 * nothing and uses no CPU time waits for an event that never happens, and cannot be used any more.
 */
export class Watchdog {
  readonly #worker: Worker
  readonly #limits: Limits
  readonly #fail: (error: Error) => void
  #timer: NodeJS.Timeout | undefined
  /** When the current request was sent, and when a part of its response last arrived. */
  #sentMs = 0
  #receivedMs = 0
  #unlimited = false
  #workedMs = 0
  #usedMicroseconds = 0

  /** @param fail is called with the reason when the thread is stuck, or has worked for too long. */
  constructor(worker: Worker, limits: Limits, fail: (error: Error) => void) {
    this.#worker = worker
    this.#limits = limits
    this.#fail = fail
  }

  /** The thread owes a response from now on. @param unlimited whether it may work on it without a limit. */
  expect(unlimited: boolean): void {
    this.#sentMs = performance.now()
    this.#receivedMs = this.#sentMs
    this.#unlimited = unlimited
    this.#timer ??= setInterval(
      () => this.#sample(),
      this.#limits.databaseSilenceMs / SAMPLES,
    ).unref()
  }

  /** A part of the response arrived. */
  received(): void {
    this.#receivedMs = performance.now()
  }

  /** The thread owes nothing. The timer runs on, because this happens thousands of times per second. */
  rest(): void {
    this.#sentMs = 0
  }

  /** Ends the sampling permanently. */
  stop(): void {
    clearInterval(this.#timer)
    this.#sentMs = 0
  }

  /** How long the thread has sent nothing of the response that it owes; 0 if it owes none. */
  silentMs(): number {
    return this.#sentMs === 0 ? 0 : performance.now() - this.#receivedMs
  }

  #sample(): void {
    const { databaseSilenceMs, databaseWorkMs } = this.#limits
    const silentMs = this.silentMs()
    if (silentMs < databaseSilenceMs / SAMPLES) return
    if (!this.#unlimited && silentMs > databaseWorkMs) {
      this.#fail(
        new Error(`The embedded database has worked on one statement for ${databaseWorkMs} ms`),
      )
    } else if (Math.min(silentMs, performance.now() - this.#workedMs) > databaseSilenceMs) {
      this.#fail(new Error('The embedded database stopped responding'))
    } else {
      this.#measure()
    }
  }

  /** Reads the thread's CPU time. A result that is late or missing has no effect. */
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
