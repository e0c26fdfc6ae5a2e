/**
 * What it costs to read one task, beside the floor: the same statement without a service around it
 * (floor.ts). Takes about 80 s, prints its report and writes it to bench/results/.
 *
 * Usage: npm run bench
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { arch, availableParallelism, cpus, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { type Contestant, compare, ROUNDS } from './compare.ts'
import { CONNECTIONS } from './measure.ts'
import { publish } from './publish.ts'
import { type Report, toMarkdown } from './report.ts'
import { SEEDED, seed } from './seed.ts'
import { FLOOR, SERVICE, startServer } from './servers.ts'
import { measureStartUp } from './start-up.ts'

const folder = mkdtempSync(join(tmpdir(), 'todo-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const secret = randomBytes(32).toString('base64url')
const serviceSettings = (databaseUrl: string) => ({
  NODE_ENV: 'production',
  DATABASE_URL: databaseUrl,
  BETTER_AUTH_SECRET: secret,
  RATE_LIMIT_PER_MINUTE: '0',
})

async function report(url: string, database: Client): Promise<Report> {
  const settings = serviceSettings(url)
  const startUps = {
    PostgreSQL: await measureStartUp(settings, folder),
    'the embedded database': await measureStartUp(
      serviceSettings(`pglite:${join(folder, 'embedded')}`),
      folder,
    ),
  }
  const targets = await seed(database, secret)
  const contestants: Contestant[] = [
    { name: 'the service', server: await startServer(SERVICE, settings, folder) },
    {
      name: 'the service, LOG_LEVEL=warn',
      server: await startServer(SERVICE, { ...settings, LOG_LEVEL: 'warn' }, folder),
    },
    { name: 'the floor', server: await startServer(FLOOR, { DATABASE_URL: url }, folder) },
  ]
  const standings = await compare(contestants, targets, database, folder)
  await Promise.all(contestants.map(({ server }) => server.stop()))
  const { rows } = await database.query<{ server_version: string }>('show server_version')
  return {
    date: new Date().toISOString().slice(0, 10),
    load: `GET of one task: ${CONNECTIONS} keep-alive connections, ${SEEDED}, asked for in random order, each with its owner’s token; rate limits off (RATE_LIMIT_PER_MINUTE=0), a log line per request to a file.`,
    rounds: ROUNDS,
    machine: {
      cores: availableParallelism(),
      model: cpus()[0]?.model ?? 'unknown',
      platform: `${platform()} ${arch()}`,
    },
    versions: { node: process.versions.node, postgresql: rows[0]?.server_version ?? 'unknown' },
    standings,
    startUps,
  }
}

await publish('get-one', report, toMarkdown)
