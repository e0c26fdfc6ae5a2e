import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { backUp } from '../../src/database/backup/backup-file.ts'
import { checkBackup, restoreChecked } from '../../src/database/backup/restore-backup.ts'
import type { Counts, Progress } from '../../src/database/backup/write-backup.ts'
import { connect } from '../../src/database/connect.ts'
import type { Connector } from '../../src/database/connector.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { type Migration, migrate } from '../../src/database/migrate/migrate.ts'
import { insertTaskOnce } from '../../src/models/tasks/once.ts'
import { insertTask, toggleTask } from '../../src/models/tasks/task.ts'
import {
  embeddedFolder,
  emptyPostgres,
  type Kind,
  openTestDatabase,
  type Rows,
  type TestDatabase,
  taskId,
  testFolder,
} from './databases.ts'

export const quiet = () => {}
const TABLES = [
  'todo.users',
  'todo.tasks',
  'todo.idempotency_keys',
  'todo_auth."user"',
  'todo_auth.account',
  'todo_auth.deleted_user',
]

/** Checks a backup and restores it, as `npm run restore` does. */
export async function restoreBackup(
  connector: Pick<Connector, 'direct'>,
  file: string,
  progress: Progress,
): Promise<Counts> {
  return restoreChecked(connector, file, await checkBackup(file), progress)
}

/** Every row of every table, as a superuser reads them. */
export async function contentOf(admin: TestDatabase['admin']): Promise<Record<string, Rows>> {
  const found: Record<string, Rows> = {}
  for (const table of TABLES) {
    found[table] = await admin(`select row_to_json(t)::text as row from ${table} t order by 1`)
  }
  return found
}

export async function fill(test: TestDatabase): Promise<void> {
  const { database, admin } = test
  for (const [n, user] of ['alice', 'bob', 'Ünïcode \u{1f600}'].entries()) {
    for (let task = 0; task < 700; task += 350) {
      const id = taskId(n * 10_000 + task)
      const description = task === 0 ? 'line\nfeed, "quotes", \\ and \u{1f480}' : null
      const due = { due_date: '0001-02-28', due_time: '09:30', due_zone: 'Asia/Katmandu' }
      const members = { priority: 'high', tags: ['a "b" \\ {c}', 'NULL'], ...due } as const
      await database.asUser(user, insertTask(id, { title: `of ${user}`, description, ...members }))
      await database.asUser(user, toggleTask(id, undefined))
    }
  }
  await database.asUser(
    'alice',
    insertTaskOnce(taskId(99), { title: 'once' }, { key: 'a key', requestHash: 'of the request' }),
  )
  await admin(
    `insert into todo_auth."user" (id, name, email, "emailVerified") values ('a1', 'A', 'a@example.org', true)`,
  )
  await admin(
    `insert into todo_auth.account (id, "accountId", "providerId", "userId", password, "updatedAt") values ('c1', 'a1', 'credential', 'a1', 'hash', now())`,
  )
  await admin(
    `insert into todo_auth.session (id, "expiresAt", token, "updatedAt", "userId") values ('s1', now() + interval '1 day', 'secret', now(), 'a1')`,
  )
  await admin(`insert into todo_auth.deleted_user (id) values ('gone')`)
}

export async function emptyTarget(kind: Kind): Promise<Connector> {
  if (kind === 'pglite') {
    const directory = await embeddedFolder('empty')
    return connect({ database: { kind, directory }, poolMax: 1 })
  }
  const { url } = await emptyPostgres()
  return connect({ database: { kind, url, directUrl: url }, poolMax: 1 })
}

export const adminOf =
  ({ direct }: Connector): TestDatabase['admin'] =>
  (text, values = []) =>
    withDirectClient(direct, async (client) => (await client.query(text, values)).rows)

/** The backup of a filled database, and what the database has. */
interface Filled extends Counts {
  readonly file: string
  readonly content: Record<string, Rows>
}

const FILLED = new Map<Kind, Promise<Filled>>()

/** Makes the backup of a filled database once. No test changes the file. */
export function backedUp(kind: Kind): Promise<Filled> {
  const made = FILLED.get(kind) ?? makeBackup(kind)
  FILLED.set(kind, made)
  return made
}

/** @returns the file of that backup. */
export async function backUpFilled(kind: Kind): Promise<string> {
  return (await backedUp(kind)).file
}

async function makeBackup(kind: Kind): Promise<Filled> {
  const test = await openTestDatabase(kind)
  await fill(test)
  const content = await contentOf(test.admin)
  const file = join(await testFolder(), 'a.backup')
  const counts = await backUp(test.connector, file, quiet)
  await test.close()
  return { file, content, ...counts }
}

/** @returns the backup of a database that has these migrations alone, and what `fill` writes. */
export async function backUpOlder(
  migrations: readonly Migration[],
  fill: (admin: TestDatabase['admin']) => Promise<unknown>,
): Promise<string> {
  const older = await emptyTarget('postgres')
  await migrate(older, [...migrations])
  await fill(adminOf(older))
  const file = join(await testFolder(), 'an-older.backup')
  await backUp(older, file, quiet)
  await older.close()
  return file
}

/** A copy of the file with other lines, and without a new checksum. */
export async function withLines(
  file: string,
  change: (lines: string[]) => string[],
): Promise<string> {
  const lines = gunzipSync(await readFile(file))
    .toString()
    .split('\n')
  const changed = `${file}-changed`
  await writeFile(changed, gzipSync(change(lines).join('\n')))
  return changed
}
