import type { FastifyInstance } from 'fastify'
import type { Config } from '../../core/config/config.ts'
import type { Log } from '../../core/log/logger.ts'
import type { Metrics, Sources } from './metrics.ts'
import type { Observer } from './observer.ts'

export interface Observers {
  readonly all: readonly Observer[]
  /** Undefined unless METRICS_PORT is set. */
  readonly metrics: Metrics | undefined
}

/**
 * @returns the observers that the settings ask for. The modules and packages of others are not loaded.
 * @throws {Error} in one line, if the packages of traces are not installed.
 */
export async function openObservers(
  { observation: { metrics: metricsConfig, tracesUrl } }: Config,
  sources: Sources,
  log: Log,
): Promise<Observers> {
  const metrics = metricsConfig && new (await import('./metrics.ts')).Metrics(sources)
  const traces =
    tracesUrl === undefined
      ? undefined
      : await (await import('./traces.ts')).openTraces(tracesUrl, log)
  return { all: [metrics, traces].filter((one) => one !== undefined), metrics }
}

/** Serves the metrics of this process until the server has closed. @throws {Error} with the setting. */
export async function serveMetrics(
  app: FastifyInstance,
  { observation }: Config,
  metrics: Metrics,
  log: Log,
): Promise<void> {
  if (observation.metrics === undefined) return
  const { listenForMetrics } = await import('./metrics-listener.ts')
  const read = () => metrics.registry.metrics()
  const { address, close } = await listenForMetrics(observation.metrics, read)
  log.info(`metrics at ${address}`)
  app.addHook('onClose', async () => close())
}
