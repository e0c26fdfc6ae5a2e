import assert from 'node:assert/strict'
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { backUp } from '../../src/database/backup/backup-file.ts'
import { exportUser } from '../../src/database/backup/export-user.ts'
import { BackupError } from '../../src/database/backup/format.ts'
import { restoreBackup } from '../../src/database/backup/restore-backup.ts'
import { connect } from '../../src/database/connect.ts'
import type { Connector } from '../../src/database/connector.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { proveWalls } from '../../src/database/walls/walls.ts'
import { insertTaskOnce } from '../../src/models/tasks/once.ts'
import { insertTask, toggleTask } from '../../src/models/tasks/task.ts'
import {
  emptyPostgres,
  KINDS,
  type Kind,
  openTestDatabase,
  type Rows,
  type TestDatabase,
  taskId,
  testFolder,
} from '../support/databases.ts'

const quiet = () => {}
const TABLES = [
  'todo.users',
  'todo.tasks',
  'todo.idempotency_keys',
  'todo_auth."user"',
  'todo_auth.account',
  'todo_auth.deleted_user',
]

/** Every row of every table, as a superuser reads them. */
async function contentOf(admin: TestDatabase['admin']): Promise<Record<string, Rows>> {
  const found: Record<string, Rows> = {}
  for (const table of TABLES) {
    found[table] = await admin(`select row_to_json(t)::text as row from ${table} t order by 1`)
  }
  return found
}

async function fill(test: TestDatabase): Promise<void> {
  const { database, admin } = test
  for (const [n, user] of ['alice', 'bob', 'Ünïcode \u{1f600}'].entries()) {
    for (let task = 0; task < 700; task += 350) {
      const id = taskId(n * 10_000 + task)
      const description = task === 0 ? 'line\nfeed, "quotes", \\ and \u{1f480}' : null
      await database.asUser(user, insertTask(id, { title: `of ${user}`, description }))
      await database.asUser(user, toggleTask(id, undefined))
    }
  }
  await database.asUser('alice', insertTaskOnce(taskId(99), { title: 'once' }, 'a key'))
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

async function emptyTarget(kind: Kind): Promise<Connector> {
  if (kind === 'pglite') {
    const directory = join(await testFolder(), 'new')
    return connect({ database: { kind, directory }, poolMax: 1 })
  }
  const { url } = await emptyPostgres()
  return connect({ database: { kind, url, directUrl: url }, poolMax: 1 })
}

const adminOf =
  ({ direct }: Connector): TestDatabase['admin'] =>
  (text, values = []) =>
    withDirectClient(direct, async (client) => (await client.query(text, values)).rows)

describe('a backup', () => {
  for (const from of KINDS) {
    for (const to of KINDS) {
      it(`of ${from} is restored into ${to}, row for row, and the walls stand`, async () => {
        const test = await openTestDatabase(from)
        await fill(test)
        const before = await contentOf(test.admin)
        const file = join(await testFolder(), 'a.backup')
        const { rows } = await backUp(test.connector, file, quiet)
        assert.equal(rows, Object.values(before).flat().length)
        assert.equal((await stat(file)).mode & 0o777, 0o600)
        const target = await emptyTarget(to)
        assert.equal((await restoreBackup(target, file, quiet)).rows, rows)
        assert.deepEqual(await contentOf(adminOf(target)), before)
        await proveWalls(target)
        const pool = new PipelinedPool(target)
        await pool.asUser('alice', insertTask(taskId(7), { title: 'afterwards' }))
        await pool.close()
        await test.close()
      })
    }
  }
})
