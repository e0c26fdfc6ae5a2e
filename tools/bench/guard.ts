/**
 * Checks that the server has not become slower: a short comparison of its processor time with the floor in the
 * same run, so that a slower machine has no effect. The bounds are wider than the noise of a shared machine.
 * `npm run bench` measures smaller differences.
 * It takes about a minute and a half.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { argumentsOf } from '../../scripts/arguments.ts'
import { startPostgres } from '../../scripts/postgres.ts'
import { seedSmall } from './data/seed.ts'
import { requestsFor, type Work } from './data/work.ts'
import type { Spread } from './figures/ratio.ts'
import { compared, serverCpu } from './report/targets.ts'
import { range } from './report/text.ts'
import { compare } from './runs/compare.ts'
import { warmUp } from './runs/warm-up.ts'
import { FLOOR, OURS, serviceSettings, startService } from './servers/contestants.ts'
import { node, startServer } from './servers/start-server.ts'

/** The server's CPU time per request divided by the floor's. On a quiet machine it is 1.1 to 1.3. */
const BOUNDS: readonly (readonly [work: Work, bound: number])[] = [
  ['get', 1.8],
  ['list', 1.8],
  ['create', 1.8],
]
const TURNS = { rounds: 15, seconds: 1 }
const WARM_UP_SECONDS = 2

argumentsOf({ usage: 'Usage: npm run bench:guard' })
const folder = mkdtempSync(join(tmpdir(), 'todo-guard-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const postgres = await startPostgres('autovacuum=off')
const stage = { databaseUrl: postgres.url, secret: 'x'.repeat(32), folder }
const service = await startService(stage)
const floor = await startServer(
  node('tools/bench/servers/floor.ts'),
  serviceSettings(stage),
  folder,
)
const database = new Client({ connectionString: postgres.url })
await database.connect()
const population = await seedSmall(database)
await warmUp([service, floor], { ...stage, population }, WARM_UP_SECONDS)

/** Compares the CPU time per request of this server and the floor once. */
async function beside(work: Work): Promise<Spread> {
  const requests = await requestsFor(work, population, stage.secret)
  const entries = [
    { name: OURS, server: service, requests, database },
    { name: FLOOR, server: floor, requests, database },
  ]
  const standings = await compare(work, entries, TURNS, folder)
  const ratio = compared({ title: work, standings }, OURS, FLOOR, serverCpu)
  if (ratio === undefined) throw new Error('One of the two servers was not measured') // see above
  return ratio
}

for (const [work, bound] of BOUNDS) {
  const once = await beside(work)
  // Measures again, because a disturbance of the machine is unlikely to repeat.
  const ratio = once.median <= bound ? once : await beside(work)
  const found = `${work}: ${range(ratio)} times the floor's server CPU`
  if (ratio.median <= bound) {
    console.log(`${found}, at most ${bound}`)
  } else {
    console.error(
      `${found}, more than ${bound}: npm run bench:profile -- ${work} shows where it goes`,
    )
    process.exitCode = 1
  }
}
await database.end()
await Promise.all([service.stop(), floor.stop()])
await postgres.stop()
