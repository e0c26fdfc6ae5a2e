/**
 * `npm run seed`: creates three people with 200 tasks in the database of the settings, and prints how to sign
 * in. It sends the requests that a client would send, to a server in this process. It keeps existing accounts and
 * tasks, so a second run creates only missing ones.
 */
import type { FastifyInstance } from 'fastify'
import { Accounts } from '../../backend/src/accounts/accounts.ts'
import { createAccount } from '../../backend/src/accounts/administer.ts'
import { readArguments } from '../../backend/src/core/arguments.ts'
import { type Config, loadConfig } from '../../backend/src/core/config/config.ts'
import { AppError } from '../../backend/src/core/errors.ts'
import { endWithReason } from '../../backend/src/core/log/end.ts'
import { createLogger } from '../../backend/src/core/log/logger.ts'
import { dateInZone } from '../../backend/src/core/recurrence/calendar-date.ts'
import { signAccountToken, signToken } from '../../backend/src/core/token.ts'
import type { Connector } from '../../backend/src/database/connector.ts'
import { type SampleTask, sampleTasks } from './sample-tasks.ts'

/** The people live here. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone
/** The first lines of `npm start` use the same password. */
const PASSWORD = 'correct horse battery'

interface Person {
  /** An e-mail address, or the id of a user without an account. */
  readonly login: string
  readonly id: string
  readonly token: string
}

/** @throws {Error} in production, and for a database in memory, which ends with this process. */
function assertForDevelopment({ production, database }: Config): void {
  if (production) {
    throw new Error('Sample data is refused when NODE_ENV is production: its password is public')
  }
  if (database.kind === 'pglite' && database.directory === null) {
    throw new Error(
      'DATABASE_URL is pglite:memory, which ends with this command: name a folder, or a PostgreSQL database',
    )
  }
}

/** @returns people with accounts, or users without accounts if `ACCOUNTS` is off. */
async function peopleOf(
  config: Config,
  connector: Connector,
  names: readonly string[],
): Promise<Person[]> {
  const { accounts: settings } = config
  if (settings === null) {
    return Promise.all(
      names.map(async (name) => {
        const id = name.toLowerCase()
        return { login: id, id, token: await signToken(config, id) }
      }),
    )
  }
  const log = await createLogger('silent')
  const accounts = new Accounts({ config, settings, connector, log })
  try {
    const people: Person[] = []
    for (const name of names) {
      const { id, email } = await accountOf(accounts, name)
      people.push({ login: email, id, token: await signAccountToken(config, id) })
    }
    return people
  } finally {
    await accounts.close()
  }
}

async function accountOf(accounts: Accounts, name: string) {
  const email = `${name.toLowerCase()}@example.com`
  const { internalAdapter } = await (await accounts.betterAuth()).$context
  const found = await internalAdapter.findUserByEmail(email)
  return found?.user ?? createAccount(accounts, { email, name, password: PASSWORD })
}

/** Sends a request as the person. @throws {Error} if the status is another one than those given. */
async function send(
  app: FastifyInstance,
  { id, token }: Person,
  [method, path, body]: readonly [method: 'DELETE' | 'PATCH' | 'POST', path: string, body?: object],
  statuses: readonly number[],
): Promise<number> {
  const url = `${app.basePath}/api/${id}/tasks${path}`
  const headers = { authorization: `Bearer ${token}` }
  const response = await app.inject({ method, url, headers, ...(body && { payload: body }) })
  const { statusCode } = response
  if (statuses.includes(statusCode)) return statusCode
  throw new Error(`${method} ${url} returned ${statusCode}: ${response.body}`)
}

/** Creates the missing tasks one after the other, and then completes, deletes and moves them. @returns their number. */
async function giveTasks(
  app: FastifyInstance,
  person: Person,
  tasks: readonly SampleTask[],
): Promise<number> {
  const made: SampleTask[] = []
  const deleted = new Set<unknown>()
  for (const task of tasks) {
    const { id, members } = task
    if (deleted.has(members.parent_id)) continue
    // 200: the task is there; 409: the person has deleted it.
    const status = await send(app, person, ['POST', '', { id, ...members }], [201, 200, 409])
    if (status === 201) made.push(task)
    if (status === 409) deleted.add(id)
  }
  for (const { id, afterwards } of made) {
    switch (afterwards) {
      case 'complete':
        await send(app, person, ['PATCH', `/${id}/complete`, { completed: true }], [200])
        break
      case 'delete':
        await send(app, person, ['DELETE', `/${id}`], [204])
        break
      case 'move to the top':
        await send(app, person, ['POST', `/${id}/move`, { to: 'top' }], [200])
        break
      default:
    }
  }
  return made.length
}

function describe(config: Config, people: readonly Person[], all: number, made: number): string {
  const { accounts, publicUrl } = config
  const lines = people.flatMap(({ login, id, token }) => [
    '',
    `${login}`,
    `  TASKS=${publicUrl}/api/${id}/tasks`,
    `  TOKEN=${token}`,
  ])
  return [
    `${all} tasks of ${people.length} people, ${made} of them new`,
    accounts === null
      ? 'ACCOUNTS is off: these tokens are the only way in. They are valid for 15 minutes'
      : `Sign in with one of these addresses and the password "${PASSWORD}", unless you changed it. The tokens are valid for 15 minutes`,
    ...lines,
    '',
    `Then: curl $TASKS -H "Authorization: Bearer $TOKEN"`,
  ].join('\n')
}

async function seed(config: Config): Promise<void> {
  assertForDevelopment(config)
  // Loading the server takes most of the time, and --help does not need it.
  const { buildApp } = await import('../../backend/src/app.ts')
  const { openDatabase } = await import('./open.ts')
  const { connector, database } = await openDatabase(config)
  // The accounts only sign in, and the number of requests is known.
  const own = { ...config, rateLimitPerMinute: 0, jwksUrl: undefined }
  const logger = await createLogger('error')
  const app = await buildApp({ config: own, database, accounts: null, logger })
  try {
    const lives = sampleTasks(dateInZone(new Date(), ZONE))
    const people = await peopleOf(
      config,
      connector,
      lives.map(({ name }) => name),
    )
    const sent = people.map((person, at) => giveTasks(app, person, lives[at]?.tasks ?? []))
    const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
    const all = sum(lives.map(({ tasks }) => tasks.length))
    console.log(describe(config, people, all, sum(await Promise.all(sent))))
  } finally {
    await app.close()
  }
}

try {
  readArguments({ usage: 'Usage: npm run seed' })
  await seed(loadConfig())
} catch (error) {
  endWithReason(error instanceof AppError ? (error.cause ?? error) : error)
}
