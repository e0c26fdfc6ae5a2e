import type { Client } from 'pg'
import type { Load } from './load-process.ts'
import { cpuMs } from './process-usage.ts'
import type { Server } from './servers.ts'

export const CONNECTIONS = 64

/** What a few seconds of load cost. CPU is user and system time, in microseconds per request. */
export interface Measurement {
  readonly serverCpuUs: number
  readonly databaseCpuUs: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Until the code it runs is compiled as far as it will be. */
export async function warmUp({ url }: Server, load: Load, seconds: number): Promise<void> {
  await load.run({ url, connections: CONNECTIONS, seconds })
}

/** @param database a session of the same PostgreSQL, on this machine, to ask for its processes. */
export async function measure(
  server: Server,
  load: Load,
  database: Client,
  seconds: number,
): Promise<Measurement> {
  const { url, pid } = server
  const backends = await backendsOf(database)
  const serverMs = cpuMs(pid)
  const databaseMs = total(backends)
  const { requests, requestsPerSecond, p50Ms, p99Ms } = await load.run({
    url,
    connections: CONNECTIONS,
    seconds,
  })
  return {
    serverCpuUs: ((cpuMs(pid) - serverMs) / requests) * 1_000,
    databaseCpuUs: ((total(backends) - databaseMs) / requests) * 1_000,
    requestsPerSecond,
    p50Ms,
    p99Ms,
  }
}

const total = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuMs(pid), 0)

/** The sessions of every server that is up; those that are not under load use no time. */
async function backendsOf(database: Client): Promise<number[]> {
  const { rows } = await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
  )
  return rows.map(({ pid }) => pid)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[Math.floor(middle)],
    sorted[Math.ceil(middle)],
  ]
  return (low + high) / 2
}
