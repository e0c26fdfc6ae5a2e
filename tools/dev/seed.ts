/**
 * `npm run seed`: creates three people with 200 tasks in the database of the settings, and prints how to sign
 * in. It keeps existing accounts and tasks, so a second run creates only missing ones.
 */
import { Accounts } from '../../backend/src/accounts/accounts.ts'
import { createAccount } from '../../backend/src/accounts/administer.ts'
import { readArguments } from '../../backend/src/core/arguments.ts'
import { type Config, loadConfig } from '../../backend/src/core/config/config.ts'
import { AppError } from '../../backend/src/core/errors.ts'
import { endWithReason } from '../../backend/src/core/log/end.ts'
import { createLogger } from '../../backend/src/core/log/logger.ts'
import { signAccountToken, signToken } from '../../backend/src/core/token.ts'
import type { Connector } from '../../backend/src/database/connector.ts'
import type { Database } from '../../backend/src/database/session.ts'
import { findTask, insertTask } from '../../backend/src/models/tasks/task.ts'
import { openDatabase } from './open.ts'
import { SAMPLE_TASKS, type SampleTask } from './sample-tasks.ts'

const NAMES = ['Alice', 'Bob', 'Carol']
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
async function peopleOf(config: Config, connector: Connector): Promise<Person[]> {
  const { accounts: settings } = config
  if (settings === null) {
    return Promise.all(
      NAMES.map(async (name) => {
        const id = name.toLowerCase()
        return { login: id, id, token: await signToken(config, id) }
      }),
    )
  }
  const log = await createLogger('silent')
  const accounts = new Accounts({ config, settings, connector, log })
  try {
    const people: Person[] = []
    for (const name of NAMES) {
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

/** Creates the missing tasks one after the other. @returns their number. */
async function giveTasks(
  database: Database,
  userId: string,
  tasks: readonly SampleTask[],
): Promise<number> {
  let made = 0
  for (const { id, ...task } of tasks) {
    if (await database.asUser(userId, findTask(id))) continue
    await database.asUser(userId, insertTask(id, task))
    made += 1
  }
  return made
}

function describe(config: Config, people: readonly Person[], made: number): string {
  const { accounts, publicUrl } = config
  const lines = people.flatMap(({ login, id, token }) => [
    '',
    `${login}`,
    `  TASKS=${publicUrl}/api/${id}/tasks`,
    `  TOKEN=${token}`,
  ])
  return [
    `${SAMPLE_TASKS.length} tasks of ${people.length} people, ${made} of them new`,
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
  const { connector, database } = await openDatabase(config)
  try {
    const people = await peopleOf(config, connector)
    const made = await Promise.all(
      people.map(({ id }, at) => {
        const own = SAMPLE_TASKS.filter((_task, n) => n % people.length === at)
        return giveTasks(database, id, own)
      }),
    )
    const all = made.reduce((sum, one) => sum + one, 0)
    console.log(describe(config, people, all))
  } finally {
    await database.close()
  }
}

try {
  readArguments({ usage: 'Usage: npm run seed' })
  await seed(loadConfig())
} catch (error) {
  endWithReason(error instanceof AppError ? (error.cause ?? error) : error)
}
