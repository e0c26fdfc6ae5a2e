import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { backUp } from '../../src/database/backup/backup-file.ts'
import { exportUser } from '../../src/database/backup/export-user.ts'
import { connect } from '../../src/database/connect.ts'
import type { Connector } from '../../src/database/connector.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { proveWalls } from '../../src/database/walls/walls.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { backUpFilled, contentOf, quiet, restoreBackup } from '../support/backups.ts'
import {
  asServerAdmin,
  emptyPostgres,
  migratedPostgres,
  taskId,
  testFolder,
} from '../support/databases.ts'

/** The login of docs/operations.md: it may create schemas and roles, and row-level security holds for it. */
describe('a login that is no superuser', () => {
  const login = `login_${randomUUID().replaceAll('-', '')}`
  const dropped: (() => Promise<void>)[] = []
  before(async () => {
    const { url, drop } = await migratedPostgres() // the roles exist then
    dropped.push(drop)
    await asServerAdmin(
      url,
      `create role ${login} login password 'x' createrole nobypassrls;
       grant todo_user, todo_accounts to ${login} with inherit false, set true`,
    )
  })
  after(async () => {
    for (const drop of dropped) await drop()
  })

  async function emptyDatabase(): Promise<{ connector: Connector; adminUrl: string }> {
    const { url: adminUrl, drop } = await emptyPostgres()
    dropped.push(drop)
    const own = new URL(adminUrl)
    await asServerAdmin(
      adminUrl,
      `grant create, connect on database ${own.pathname.slice(1)} to ${login}`,
    )
    Object.assign(own, { username: login, password: 'x' })
    const url = own.href
    const connector = await connect({
      database: { kind: 'postgres', url, directUrl: url },
      poolMax: 1,
    })
    return { connector, adminUrl }
  }

  const contentAt = async (url: string) => {
    const admin = await connect({ database: { kind: 'postgres', url, directUrl: url }, poolMax: 1 })
    return contentOf((text, values = []) =>
      withDirectClient(admin.direct, async (client) => (await client.query(text, values)).rows),
    )
  }

  it('restores a backup of a superuser, makes one, restores that, and exports a person', async () => {
    const first = await emptyDatabase()
    await restoreBackup(first.connector, await backUpFilled('postgres'), quiet)
    await proveWalls(first.connector)
    const pool = new PipelinedPool(first.connector)
    await pool.asUser('alice', insertTask(taskId(7), { title: 'afterwards' }))
    await pool.close()
    const before = await contentAt(first.adminUrl)
    const file = join(await testFolder(), 'a.backup')
    const { byTable } = await backUp(first.connector, file, quiet)
    assert.equal(byTable.get('todo.tasks'), before['todo.tasks']?.length)

    const second = await emptyDatabase()
    await restoreBackup(second.connector, file, quiet)
    assert.deepEqual(await contentAt(second.adminUrl), before)
    const lines: string[] = []
    await withDirectClient(second.connector.direct, async (client) => {
      for await (const line of exportUser(client, 'alice')) lines.push(line)
    })
    assert.equal(lines.filter((line) => line.startsWith('{"table":"todo.tasks"')).length, 4)
    await second.connector.close()
  })

  it('backs up and restores a database in which nobody has a task', async () => {
    const { connector } = await emptyDatabase()
    await migrate(connector)
    const file = join(await testFolder(), 'a.backup')
    assert.equal((await backUp(connector, file, quiet)).rows, 0)
    assert.equal((await restoreBackup(connector, file, quiet)).rows, 0)
    await connector.close()
  })
})
