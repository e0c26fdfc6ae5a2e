import { ConfigError, type SettingsReader } from './settings.ts'

/** Where `/metrics` is served. */
export interface MetricsConfig {
  readonly host: string
  readonly port: number
}

/** How the operator observes the server. */
export interface ObservationConfig {
  /** Undefined if there are no metrics. */
  readonly metrics: MetricsConfig | undefined
  /** The address of an OpenTelemetry collector; undefined if there are no traces. */
  readonly tracesUrl: string | undefined
}

/** @throws {ConfigError} */
export function readObservation(read: SettingsReader, publicPort: number): ObservationConfig {
  return {
    metrics: readMetrics(read, publicPort),
    tracesUrl: read.url('OTEL_EXPORTER_OTLP_ENDPOINT'),
  }
}

function readMetrics(read: SettingsReader, publicPort: number): MetricsConfig | undefined {
  const host = read.text('METRICS_HOST') ?? '127.0.0.1'
  if (read.text('METRICS_PORT') === undefined) return undefined
  const port = read.integer('METRICS_PORT', 0, 0, 65535)
  if (port !== 0 && port === publicPort) {
    throw new ConfigError(
      'METRICS_PORT is the same as PORT, and metrics are not for clients: set it to another port, such as 9464',
    )
  }
  return { host, port }
}
