import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { LARGE, type Population, SMALL, seedLarge, seedSmall } from './data/seed.ts'
import { pagesFor, requestsFor, WORKS, wholeListsFor } from './data/work.ts'
import type { Effort } from './effort.ts'
import { type Memory, memory } from './figures/process-usage.ts'
import { LOAD_TOOL } from './load/load.ts'
import { CONNECTIONS } from './load/load-order.ts'
import type { Comparison, Report } from './report/report.ts'
import { surroundings } from './report/surroundings.ts'
import { compare, type Entry } from './runs/compare.ts'
import { seedEmbedded } from './runs/embedded.ts'
import { measureLiveness } from './runs/liveness.ts'
import { measureLongList } from './runs/long-list.ts'
import { proveSameAnswers } from './runs/same-answers.ts'
import { measureStartUp } from './runs/start-up.ts'
import { warmUp } from './runs/warm-up.ts'
import {
  type Contestant,
  findPython,
  OURS,
  PYTHON_MISSING,
  type Stage,
  startContestants,
  startService,
} from './servers/contestants.ts'
import type { Server } from './servers/start-server.ts'

/** The time for background work after a start to finish. */
const SETTLE_MS = 500
/** The number of cores of the machine of the published figures. */
const PROCESSES = 2
/** The default of DATABASE_POOL_MAX. */
const CONNECTIONS_OF_ONE = 8

const PACKAGE = new URL('./package.json', import.meta.url)

/** A database, its superuser's session, and its users. */
interface Ground extends Stage {
  readonly database: Client
  readonly population: Population
}

/**
 * Measures everything, one part after another.
 *
 * @param url of an empty PostgreSQL, with its superuser.
 * @param folder for databases, logs and files of requests.
 * @throws if a request fails, or if two servers send different responses.
 */
export async function measureAll(
  url: string,
  database: Client,
  effort: Effort,
  folder: string,
): Promise<Report> {
  const secret = randomBytes(32).toString('base64url')
  const stage = { databaseUrl: url, secret, folder }
  const embeddedStage = { ...stage, databaseUrl: `pglite:${join(folder, 'embedded')}` }

  part('starts')
  const startUps = {
    postgresql: await measureStartUp(stage, effort.starts),
    embedded: await measureStartUp(embeddedStage, effort.starts),
  }
  part(`the servers, with ${SMALL}`)
  const small = { ...stage, database, population: await seedSmall(database) }
  const contestants = await startContestants(stage)
  const { comparisons, memory } = await compareAll(contestants, small, effort)
  part(`growth, with ${LARGE}`)
  const large = await makeLarge(stage, database)
  const grown = await measureGrowth(small, large, effort)
  part('several processes')
  const processes = await compareProcesses(small, effort)
  part('the embedded database')
  const embedded = await measureEmbedded(embeddedStage, effort)
  const liveness = await measureLiveness()
  await large.database.end()

  const { devDependencies } = JSON.parse(readFileSync(PACKAGE, 'utf8'))
  const python = findPython()
  return {
    ...(await surroundings(database)),
    effort,
    load: { tool: LOAD_TOOL, connections: CONNECTIONS },
    seeded: { small: SMALL, large: LARGE },
    peers: [
      `Drizzle ${devDependencies.drizzle.split('@').at(-1)}`,
      ...(python ? [python.versions] : []),
    ],
    missing: python ? [] : [PYTHON_MISSING],
    comparisons,
    memory,
    ...grown,
    processes,
    ...embedded,
    liveness,
    startUps,
  }
}

function part(title: string): void {
  console.error(`\n${title} (after ${Math.round(performance.now() / 1_000)} s)`)
}

async function compareAll(contestants: readonly Contestant[], ground: Ground, effort: Effort) {
  const { database, population, secret, folder } = ground
  await sleep(SETTLE_MS)
  const idle = contestants.map(({ server }) => memory(server.pid))
  for (const work of ['get', 'list'] as const) {
    const requests = await requestsFor(work, population, secret)
    await proveSameAnswers(contestants, requests.slice(0, 3))
  }
  await warmUp(
    contestants.map(({ server }) => server),
    ground,
    effort.warmUpSeconds,
  )
  const comparisons: Comparison[] = []
  for (const { work, title } of WORKS) {
    const requests = await requestsFor(work, population, secret)
    const entries = contestants.map((contestant) => ({ ...contestant, requests, database }))
    comparisons.push({ title, standings: await compare(title, entries, effort, folder) })
  }
  const after = contestants.map(({ server }) => memory(server.pid))
  await stopAll(contestants.map(({ server }) => server))
  const memories = contestants.map(({ name }, at): [string, { idle: Memory; after: Memory }] => [
    name,
    { idle: known(idle[at]), after: known(after[at]) },
  ])
  return { comparisons, memory: Object.fromEntries(memories) }
}

async function makeLarge(stage: Stage, database: Client): Promise<Ground> {
  await database.query('create database large')
  const url = new URL(stage.databaseUrl)
  url.pathname = '/large'
  const databaseUrl = url.href
  await (await startService({ ...stage, databaseUrl })).stop() // creates the tables
  const client = new Client({ connectionString: databaseUrl })
  // If the run fails, PostgreSQL ends first. The lost connection is not the reason.
  client.on('error', () => {})
  await client.connect()
  return { ...stage, databaseUrl, database: client, population: await seedLarge(client) }
}

async function measureGrowth(small: Ground, large: Ground, effort: Effort) {
  // The single user of the large database would exceed any limit.
  const settings = { RATE_LIMIT_PER_MINUTE: '0' }
  const grounds = [
    { name: 'small', ground: small, server: await startService(small, settings) },
    { name: 'large', ground: large, server: await startService(large, settings) },
  ]
  for (const { ground, server } of grounds) await warmUp([server], ground, effort.warmUpSeconds)
  const growth: Comparison[] = []
  for (const [title, requests] of [
    ['GET one', ({ population, secret }: Ground) => requestsFor('get', population, secret)],
    ['a page of 50', ({ population, secret }: Ground) => pagesFor(population, secret)],
  ] as const) {
    const entries: Entry[] = []
    for (const { name, ground, server } of grounds) {
      entries.push({ name, server, requests: await requests(ground), database: ground.database })
    }
    growth.push({
      title,
      standings: await compare(`${title}, growth`, entries, pairs(effort), small.folder),
    })
  }
  const server = known(grounds[1]).server
  const lists = {
    long: await wholeListsFor(large.population.readers, large.secret),
    short: await wholeListsFor(large.population.writers, large.secret),
    others: await requestsFor(
      'get',
      { readers: large.population.writers, writers: [] },
      large.secret,
    ),
  }
  const longList = await measureLongList(server, lists, effort.soloRounds, small.folder)
  await stopAll(grounds.map((one) => one.server))
  return { growth, longList }
}

async function compareProcesses(ground: Ground, effort: Effort): Promise<Comparison[]> {
  const { database, population, secret, folder } = ground
  const servers = {
    'one process': await startService(ground),
    // The total number of connections to the database is the same.
    [`${PROCESSES} processes`]: await startService(ground, {
      WEB_CONCURRENCY: String(PROCESSES),
      DATABASE_POOL_MAX: String(CONNECTIONS_OF_ONE / PROCESSES),
    }),
  }
  // Each process compiles its own code.
  await warmUp(Object.values(servers), ground, PROCESSES * effort.warmUpSeconds)
  const comparisons: Comparison[] = []
  for (const { work, title } of WORKS.filter((one) => ['get', 'mix'].includes(one.work))) {
    const requests = await requestsFor(work, population, secret)
    const entries = Object.entries(servers).map(([name, server]) => {
      return { name, server, requests, database }
    })
    const standings = await compare(`${title}, processes`, entries, pairs(effort), folder)
    comparisons.push({ title, standings })
  }
  await stopAll(Object.values(servers))
  return comparisons
}

async function measureEmbedded(stage: Stage, effort: Effort) {
  const population = await seedEmbedded(stage.databaseUrl)
  const server = await startService(stage)
  await sleep(SETTLE_MS)
  const idle = memory(server.pid)
  await warmUp([server], { ...stage, population }, effort.warmUpSeconds)
  const embedded: Comparison[] = []
  for (const { work, title } of WORKS) {
    const requests = await requestsFor(work, population, stage.secret)
    const entries = [{ name: OURS, server, requests, database: null }]
    const rounds = { rounds: effort.soloRounds, seconds: effort.seconds }
    const standings = await compare(`${title}, embedded`, entries, rounds, stage.folder)
    embedded.push({ title, standings })
  }
  const after = memory(server.pid)
  await server.stop()
  return { embedded, embeddedMemory: { idle, after } }
}

function pairs({ pairRounds, seconds }: Effort) {
  return { rounds: pairRounds, seconds }
}

async function stopAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}

function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('A server has no measurement')
  return value
}
