import type { Config } from '../core/config/config.ts'
import { BOUNDS, type Bounds } from './bounds.ts'
import { stopOnSignals } from './stop.ts'

/** Serves in this process, or starts `processes` workers. It loads only the modules that it needs. */
export async function start(config: Config, bounds: Bounds = BOUNDS): Promise<void> {
  if (config.processes === 1) {
    const { serve } = await import('./serve.ts')
    const server = await serve(config, bounds)
    stopOnSignals(server.log, bounds.stop, server.stop)
    return server.greet()
  }
  const { default: cluster } = await import('node:cluster')
  if (cluster.isPrimary) await (await import('./supervise.ts')).supervise(config, bounds)
  else await (await import('./work.ts')).work(config, bounds)
}
