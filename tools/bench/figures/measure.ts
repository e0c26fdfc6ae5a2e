import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { CONNECTIONS, type Load } from '../load/load-order.ts'
import type { Server } from '../servers/start-server.ts'
import { cpuMs } from './process-usage.ts'

/** The cost of some seconds of load. CPU is user and system time, in microseconds per request. */
export interface Measurement {
  readonly serverCpuUs: number
  /** The CPU time of all PostgreSQL sessions; null for the embedded database. */
  readonly databaseCpuUs: number | null
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** The number of responses. */
  readonly requests: number
}

const QUIET_MS = 40
const QUIET_LIMIT_MS = 5_000

/**
 * @param database a session of the server's PostgreSQL on this machine, to find its processes; null for the
 *   embedded database.
 */
export async function measure(
  server: Server,
  load: Load,
  database: Client | null,
  seconds: number,
): Promise<Measurement> {
  const before = await sessionsOf(database)
  const serverMs = cpuMs(server.pid)
  const { requests, requestsPerSecond, p50Ms, p99Ms } = await load.run({ url: server.url, seconds })
  await untilQuiet(server.pid)
  const after = await sessionsOf(database)
  // At the end every connection had a request in progress, which the server has executed as well.
  const done = requests + CONNECTIONS
  return {
    serverCpuUs: ((cpuMs(server.pid) - serverMs) / done) * 1_000,
    databaseCpuUs: database === null ? null : (used(before, after) / done) * 1_000,
    requestsPerSecond,
    p50Ms,
    p99Ms,
    requests,
  }
}

/** Waits until the server has finished requests whose connections have closed. */
async function untilQuiet(pid: number): Promise<void> {
  const deadlineMs = performance.now() + QUIET_LIMIT_MS
  for (let before = -1; before < cpuMs(pid) && performance.now() < deadlineMs; ) {
    before = cpuMs(pid)
    await sleep(QUIET_MS)
  }
}

/** @returns the CPU time in milliseconds that sessions used between two samples, without ended ones. */
function used(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return [...after].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0)
}

/** @returns the CPU time of every session in PostgreSQL. Sessions without load use none. */
async function sessionsOf(database: Client | null): Promise<Map<number, number>> {
  if (database === null) return new Map()
  const { rows } = await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
  )
  const sessions = new Map<number, number>()
  for (const { pid } of rows) {
    try {
      sessions.set(pid, cpuMs(pid))
    } catch {
      // The session has ended.
    }
  }
  return sessions
}
