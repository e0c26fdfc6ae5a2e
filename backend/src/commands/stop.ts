import type { Log } from '../core/logger.ts'

/** A stop waits this long for requests under way. */
export const STOP_LIMIT_MS = 10_000
/** And this long for the database to be closed behind them. */
export const CLOSE_LIMIT_MS = 5_000
/** Ctrl-C reaches the server from the terminal and once more from npm: one stop, not two. */
const SAME_SIGNAL_MS = 1_000

export const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** What the primary of several processes tells a worker that is to stop. */
export const STOP = 'stop'

/**
 * Stops with the first SIGINT or SIGTERM; a second one, later, ends the process at once with 1.
 *
 * @param cut what to do before that.
 */
export function stopOnSignals(log: Log, stop: () => void, cut = () => {}): void {
  let stoppingMs: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (stoppingMs === undefined) {
      stoppingMs = performance.now()
      log.info(`${signal}: finishing the requests under way, then stopping`)
      stop()
    } else if (performance.now() - stoppingMs > SAME_SIGNAL_MS) {
      cut()
      process.exit(1)
    }
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
}
