/**
 * Measures how one user with expensive requests, within the rate limit, affects others. The user has
 * 300 000 completed tasks, and requests the first incomplete one 200 times at once. Prints the ratio of
 * the other users' p99 during that time to their quiet p99, and ends with 1 if it is 3 or more, or if one of
 * their requests fails.
 * It takes about a minute.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signToken } from '../../backend/src/core/token.ts'
import { argumentsOf } from '../../scripts/arguments.ts'
import { seedSmall } from './data/seed.ts'
import { requestsFor } from './data/work.ts'
import { median } from './figures/ratio.ts'
import { startSteadyLoad } from './load/steady-load.ts'
import { fillDatabase } from './servers/filled-database.ts'
import { SERVICE, startServer } from './servers/start-server.ts'

const HEAVY = 'heavy'
const TASKS = 300_000
const AT_ONCE = 200
/** Three rounds of 200 requests: the 600 that `RATE_LIMIT_PER_MINUTE` allows a user per minute. */
const ROUNDS = 3
const PER_SECOND = 200
const QUIET_MS = 10_000
const MOST = 3

const usage = 'Usage: npm run bench:heavy-user [-- --on postgres|embedded]'
const on = argumentsOf({ usage, texts: ['on'] }).texts.get('on') ?? 'postgres'
const folder = mkdtempSync(join(tmpdir(), 'todo-heavy-user-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const database = await fillDatabase(on, folder, async (client) => {
  const population = await seedSmall(client)
  await client.query('insert into todo.users (id) values ($1)', [HEAVY])
  await client.query(
    `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
     select $1, gen_random_uuid(), 'done', true, now(), now(), 0 from generate_series(1, $2::int)`,
    [HEAVY, TASKS],
  )
  await client.query('vacuum analyze todo.tasks')
  return population
})

/** @returns the number of responses of a burst by status. */
async function burst(url: string, token: string): Promise<Record<number, number>> {
  const agent = new Agent({ keepAlive: true })
  const path = `/api/${HEAVY}/tasks?completed=false&limit=1`
  const statuses: Record<number, number> = {}
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      get(url + path, { agent, headers }, (response) => {
        const { statusCode = 0 } = response
        statuses[statusCode] = (statuses[statusCode] ?? 0) + 1
        response.resume().on('end', resolve).on('error', reject)
      }).on('error', reject)
    })
  await Promise.all(Array.from({ length: AT_ONCE }, ask))
  agent.destroy()
  return statuses
}

const secret = randomBytes(32).toString('base64url')
const settings = {
  NODE_ENV: 'production',
  DATABASE_URL: database.url,
  BETTER_AUTH_SECRET: secret,
}
const server = await startServer(SERVICE, settings, folder)
const token = await signToken({ secret, jwtIssuer: undefined, jwtAudience: undefined }, HEAVY)
const requests = await requestsFor('get', database.filled, secret)
const load = startSteadyLoad(server.url, PER_SECOND, requests, folder)
await load.record(() => sleep(QUIET_MS / 2))
const ratios: number[] = []
for (let round = 1; round <= ROUNDS; round += 1) {
  const { tasks: quiet } = await load.record(() => sleep(QUIET_MS))
  const { tasks: busy, result } = await load.record(() => burst(server.url, token))
  ratios.push(busy.p99Ms / quiet.p99Ms)
  const p99 = `p99 ${quiet.p99Ms.toFixed(1)} ms in quiet, ${busy.p99Ms.toFixed(1)} ms beside`
  console.log(
    `round ${round}: ${p99}, of ${busy.requests}; the heavy user: ${JSON.stringify(result)}`,
  )
}
load.stop()
await server.stop()
await database.stop()
const ratio = median(ratios)
console.log(`${on}: ${ratio.toFixed(2)} times the quiet p99; must be less than ${MOST}`)
if (ratio >= MOST) process.exitCode = 1
