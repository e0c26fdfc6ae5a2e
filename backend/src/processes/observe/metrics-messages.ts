import type { Registry } from 'prom-client'

/** The primary asks a worker for its metrics. The number comes back with them. */
export interface MetricsRequest {
  readonly collect: number
}

/** The metrics of a worker. */
export interface MetricsMessage {
  readonly asked: number
  readonly metrics: Awaited<ReturnType<Registry['getMetricsAsJSON']>>
}

export const isMetricsRequest = (message: unknown): message is MetricsRequest =>
  typeof message === 'object' && message !== null && 'collect' in message

export const isMetricsMessage = (message: unknown): message is MetricsMessage =>
  typeof message === 'object' && message !== null && 'asked' in message && 'metrics' in message
