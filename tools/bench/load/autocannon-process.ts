/**
 * Sends requests over keep-alive connections, and distributes them round-robin. autocannon.ts forks it, so
 * that its CPU time does not count as the server's.
 *
 * Usage: fork('tools/bench/load/autocannon-process.ts', [file of requests]), then a LoadOrder for each
 * LoadResult.
 */
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import type { Request } from '../data/work.ts'
import { CONNECTIONS, type LoadOrder, type LoadResult } from './load-order.ts'

const requests: Request[] = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
const shares = Array.from({ length: CONNECTIONS }, (_, first) =>
  requests
    .filter((_request, at) => at % CONNECTIONS === first)
    .map(({ method, path, token, body }) => ({
      method,
      path,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    })),
)

async function load({ url, seconds }: LoadOrder): Promise<LoadResult> {
  let connection = 0
  const latenciesMs: number[] = []
  const startedMs = performance.now()
  const { errors, non2xx } = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    sampleInt: 100, // the run ends with a sample
    setupClient: (client) => {
      client.on('response', (_status, _bytes, latencyMs) => latenciesMs.push(latencyMs))
      client.setRequests(shares[connection++] ?? [])
    },
  })
  const elapsedMs = performance.now() - startedMs
  const sorted = Float64Array.from(latenciesMs).sort()
  const quantile = (share: number) => sorted[Math.floor(share * sorted.length)] ?? Number.NaN
  return {
    requests: sorted.length,
    requestsPerSecond: (sorted.length / elapsedMs) * 1_000,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    failures: errors + non2xx,
  }
}

process.on('message', async (order: LoadOrder) => process.send?.(await load(order)))
process.on('disconnect', () => process.exit())
