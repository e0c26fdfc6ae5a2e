/**
 * Profiles one kind of work: loads a server that runs V8's profiler, and prints the functions and packages by
 * their share of its busy time. Chrome's DevTools can open the profile.
 */

import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { argumentsOf } from '../../scripts/arguments.ts'
import { startPostgres } from '../../scripts/postgres.ts'
import { seedSmall } from './data/seed.ts'
import { requestsFor, WORKS, type Work } from './data/work.ts'
import { startLoad } from './load/load.ts'
import { serviceSettings, startService } from './servers/contestants.ts'
import { node, startServer } from './servers/start-server.ts'

const SECONDS = 10
const LINES = 90
const FILES: Record<string, string> = {
  service: 'backend/src/main.ts',
  floor: 'tools/bench/servers/floor.ts',
  'no-wall': 'tools/bench/servers/no-wall.ts',
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { functionName: string; url: string; lineNumber: number }
  }[]
  readonly samples: readonly number[]
  /** Microseconds. */
  readonly timeDeltas: readonly number[]
}

/** @returns the total busy time in microseconds by the name that a function gives each frame. */
function timeBy(
  { nodes, samples, timeDeltas }: Profile,
  name: (frame: Profile['nodes'][number]['callFrame']) => string,
): [name: string, micros: number][] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const times = new Map<string, number>()
  for (const [at, id] of samples.entries()) {
    const frame = frames.get(id)
    if (frame === undefined || ['(idle)', '(program)'].includes(frame.functionName)) continue
    const micros = timeDeltas[at] ?? 0
    times.set(name(frame), (times.get(name(frame)) ?? 0) + micros)
  }
  return [...times].sort(([, a], [, b]) => b - a)
}

function place(url: string): string {
  return url.replace(/^.*node_modules\//, '').replace(/^file:\/\/.*?\/(?=backend|bench)/, '')
}

function packageOf(url: string): string {
  const [first = '', second = ''] = place(url).split('/')
  if (url.startsWith('node:')) return url.split('/')[0] ?? ''
  if (url === '') return 'V8 and Node itself'
  return first.startsWith('@') || first === 'backend' ? `${first}/${second}` : first
}

const usage =
  'Usage: npm run bench:profile [-- get|list|create|update|toggle|mix] [service|floor|no-wall]'
const [work = 'get', name = 'service'] = argumentsOf({ usage, most: 2 }).positionals
const file = FILES[name]
if (file === undefined || !WORKS.some((one) => one.work === work)) {
  console.error(usage)
  process.exit(1)
}
const folder = mkdtempSync(join(tmpdir(), 'todo-profile-'))
const postgres = await startPostgres()
const stage = { databaseUrl: postgres.url, secret: 'x'.repeat(32), folder }
await (await startService(stage)).stop() // creates the tables
const database = new Client({ connectionString: postgres.url })
await database.connect()
const requests = await requestsFor(work as Work, await seedSmall(database), stage.secret)
await database.end()
const [command, ...args] = node(file)
const server = await startServer(
  [command, '--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=200', ...args],
  serviceSettings(stage),
  folder,
)
const load = startLoad(requests, folder)
const { requestsPerSecond } = await load.run({ url: server.url, seconds: SECONDS })
load.stop()
await server.stop()
await postgres.stop()

const profileFile = join(
  folder,
  readdirSync(folder).find((one) => one.endsWith('.cpuprofile')) ?? '',
)
const profile: Profile = JSON.parse(readFileSync(profileFile, 'utf8'))
const requestsSent = requestsPerSecond * SECONDS
const line = ([key, micros]: [string, number]) =>
  `${(micros / requestsSent).toFixed(2).padStart(7)} µs  ${key}`
const print = (times: [string, number][]) => console.log(times.slice(0, LINES).map(line).join('\n'))
console.log(`${name}, ${work}: ${requestsPerSecond.toFixed(0)} requests/s; for each of them\n`)
print(timeBy(profile, ({ url }) => packageOf(url)))
console.log()
print(
  timeBy(
    profile,
    ({ functionName, url, lineNumber }) =>
      `${functionName || '(anonymous)'} ${place(url)}:${lineNumber + 1}`,
  ),
)
console.log(`\n${profileFile}`)
