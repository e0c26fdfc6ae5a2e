import cluster from 'node:cluster'
import type { Config } from '../core/config/config.ts'
import { end } from '../core/log/end.ts'
import { LeasedLimit } from './leased-limit.ts'
import { serve } from './serve.ts'
import { STOP, STOP_SIGNALS, type StopLimits } from './stop.ts'

/** One server process of several; the primary (`supervise.ts`) started it. */
export async function work(config: Config, stopLimits: StopLimits): Promise<void> {
  const { worker } = cluster
  // Ctrl-C reaches workers as well, and the primary alone decides when they stop.
  for (const signal of STOP_SIGNALS) process.on(signal, () => {})
  let stop: () => Promise<void> = () => end(0)
  const limit = new LeasedLimit(config.rateLimitPerMinute, (parts) => {
    process.send?.(parts, undefined, undefined, ignore)
  })
  process.on('message', (message) => {
    if (message === STOP) stop()
    // Another part of the same program wrote it.
    else if (Array.isArray(message)) limit.receive(message)
  })
  worker?.on('disconnect', () => {
    // The primary is gone. Node would end this process at once, with requests under way.
    worker.exitedAfterDisconnect = true
    limit.countAlone()
    stop()
  })
  const server = await serve(config, limit, stopLimits)
  stop = server.stop
  // The first one serves before the others are started.
  if (worker?.id === 1) await server.greet()
}

/** What cannot be sent any more is lost with the primary, and this process stops as well. */
function ignore(): void {}
