import { Worker } from 'node:worker_threads'
import { end } from '../core/log/end.ts'
import type { Log } from '../core/log/logger.ts'

/** The time limits of a stop. A process ends within 10 s of the first signal. */
export interface StopLimits {
  /** Ctrl-C reaches the server twice, from the terminal and from npm. Both count as one signal. */
  readonly sameSignalMs: number
  /** The time for requests in progress. */
  readonly requestsMs: number
  /** The time after that to close the database. */
  readonly closeMs: number
  /** After this time, the primary kills workers that have not ended. */
  readonly hangingMs: number
  /** After this time, a thread kills the process if it has not ended. */
  readonly lastMs: number
}

export const STOP_LIMITS: StopLimits = {
  sameSignalMs: 1_000,
  requestsMs: 8_000,
  closeMs: 1_000,
  hangingMs: 9_400,
  lastMs: 9_800,
}

/** The system sends SIGHUP when the terminal is closed. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The message with which the primary asks a worker to stop. */
export const STOP = 'stop'

/**
 * Stops on the first signal. A second one, at least 1 s later, ends the process at once with exit code 1.
 *
 * @param stop is called on the first signal.
 * @param cut is called on the second one, before the process ends.
 */
export function stopOnSignals(
  log: Log,
  { sameSignalMs }: StopLimits,
  stop: () => void,
  cut = () => {},
): void {
  let stoppingMs: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (stoppingMs === undefined) {
      stoppingMs = performance.now()
      log.info(`${signal}: finishing the requests in progress, then stopping`)
      stop()
    } else if (performance.now() - stoppingMs > sameSignalMs) {
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
