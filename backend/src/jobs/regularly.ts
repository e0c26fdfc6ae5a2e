import type { Log } from '../core/log/logger.ts'

export interface RegularWork {
  readonly everyMs: number
  readonly log: Log
  /** Logged if the work fails. */
  readonly failure: string
}

/**
 * Runs work now and regularly, never twice at once.
 *
 * @param work gets a signal that aborts at the end, and whether it runs for the first time.
 * @returns a function that ends it.
 */
export function regularly(
  { everyMs, log, failure }: RegularWork,
  work: (signal: AbortSignal, isFirst: boolean) => Promise<void>,
): () => void {
  const ending = new AbortController()
  const { signal } = ending
  let last: Promise<void> = Promise.resolve()
  const run = (isFirst: boolean) => {
    last = last
      .then(() => (signal.aborted ? undefined : work(signal, isFirst)))
      .catch((err) => {
        if (!signal.aborted) log.warn({ err }, failure)
      })
  }
  const timer = setInterval(() => run(false), everyMs).unref()
  run(true)
  return () => {
    clearInterval(timer)
    ending.abort()
  }
}
