import { fineCpuMs } from '../figures/process-usage.ts'
import { ClosedLoad, type Source } from '../load/closed-load.ts'
import type { Server } from '../servers/start-server.ts'
import { FEATURES, type Requests } from './features.ts'
import type { Round, Standing } from './report.ts'

/** The duration of one measurement. */
export const MEASURE_MS = 250
const WARM_UP_MS = 150
/** Load before the first measurement, until V8 has optimized the code that all requests share. */
const FIRST_WARM_UP_MS = 2_000

/**
 * Measures every feature once in each round, so that other work of the machine affects all of them.
 *
 * @param databasePid the parent of PostgreSQL's processes; undefined for the embedded database.
 */
export async function measureFeatures(
  server: Server,
  databasePid: number | undefined,
  requests: Requests,
  rounds: number,
): Promise<Standing[]> {
  const load = new ClosedLoad(server.url)
  const entries = FEATURES.map(({ title, source }) => {
    return { title, source: source(requests), rounds: [] as Round[] }
  })
  const [first] = entries
  if (first !== undefined) await load.run(first.source, FIRST_WARM_UP_MS)
  for (const { source } of entries) await load.run(source, WARM_UP_MS)
  for (let round = 1; round <= rounds; round += 1) {
    console.error(`round ${round} of ${rounds}`)
    // Every second round has the reverse order, so that no feature always follows the same one.
    for (const { source, rounds: measured } of round % 2 === 0 ? entries.toReversed() : entries) {
      measured.push(await measureOnce(server, databasePid, load, source))
    }
  }
  load.close()
  return entries.map(({ title, rounds }) => ({ title, rounds }))
}

async function measureOnce(
  { pid }: Server,
  databasePid: number | undefined,
  load: ClosedLoad,
  source: Source,
): Promise<Round> {
  const databaseMs = () => (databasePid === undefined ? 0 : fineCpuMs(databasePid))
  const before = { server: fineCpuMs(pid), database: databaseMs() }
  const { requests, p50Ms } = await load.run(source, MEASURE_MS)
  const eachUs = (ms: number) => (ms / requests) * 1_000
  return {
    serverCpuUs: eachUs(fineCpuMs(pid) - before.server),
    databaseCpuUs: databasePid === undefined ? null : eachUs(databaseMs() - before.database),
    p50Ms,
    requests,
  }
}
