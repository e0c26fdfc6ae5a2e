/**
 * Asks for tasks over keep-alive connections, each connection for other ones in turn. Forked by
 * load-process.ts, so that its work is not counted as the server's.
 *
 * Usage: fork('bench/load.ts', [file of targets]), then a LoadOrder for each LoadResult.
 */
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import type { LoadOrder, LoadResult } from './load-process.ts'
import type { Target } from './seed.ts'

const targets: Target[] = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))

async function load({ url, connections, seconds }: LoadOrder): Promise<LoadResult> {
  let connection = 0
  const latenciesMs: number[] = []
  const startedMs = performance.now()
  const { errors, non2xx } = await autocannon({
    url,
    connections,
    duration: seconds,
    sampleInt: 100, // the run ends with a sample
    setupClient: (client) => {
      const first = connection++
      client.on('response', (_status, _bytes, latencyMs) => latenciesMs.push(latencyMs))
      client.setRequests(
        targets
          .filter((_target, at) => at % connections === first)
          .map(({ path, token }) => ({ path, headers: { authorization: `Bearer ${token}` } })),
      )
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
