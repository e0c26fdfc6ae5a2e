import type { Log } from '../core/log/logger.ts'

/** Called when a job begins. @returns a function to call when it has ended, with its error. */
export type JobWatch = (job: string) => (error?: unknown) => void

const UNWATCHED: JobWatch = () => () => {}

export interface RegularWork {
  /** The name of the job, for {@link watch}. */
  readonly job: string
  readonly everyMs: number
  readonly log: Log
  /** Logged if the work fails. */
  readonly failure: string
  /** Observes each run, but not the end of one that was aborted. */
  readonly watch?: JobWatch | undefined
}

/**
 * Runs work now and at intervals. While a run is in progress, no other begins.
 *
 * @param work gets a signal that aborts at the end, and whether it runs for the first time.
 * @returns a function that ends it.
 */
export function regularly(
  { job, everyMs, log, failure, watch = UNWATCHED }: RegularWork,
  work: (signal: AbortSignal, isFirst: boolean) => Promise<void>,
): () => void {
  const ending = new AbortController()
  const { signal } = ending
  let running = false
  const run = async (isFirst: boolean) => {
    if (running) return
    running = true
    const ended = watch(job)
    try {
      await work(signal, isFirst)
      ended()
    } catch (err) {
      if (signal.aborted) return
      ended(err)
      log.warn({ err }, failure)
    } finally {
      running = false
    }
  }
  const timer = setInterval(() => run(false), everyMs).unref()
  run(true)
  return () => {
    clearInterval(timer)
    ending.abort()
  }
}
