import cluster, { type Worker } from 'node:cluster'
import type { Config } from '../core/config/config.ts'
import { end, endWithReason } from '../core/log/end.ts'
import { createLogger, type Log } from '../core/log/logger.ts'
import { RequestWindows } from '../http/rate/request-windows.ts'
import type { Bounds } from './bounds.ts'
import { HintExchange } from './hint-exchange.ts'
import { isHintMessage } from './hint-messages.ts'
import { Lessor } from './lessor.ts'
import { isMetricsMessage } from './observe/metrics-messages.ts'
import type { WorkerMetrics } from './observe/worker-metrics.ts'
import { killAfter, STOP, stopOnSignals } from './stop.ts'
import { isWarningMessage } from './warning-messages.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/**
 * Runs the primary: it starts the workers, leases users' rate limits to them, replaces workers that end, and
 * stops all of them. Node distributes the connections round-robin.
 *
 * The first worker starts alone. If it cannot serve, it prints the reason, and the primary ends with its
 * exit code.
 */
export async function supervise(config: Config, bounds: Bounds): Promise<void> {
  const log = await createLogger(config.logLevel, true)
  const supervisor = new Supervisor(config, log, bounds)
  stopOnSignals(
    log,
    bounds.stop,
    () => supervisor.stop(),
    () => supervisor.cut(),
  )
  await supervisor.serveMetrics()
  await supervisor.exchangeHints()
  supervisor.start()
}

class Supervisor {
  readonly #config: Config
  readonly #log: Log
  readonly #lessor: Lessor
  readonly #bounds: Bounds
  readonly #workers = new Set<Worker>()
  readonly #warned = new Set<string>()
  readonly #hints = new HintExchange((id, message) => send(cluster.workers?.[id], message))
  #serving = false
  #stopping = false
  #exitCode = 0
  #metrics: WorkerMetrics | undefined

  constructor(config: Config, log: Log, bounds: Bounds) {
    this.#bounds = bounds
    this.#config = config
    this.#log = log
    this.#lessor = new Lessor(
      new RequestWindows(config.rateLimitPerMinute),
      (id, parts) => send(cluster.workers?.[id], parts),
      bounds.lease,
    )
  }

  /** Serves the metrics of all workers, if METRICS_PORT is set. @throws {Error} with the setting. */
  async serveMetrics(): Promise<void> {
    const { metrics: config } = this.#config.observation
    if (config === undefined) return
    const { WorkerMetrics } = await import('./observe/worker-metrics.ts')
    const { listenForMetrics } = await import('./observe/metrics-listener.ts')
    const metrics = new WorkerMetrics((id, collect) => send(cluster.workers?.[id], { collect }))
    const serving = () => [...this.#workers].filter((worker) => worker.isConnected())
    const read = () => metrics.collect(serving().map(({ id }) => id))
    this.#log.info(`metrics at ${(await listenForMetrics(config, read)).address}`)
    this.#metrics = metrics
  }

  /** Exchanges hints with the servers of other machines. */
  async exchangeHints(): Promise<void> {
    const { database, poolMax } = this.#config
    if (database.kind !== 'postgres') return
    const { connectPostgres } = await import('../database/postgres.ts')
    const { Notices } = await import('../database/notices.ts')
    const { direct } = connectPostgres({ ...database, poolMax })
    this.#hints.extend(new Notices(direct, (hint) => this.#hints.heard(hint)))
  }

  /** @param failures how many workers in its place have ended soon after their start. */
  start(failures = 0): void {
    if (this.#stopping) return
    const worker = cluster.fork()
    this.#workers.add(worker)
    const closeHanded = trackHandedConnection(worker)
    let listeningMs: number | undefined
    worker.once('listening', ({ port }) => {
      listeningMs = performance.now()
      this.#listens(worker, port)
    })
    worker.on('message', (message: unknown) => {
      // Workers send arrays about limits, and Node's watch mode sends other messages. Messages that arrive
      // after the worker's end are ignored.
      if (!this.#workers.has(worker)) return
      if (Array.isArray(message)) this.#lessor.receive(worker.id, message)
      else if (isMetricsMessage(message)) this.#metrics?.receive(worker.id, message)
      else if (isHintMessage(message)) this.#hints.receive(worker.id, message)
      else if (isWarningMessage(message)) this.#warn(message.warnOnce)
    })
    const ended = (code: number | null, reason: string) => {
      if (!this.#workers.delete(worker)) return
      closeHanded()
      this.#lessor.forget(worker.id)
      this.#metrics?.forget(worker.id)
      this.#hints.forget(worker.id)
      if (this.#stopping) return this.#stopped(code)
      if (!this.#serving) {
        if (code === null)
          return endWithReason(
            `The first server process ended before it listened: ${reason}`,
            1,
            this.#config.production,
          )
        return end(code || 1)
      }
      const { steadyMs } = this.#bounds
      const steady = listeningMs !== undefined && performance.now() - listeningMs > steadyMs
      this.#replace(worker, reason, steady ? 0 : failures + 1)
    }
    worker.once('exit', (code, signal) => ended(code, signal ?? `exit code ${code}`))
    worker.on('error', (error) => {
      // If the process could not be started, there is no exit event.
      if (worker.process.pid === undefined) ended(null, error.message)
    })
  }

  /** Ends this process when all workers have ended, with exit code 0 if each of them had it. */
  stop(): void {
    this.#stopping = true
    const { hangingMs, lastMs } = this.#bounds.stop
    killAfter(lastMs)
    for (const worker of this.#workers) send(worker, STOP)
    // Workers apply the limits themselves. This kills one that hangs.
    setTimeout(() => {
      this.cut()
      void end(1)
    }, hangingMs)
    if (this.#workers.size === 0) void end(0)
  }

  cut(): void {
    for (const worker of this.#workers) worker.process.kill('SIGKILL')
  }

  #warn(text: string): void {
    if (this.#warned.has(text)) return
    this.#warned.add(text)
    this.#log.warn(text)
  }

  #listens({ process: { pid } }: Worker, port: number): void {
    this.#log.info(`process ${pid} serves on port ${port}`)
    if (this.#serving) return
    this.#serving = true
    for (let others = this.#config.processes - 1; others > 0; others -= 1) this.start()
  }

  #replace({ process: { pid } }: Worker, reason: string, failures: number): void {
    const pauseMs =
      failures < 2
        ? 0
        : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 2, 10))
    const when = pauseMs === 0 ? 'at once' : `in ${pauseMs / 1_000} s`
    this.#log.error(`process ${pid} ended (${reason}); a replacement starts ${when}`)
    setTimeout(() => this.start(failures), pauseMs)
  }

  #stopped(code: number | null): void {
    if (code !== 0) this.#exitCode = 1
    if (this.#workers.size === 0) void end(this.#exitCode)
  }
}

/**
 * Remembers the connection that Node has last sent to a worker. If the worker ends before it receives the
 * connection, Node keeps it open, and its client would wait forever (nodejs/node-v0.x-archive#7006).
 *
 * @returns a function that closes that connection. It has no effect on one that the worker has received.
 */
function trackHandedConnection({ process: child }: Worker): () => void {
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

/** Sends a message to a worker, unless the worker is ending. */
function send(worker: Worker | undefined, message: string | object): void {
  if (worker?.isConnected()) worker.send(message, () => {})
}
