import cluster from 'node:cluster'
import type { Config } from '../core/config/config.ts'
import { end } from '../core/log/end.ts'
import { ChangeHints } from '../models/changes/hints.ts'
import type { Bounds } from './bounds.ts'
import { type HintMessage, isHintMessage, relayToPrimary } from './hint-messages.ts'
import type { FromWorker } from './lease-messages.ts'
import { LeasedLimit } from './leased-limit.ts'
import { isMetricsRequest, type MetricsMessage } from './observe/metrics-messages.ts'
import { type Server, serve } from './serve.ts'
import { STOP, STOP_SIGNALS } from './stop.ts'
import type { WarningMessage } from './warning-messages.ts'

/** Runs a worker, which the primary (`supervise.ts`) has started. */
export async function work(config: Config, bounds: Bounds): Promise<void> {
  const { worker } = cluster
  // Ctrl-C reaches workers as well, but only the primary decides when they stop.
  for (const signal of STOP_SIGNALS) process.on(signal, () => {})
  let stop: () => Promise<void> = () => end(0)
  // Send errors mean that the primary has ended, so this process stops as well.
  const send = (message: FromWorker[] | HintMessage | MetricsMessage | WarningMessage) =>
    void process.send?.(message, undefined, undefined, () => {})
  const limit = new LeasedLimit(config.rateLimitPerMinute, send, bounds.lease)
  const hints = new ChangeHints()
  relayToPrimary(hints, send)
  let metrics: Server['metrics']
  const sendMetrics = async (asked: number) => {
    const collected = (await metrics?.registry.getMetricsAsJSON()) ?? []
    send({ asked, metrics: collected })
  }
  process.on('message', (message) => {
    if (message === STOP) stop()
    // The primary sends arrays about limits.
    else if (Array.isArray(message)) limit.receive(message)
    else if (isMetricsRequest(message)) void sendMetrics(message.collect)
    else if (isHintMessage(message)) for (const hint of message.hints ?? []) hints.heard(hint)
  })
  worker?.on('disconnect', () => {
    // The primary has ended. By default Node would end this process at once, with requests in progress.
    worker.exitedAfterDisconnect = true
    limit.countAlone()
    stop()
  })
  const warnOnce = (text: string) => send({ warnOnce: text })
  const server = await serve(config, bounds, { limit, hints, warnOnce })
  stop = server.stop
  metrics = server.metrics
  // The first worker listens before the primary starts the others.
  if (worker?.id === 1) await server.greet()
}
