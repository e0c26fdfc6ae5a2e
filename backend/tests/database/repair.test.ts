import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type PostgresServer, startPostgres } from '../../../scripts/postgres.ts'
import { connect, openConnector } from '../../src/database/connect.ts'
import type { Connector } from '../../src/database/connector.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { repair } from '../../src/database/walls/repair.ts'
import { proveAccountsRole, proveWalls } from '../../src/database/walls/walls.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { asServerAdmin, taskId } from '../support/databases.ts'

describe('a dump that was restored on another PostgreSQL server', () => {
  let server: PostgresServer
  let url: string
  let connector: Connector
  before(async () => {
    server = await startPostgres('fsync=off')
    const made = new URL(server.url)
    made.pathname = '/restored'
    url = made.href
    await asServerAdmin(server.url, 'create database restored')
    connector = await connect({ database: { kind: 'postgres', url, directUrl: url }, poolMax: 2 })
    await migrate(connector)
    // pg_dump writes no roles. psql then skips each grant and each policy that names one.
    await withDirectClient(connector.direct, async (client) => {
      for (const table of ['users', 'tasks', 'idempotency_keys']) {
        await client.query(`drop policy backup on todo.${table}`)
      }
      await client.query('drop policy expired_keys on todo.idempotency_keys')
      await client.query('drop owned by todo_user, todo_accounts')
      await client.query('drop role todo_user, todo_accounts')
      // pg_restore executes the privileges of a function as one query. Where a grant in it names a missing role, the
      // revocation before it is undone as well.
      await client.query('grant execute on all functions in schema todo, todo_auth to public')
    })
  })
  after(() => server.stop())

  const open = () =>
    openConnector(
      {
        database: { kind: 'postgres', url, directUrl: url },
        ...{ poolMax: 2, accounts: null },
      },
      () => {},
      { patienceMs: 0 },
    )

  it('is not served, and the start says which command repairs it', async () => {
    await assert.rejects(open(), /npm run migrate/)
  })

  it('is served after the roles, privileges and policies are repaired', async () => {
    const statements = await repair(connector)
    assert.ok(statements.some((statement) => statement.startsWith('create role todo_user')))
    assert.ok(statements.some((statement) => statement.startsWith('create policy expired_keys')))
    assert.ok(
      statements.some((statement) => /^revoke execute on function .* from public$/.test(statement)),
    )
    await proveWalls(connector)
    await proveAccountsRole(connector)
    const pool = new PipelinedPool(await open())
    const change = await pool.asUser('alice', insertTask(taskId(1), { title: 'after the restore' }))
    assert.equal(change.outcome, 'changed')
    await pool.close()
  })

  it('has nothing to repair the second time', async () => {
    assert.deepEqual(await repair(connector), [])
  })
})
