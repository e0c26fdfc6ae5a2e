import { Worker } from 'node:worker_threads'
import { end } from '../core/log/end.ts'
import type { Log } from '../core/log/logger.ts'

/** When a stop gives up on what is still open. A process ends within 10 s of the first signal. */
export interface StopLimits {
  /** Requests in progress have this long. */
  readonly requestsMs: number
  /** Closing the database may take this long after them. */
  readonly closeMs: number
  /** After this, the primary of several processes kills the workers that are left. */
  readonly hangingMs: number
  /** After this, a thread kills the process if it has not ended. */
  readonly lastMs: number
}

export const STOP_LIMITS: StopLimits = {
  requestsMs: 8_000,
  closeMs: 1_000,
  hangingMs: 9_400,
  lastMs: 9_800,
}
/** Ctrl-C reaches the server from the terminal and once more from npm: one stop, not two. */
const SAME_SIGNAL_MS = 1_000

/** SIGHUP comes when the terminal is closed. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What the primary of several processes tells a worker that is to stop. */
export const STOP = 'stop'

/**
 * Stops with the first of these signals; a second one, later, ends the process at once with 1.
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
      void end(1)
    }
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
}

/** The last resort: a separate thread kills the process, even if the event loop is blocked. */
export function killAfter(ms: number): void {
  const program = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${ms})`
  new Worker(program, { eval: true, execArgv: [] }).unref()
}
