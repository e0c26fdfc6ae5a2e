import type { Config } from '../core/config/config.ts'
import { STOP_LIMITS, type StopLimits, stopOnSignals } from './stop.ts'

/** Serves in this process, or starts `processes` workers. It loads only the modules that it needs. */
export async function start(config: Config, stopLimits: StopLimits = STOP_LIMITS): Promise<void> {
  if (config.processes === 1) {
    const { serve } = await import('./serve.ts')
    const server = await serve(config, undefined, stopLimits)
    stopOnSignals(server.log, server.stop)
    return server.greet()
  }
  const { default: cluster } = await import('node:cluster')
  if (cluster.isPrimary) await (await import('./supervise.ts')).supervise(config, stopLimits)
  else await (await import('./work.ts')).work(config, stopLimits)
}
