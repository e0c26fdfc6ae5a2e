import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MetricsConfig } from '../../core/config/observation-config.ts'

/** `/metrics` on an address of its own. */
export interface MetricsListener {
  readonly address: string
  close(): void
}

/** The media type of Prometheus' text format. */
const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
/** Bounds, so that a slow or repeated scrape holds little memory: its connections, and their times. */
const CONNECTIONS = 16
const REQUEST_MS = 5_000
const SILENT_MS = 10_000

/**
 * Serves the metrics, and nothing else. Requests that arrive while the metrics are collected share one
 * collection.
 *
 * @param read returns the metrics as text.
 * @throws {Error} in one line that names the setting, if it cannot listen.
 */
export async function listenForMetrics(
  { host, port }: MetricsConfig,
  read: () => Promise<string>,
): Promise<MetricsListener> {
  let reading: Promise<string> | undefined
  const readOnce = () => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
  const server = createServer(
    { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 },
    async (request, response) => {
      const { method = '', url = '' } = request
      if (url.split('?')[0] !== '/metrics') return response.writeHead(404).end()
      if (method !== 'GET' && method !== 'HEAD') {
        return response.writeHead(405, { allow: 'GET, HEAD' }).end()
      }
      try {
        const text = await readOnce()
        response.writeHead(200, { 'content-type': TEXT }).end(method === 'GET' ? text : undefined)
      } catch {
        response.writeHead(503).end()
      }
    },
  )
  server.maxConnections = CONNECTIONS
  server.setTimeout(SILENT_MS)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(explain(host, port, cause), { cause })))
    server.listen(port, host, resolve)
  })
  server.unref()
  const { address, family, port: actual } = server.address() as AddressInfo // it listens on TCP
  return {
    address: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}/metrics`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function explain(host: string, port: number, cause: Error): string {
  return 'code' in cause && cause.code === 'EADDRINUSE'
    ? `METRICS_PORT ${port} is in use. Stop the program that uses it, or set METRICS_PORT to another port`
    : `Cannot listen on METRICS_HOST ${host}: ${cause.message}. Set METRICS_HOST to an address of this machine, or leave it out`
}
