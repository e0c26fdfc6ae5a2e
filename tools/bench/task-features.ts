/**
 * Measures the features of tasks, each relative to a plain request in the same round, on PostgreSQL and on the embedded
 * database. Prints the report and writes it to tools/bench/results/, and docs/performance.md with it.
 * It takes less than three minutes.
 */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { argumentsOf } from '../../scripts/arguments.ts'
import type { Request } from './data/work.ts'
import { writePerformance } from './report/performance.ts'
import { writeReport } from './report/publish.ts'
import { type Surroundings, surroundings } from './report/surroundings.ts'
import { startService } from './servers/contestants.ts'
import { fillDatabase } from './servers/filled-database.ts'
import type { Server } from './servers/start-server.ts'
import { Requests } from './task-features/features.ts'
import { MEASURE_MS, measureFeatures } from './task-features/measure.ts'
import { BUSIEST_TASKS, populate } from './task-features/population.ts'
import { type OnDatabase, type TaskFeaturesReport, toMarkdown } from './task-features/report.ts'
import { measureSearch } from './task-features/search.ts'

const ROUNDS = 5
const SEARCH_ROUNDS = 3
/** By their names, the orders in which a search finds nothing. */
const SEARCHES = [
  ['newest first', undefined],
  ['by title', 'title'],
] as const

argumentsOf({ usage: 'Usage: npm run bench:tasks' })
const folder = mkdtempSync(join(tmpdir(), 'todo-bench-tasks-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const secret = randomBytes(32).toString('base64url')

function part(title: string): void {
  console.error(`${title} (after ${Math.round(performance.now() / 1_000)} s)`)
}

async function bodyOf({ url }: Server, { method, path, token }: Request): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(url + path, { method, headers })
  if (response.status !== 200) throw new Error(`${path} returned ${response.status}`)
  return response.text()
}

interface Measured {
  readonly database: OnDatabase
  /** Undefined for the embedded database. */
  readonly surroundings: Surroundings | undefined
}

async function measureOn(name: string, kind: 'postgres' | 'embedded'): Promise<Measured> {
  part(`${name}: filling the database`)
  const filled = await fillDatabase(kind, folder, populate, ['autovacuum=off'])
  const server = await startService({ databaseUrl: filled.url, secret, folder })
  const requests = await Requests.of(filled.filled, secret, (asked) => bodyOf(server, asked))
  part(`${name}: the features`)
  const features = await measureFeatures(server, filled.pid, requests, ROUNDS)
  part(`${name}: searches`)
  const searches: OnDatabase['searches'][number][] = []
  for (const [title, sort] of SEARCHES) {
    const rounds = await measureSearch(server, requests, sort, SEARCH_ROUNDS, folder)
    searches.push({ title, rounds })
  }
  await server.stop()
  const found = kind === 'postgres' ? await surroundingsOf(filled.url) : undefined
  await filled.stop()
  return { database: { name, features, searches }, surroundings: found }
}

async function surroundingsOf(connectionString: string): Promise<Surroundings> {
  const client = new Client({ connectionString })
  await client.connect()
  const found = await surroundings(client)
  await client.end()
  return found
}

const [before = 0] = loadavg()
const native = await measureOn('PostgreSQL', 'postgres')
const embedded = await measureOn('embedded database', 'embedded')
const [after = 0] = loadavg()
if (native.surroundings === undefined) throw new Error('The version of PostgreSQL is unknown')
const report: TaskFeaturesReport = {
  ...native.surroundings,
  load: `Ten users with 1 000 tasks each are read, ten more change theirs; beside them there are 200 users with 50 tasks and one with ${BUSIEST_TASKS.toLocaleString('en').replace(',', ' ')}. 4 connections, ${ROUNDS} rounds of ${MEASURE_MS / 1_000} s of each kind of request.`,
  loadAverages: [before, after],
  searched: BUSIEST_TASKS,
  databases: [native.database, embedded.database],
}
writeReport('tasks', report, toMarkdown(report))
writePerformance()
part('done')
