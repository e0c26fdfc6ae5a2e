/**
 * Measures the effect of sign-ins on requests for tasks: the latency at a steady rate without sign-ins and
 * with many at once. Takes about two minutes, prints the report and writes it to tools/bench/results/.
 */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { argumentsOf } from '../../scripts/arguments.ts'
import { SMALL, seedSmall } from './data/seed.ts'
import { requestsFor } from './data/work.ts'
import { type SteadyLoad, startSteadyLoad } from './load/steady-load.ts'
import { publish } from './report/publish.ts'
import { surroundings } from './report/surroundings.ts'
import { SERVICE, type Server, startServer } from './servers/start-server.ts'
import { type Account, seedAccounts } from './sign-ins/accounts.ts'
import { type Round, ratioOf, type SignInsReport, toMarkdown } from './sign-ins/report.ts'
import { signInAtOnce } from './sign-ins/sign-in.ts'

const ROUNDS = 3
const ACCOUNTS = 200
const TASKS_PER_SECOND = 200
const QUIET_MS = 10_000
const WARM_UP_MS = 5_000
/** Enough for V8 to optimize the code. Each account signs in once, so no limit is reached. */
const WARM_UP_SIGN_INS = 20
/** The time for background work after a phase to finish. */
const SETTLE_MS = 1_000

const BACKEND = new URL('../../backend/package.json', import.meta.url)

argumentsOf({ usage: 'Usage: npm run bench:sign-ins' })
const folder = mkdtempSync(join(tmpdir(), 'todo-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

async function report(databaseUrl: string, database: Client): Promise<SignInsReport> {
  const secret = randomBytes(32).toString('base64url')
  const settings = {
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
    BETTER_AUTH_SECRET: secret,
    RATE_LIMIT_PER_MINUTE: '0',
    TRUST_PROXY: 'loopback', // each client sends its own address in X-Forwarded-For
  }
  const server = await startServer(SERVICE, settings, folder)
  const requests = await requestsFor('get', await seedSmall(database), secret)
  const accounts = await seedAccounts(database, ACCOUNTS)
  const load = startSteadyLoad(server.url, TASKS_PER_SECOND, requests, folder)
  await load.record(() => sleep(WARM_UP_MS))
  const firstSignIn = await measureFirst(server, load, accounts.slice(0, 1))
  await signInAtOnce(server.url, accounts.slice(-WARM_UP_SIGN_INS))
  const rounds = await measureRounds(server, load, accounts)
  load.stop()
  await server.stop()
  return {
    ...(await surroundings(database)),
    betterAuth: JSON.parse(readFileSync(BACKEND, 'utf8')).dependencies['better-auth'],
    load: `GET of one task, ${TASKS_PER_SECOND} a second whether or not the earlier ones are answered, over keep-alive connections, ${SMALL}; for ${QUIET_MS / 1_000} s in quiet, then while ${ACCOUNTS} clients, each with an account and an address of its own, sign in at once and try again after the Retry-After of a 503 until all are in. ${ROUNDS} rounds. RATE_LIMIT_PER_MINUTE=0.`,
    ratio: ratioOf(rounds),
    firstSignIn,
    rounds,
  }
}

async function measureFirst(server: Server, load: SteadyLoad, account: readonly Account[]) {
  const { tasks, result } = await load.record(() => signInAtOnce(server.url, account))
  console.error(`the first sign-in: the longest task request took ${tasks.maxMs.toFixed(1)} ms`)
  return { tasks, seconds: result.seconds }
}

async function measureRounds(server: Server, load: SteadyLoad, accounts: readonly Account[]) {
  const rounds: Round[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    await sleep(SETTLE_MS)
    const { tasks: quiet } = await load.record(() => sleep(QUIET_MS))
    console.error(`round ${round} of ${ROUNDS}, quiet: p99 ${quiet.p99Ms.toFixed(1)} ms`)
    const { tasks: busy, result } = await load.record(() => signInAtOnce(server.url, accounts))
    console.error(
      `round ${round} of ${ROUNDS}, ${result.perSecond.toFixed(1)} sign-ins a second: p99 ${busy.p99Ms.toFixed(1)} ms`,
    )
    rounds.push({ quiet, busy, signIns: result })
  }
  return rounds
}

await publish('sign-ins', report, toMarkdown)
