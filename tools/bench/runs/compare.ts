import type { Client } from 'pg'
import { tidy } from '../data/seed.ts'
import type { Request } from '../data/work.ts'
import { type Measurement, measure } from '../figures/measure.ts'
import { startLoad } from '../load/load.ts'
import { CONNECTIONS, type Load } from '../load/load-order.ts'
import type { Server } from '../servers/start-server.ts'

/** With fewer responses, a measurement is not precise. A slower server then gets longer measurements. */
const ENOUGH_REQUESTS = 2 * CONNECTIONS
const LONGEST_SECONDS = 32

/** A server and its requests. */
export interface Entry {
  readonly name: string
  readonly server: Server
  readonly requests: readonly Request[]
  /** A superuser's session of its PostgreSQL; null for the embedded database. */
  readonly database: Client | null
}

export interface Standing {
  readonly name: string
  readonly rounds: readonly Measurement[]
}

/**
 * Measures servers alternately in rounds of a few seconds, so that other work of the machine affects all of
 * them. All servers run all the time, and one has load.
 *
 * @param title of the comparison, which is printed.
 * @param folder for the files of requests.
 * @throws if a request fails.
 */
export async function compare(
  title: string,
  entries: readonly Entry[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  folder: string,
): Promise<Standing[]> {
  const loads = new Map<readonly Request[], Load>()
  for (const { requests } of entries) {
    if (!loads.has(requests)) loads.set(requests, startLoad(requests, folder))
  }
  const standings = entries.map((entry) => ({
    entry,
    seconds,
    rounds: [] as Measurement[],
  }))
  for (let round = 1; round <= rounds; round += 1) {
    // Every second round has the reverse order, so that no server always follows the same one.
    for (const standing of round % 2 === 0 ? standings.toReversed() : standings) {
      const { name, server, requests, database } = standing.entry
      const load = loads.get(requests)
      if (load === undefined) throw new Error('A list of requests has no load') // see above
      let measurement = await measure(server, load, database, standing.seconds)
      while (measurement.requests < ENOUGH_REQUESTS) {
        standing.seconds *= 2
        if (standing.seconds > LONGEST_SECONDS) throw new Error(`${name} does not respond`)
        measurement = await measure(server, load, database, standing.seconds)
      }
      standing.rounds.push(measurement)
      console.error(`${title}, round ${round} of ${rounds}: ${line(measurement)}, ${name}`)
      const reads = requests.every(({ method }) => method === 'GET')
      if (database !== null && !reads) await tidy(database)
    }
  }
  for (const load of loads.values()) load.stop()
  return standings.map(({ entry: { name }, rounds }) => ({ name, rounds }))
}

function line({ serverCpuUs, requestsPerSecond }: Measurement): string {
  return `${requestsPerSecond.toFixed(0).padStart(6)} requests/s, ${serverCpuUs.toFixed(1).padStart(7)} µs`
}
