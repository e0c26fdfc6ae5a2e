import { loadConfig } from './core/config.ts'
import { endWithReason } from './core/end.ts'

try {
  const config = loadConfig()
  if (config.processes === 1) {
    const { serve } = await import('./commands/serve.ts')
    const { stopOnSignals } = await import('./commands/stop.ts')
    const server = await serve(config)
    stopOnSignals(server.log, server.stop)
    await server.greet()
  } else {
    const { default: cluster } = await import('node:cluster')
    if (cluster.isPrimary) await (await import('./commands/supervise.ts')).supervise(config)
    else await (await import('./commands/work.ts')).work(config)
  }
} catch (error) {
  endWithReason(error)
}
