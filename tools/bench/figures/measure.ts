import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { CONNECTIONS, type Load } from '../load/load-order.ts'
import type { Server } from '../servers/start-server.ts'
import { cpuMs } from './process-usage.ts'

/** What some seconds of load cost. CPU is user and system time, in microseconds per request. */
export interface Measurement {
  readonly serverCpuUs: number
  /** Of all sessions of PostgreSQL; null where the server has the database in itself. */
  readonly databaseCpuUs: number | null
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** How many were answered. */
  readonly requests: number
}

const QUIET_MS = 40
const QUIET_LIMIT_MS = 5_000

/**
 * @param database a session of the server's PostgreSQL, on this machine, to ask for its processes;
 *   null where there is none.
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
  // Every connection had a request under way when the time was up; the server has done its work.
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

/** A server may still be at work on requests whose connections are gone. */
async function untilQuiet(pid: number): Promise<void> {
  const deadlineMs = performance.now() + QUIET_LIMIT_MS
  for (let before = -1; before < cpuMs(pid) && performance.now() < deadlineMs; ) {
    before = cpuMs(pid)
    await sleep(QUIET_MS)
  }
}

/** CPU time that sessions used between the two, in milliseconds; of one that has ended, nothing. */
function used(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return [...after].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0)
}

/** The sessions of every server that is up, and the CPU time of each; those not under load use none. */
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
      // It ended meanwhile.
    }
  }
  return sessions
}
