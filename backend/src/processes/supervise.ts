import cluster, { type Worker } from 'node:cluster'
import type { Config } from '../core/config/config.ts'
import { end, endWithReason } from '../core/log/end.ts'
import { createLogger, type Log } from '../core/log/logger.ts'
import { RequestWindows } from '../http/rate/request-windows.ts'
import { Lessor } from './lessor.ts'
import { killAfter, STOP, type StopLimits, stopOnSignals } from './stop.ts'

/** A worker that listened for this long did not die of its start. */
const STEADY_MS = 10_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/**
 * The primary of several server processes: it starts them, hands connections to them in turn (Node
 * does), lends them the limits of users, replaces those that end, and stops them all.
 *
 * The first starts alone. Why it cannot serve it prints itself, and the primary ends as it did.
 */
export async function supervise(config: Config, stopLimits: StopLimits): Promise<void> {
  const log = await createLogger(config.logLevel, true)
  const supervisor = new Supervisor(config, log, stopLimits)
  stopOnSignals(
    log,
    () => supervisor.stop(),
    () => supervisor.cut(),
  )
  supervisor.start()
}

class Supervisor {
  readonly #processes: number
  readonly #log: Log
  readonly #lessor: Lessor
  readonly #stopLimits: StopLimits
  readonly #workers = new Set<Worker>()
  #serving = false
  #stopping = false
  #exitCode = 0

  constructor({ processes, rateLimitPerMinute }: Config, log: Log, stopLimits: StopLimits) {
    this.#stopLimits = stopLimits
    this.#processes = processes
    this.#log = log
    this.#lessor = new Lessor(new RequestWindows(rateLimitPerMinute), (id, parts) =>
      tell(cluster.workers?.[id], parts),
    )
  }

  /** @param deaths how many before this one, in its place, died of their start. */
  start(deaths = 0): void {
    if (this.#stopping) return
    const worker = cluster.fork()
    this.#workers.add(worker)
    const cutHanded = rememberHanded(worker)
    let listeningMs: number | undefined
    worker.once('listening', ({ port }) => {
      listeningMs = performance.now()
      this.#listens(worker, port)
    })
    worker.on('message', (message: unknown) => {
      // Another part of the same program wrote it; Node's own watch mode sends other things. What comes
      // after the end is of nobody.
      if (Array.isArray(message) && this.#workers.has(worker))
        this.#lessor.receive(worker.id, message)
    })
    const ended = (code: number | null, reason: string) => {
      if (!this.#workers.delete(worker)) return
      cutHanded()
      this.#lessor.forget(worker.id)
      if (this.#stopping) return this.#stopped(code)
      if (!this.#serving) {
        if (code === null)
          return endWithReason(`The first server process ended before it listened: ${reason}`)
        return end(code || 1)
      }
      const steady = listeningMs !== undefined && performance.now() - listeningMs > STEADY_MS
      this.#replace(worker, reason, steady ? 0 : deaths + 1)
    }
    worker.once('exit', (code, signal) => ended(code, signal ?? `exit code ${code}`))
    worker.on('error', (error) => {
      // Without a process there is no exit.
      if (worker.process.pid === undefined) ended(null, error.message)
    })
  }

  /** Ends this process when all workers have ended: with 0 if each of them did. */
  stop(): void {
    this.#stopping = true
    killAfter(this.#stopLimits.lastMs)
    for (const worker of this.#workers) tell(worker, STOP)
    // Workers observe the limits themselves; this is for one that hangs.
    setTimeout(() => {
      this.cut()
      void end(1)
    }, this.#stopLimits.hangingMs)
    if (this.#workers.size === 0) void end(0)
  }

  cut(): void {
    for (const worker of this.#workers) worker.process.kill('SIGKILL')
  }

  #listens({ process: { pid } }: Worker, port: number): void {
    this.#log.info(`process ${pid} serves on port ${port}`)
    if (this.#serving) return
    this.#serving = true
    for (let others = this.#processes - 1; others > 0; others -= 1) this.start()
  }

  #replace({ process: { pid } }: Worker, reason: string, deaths: number): void {
    const pauseMs =
      deaths < 2 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(deaths - 2, 10))
    const when = pauseMs === 0 ? 'at once' : `in ${pauseMs / 1_000} s`
    this.#log.error(`process ${pid} ended (${reason}); another takes its place ${when}`)
    setTimeout(() => this.start(deaths), pauseMs)
  }

  #stopped(code: number | null): void {
    if (code !== 0) this.#exitCode = 1
    if (this.#workers.size === 0) void end(this.#exitCode)
  }
}

/**
 * Node hands a worker one connection at a time, and forgets the one that was on its way when the worker
 * died (nodejs/node-v0.x-archive#7006): its client would wait for ever.
 *
 * @returns what cuts that connection. One that arrived is closed here already, and that stays so.
 */
function rememberHanded({ process: child }: Worker): () => void {
  const send = child.send.bind(child)
  let handed: Parameters<typeof send>[1]
  Object.assign(child, {
    send: (...parameters: Parameters<typeof send>) => {
      handed = parameters[1] ?? handed
      return send(...parameters)
    },
  })
  return () => {
    if (handed !== undefined && 'close' in handed) handed.close()
  }
}

/** A worker that is ending need not be told. */
function tell(worker: Worker | undefined, message: string | object): void {
  if (worker?.isConnected()) worker.send(message, () => {})
}
