import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { getMigrations } from 'better-auth/db/migration'
import { Kysely } from 'kysely'
import { accountDialect } from '../../src/database/accounts/account-dialect.ts'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import { query } from '../../src/database/accounts/account-query.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { PgliteThread } from '../../src/database/pglite/thread.ts'
import { listTasks } from '../../src/models/tasks/list.ts'
import { findTask, insertTask } from '../../src/models/tasks/task.ts'
import {
  asServerAdmin,
  embeddedFolder,
  emptyPostgres,
  KINDS,
  openTestDatabase,
  rawStatement,
  type TestDatabase,
} from '../support/databases.ts'
import { startServer } from '../support/served.ts'

interface Tables {
  user: { id: string; name: string; email: string; emailVerified: boolean }
}

const PERSON = { name: 'x', emailVerified: false }
const person = (id: string) => ({ ...PERSON, id, email: `${id}@example.com` })
const UNAVAILABLE = { code: 'service_unavailable' }
const TASK_ID = '00000000-0000-7000-8000-000000000001'

async function withAccounts(
  test: TestDatabase,
  work: (pool: AccountPool, accounts: Kysely<Tables>) => Promise<void>,
): Promise<void> {
  const pool = new AccountPool(test.connector)
  const db = new Kysely<Tables>({ dialect: accountDialect(pool) }).withSchema('todo_auth')
  try {
    await work(pool, db)
  } finally {
    await pool.close()
  }
}

const nothing = (text: string) => ({ text, values: [], read: () => undefined })

for (const kind of KINDS) {
  describe(`the accounts' tables on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      test = await openTestDatabase(kind)
    })
    afterEach(() => test.admin('truncate todo_auth."user", todo.users cascade'))
    after(() => test.close())

    it('each role reaches its own schema and nothing of the other', async () => {
      await withAccounts(test, async (pool, accounts) => {
        await accounts.insertInto('user').values(person('alice')).execute()
        await test.database.asUser('alice', insertTask(TASK_ID, { title: 'x' }))
        assert.equal((await accounts.selectFrom('user').selectAll().execute()).length, 1)
        const own = await test.database.asUser(
          'alice',
          rawStatement('select title from todo.tasks'),
        )
        assert.deepEqual(own, [['x']])
        for (const table of ['todo.tasks', 'todo.users', 'todo_auth.deleted_user']) {
          await assert.rejects(pool.run(nothing(`select * from ${table}`)), { status: 500 }, table)
        }
        for (const table of [
          'user',
          'session',
          'account',
          'verification',
          'rate_limit',
          'deleted_user',
        ]) {
          for (const statement of [
            `select * from todo_auth."${table}"`,
            `delete from todo_auth."${table}"`,
          ]) {
            await assert.rejects(test.database.asUser('alice', rawStatement(statement)), {
              status: 500,
            })
          }
        }
      })
    })

    it('a failed statement takes its transaction with it, and the next is served', async () => {
      await withAccounts(test, async (_pool, accounts) => {
        const insert = accounts.transaction().execute(async (transaction) => {
          await transaction.insertInto('user').values(person('one')).execute()
          const twice = { ...person('two'), email: 'one@example.com' }
          await transaction.insertInto('user').values(twice).execute()
        })
        await assert.rejects(insert, { code: 'conflict' })
        assert.deepEqual(await accounts.selectFrom('user').selectAll().execute(), [])
        await accounts.insertInto('user').values(person('one')).execute()
      })
    })

    it('the role ends with its statement: nothing of it is left on the connection', async () => {
      await withAccounts(test, async (pool) => {
        const client = await pool.connect()
        const role = { text: 'select current_user as role', values: [] }
        const { rows: before } = await client.query(role.text)
        const { rows: within } = await pool.use(client, () => query(client, role), false)
        const { rows: after } = await client.query(role.text)
        client.release()
        assert.deepEqual(within, [{ role: 'todo_accounts' }])
        assert.deepEqual(after, before)
        assert.notDeepEqual(before, within)
      })
    })

    it('a transaction that reads holds no connection, and shows no half of itself', async () => {
      await withAccounts(test, async (_pool, accounts) => {
        const list = listTasks({ limit: 5 })
        await accounts.transaction().execute(async (transaction) => {
          await transaction.selectFrom('user').selectAll().execute()
          // On the embedded database this would wait for the transaction, if it had begun.
          await test.database.asUser('bob', list)
          await transaction.insertInto('user').values(person('one')).execute()
          const other = accounts.selectFrom('user').select('id').execute()
          if (kind === 'postgres') assert.deepEqual(await other, [])
          return { other }
        })
        assert.equal((await accounts.selectFrom('user').selectAll().execute()).length, 1)
      })
    })

    it('a transaction that is never ended is rolled back after 3 s, and no user waits longer', async (context) => {
      const { timers } = context.mock
      await withAccounts(test, async (_pool, accounts) => {
        timers.enable({ apis: ['setTimeout'] })
        let found: unknown[] = []
        const forgotten = accounts.transaction().execute(async (transaction) => {
          const find = () => transaction.selectFrom('user').selectAll().execute()
          await transaction.insertInto('user').values(person('one')).execute()
          const tasks = test.database.asUser('bob', listTasks({ limit: 5 }))
          timers.tick(2_999)
          found = await find()
          timers.tick(1)
          await assert.rejects(find(), UNAVAILABLE)
          await tasks
        })
        await assert.rejects(forgotten, UNAVAILABLE)
        assert.equal(found.length, 1)
        timers.reset()
        assert.deepEqual(await accounts.selectFrom('user').selectAll().execute(), [])
      })
    })

    it('of an account and its first task at once, nothing outlives the account', async () => {
      await withAccounts(test, async (_pool, accounts) => {
        for (let round = 0; round < 20; round += 1) {
          const id = `user-${round}`
          await accounts.insertInto('user').values(person(id)).execute()
          const insert = (task: string) =>
            test.database.asUser(id, insertTask(task, { title: 'x' })).then(
              () => 201,
              ({ status }) => status,
            )
          const tasks = Array.from({ length: 4 }, () => insert(crypto.randomUUID()))
          await accounts.deleteFrom('user').where('id', '=', id).execute()
          for (const status of await Promise.all(tasks)) assert.ok([201, 401, 503].includes(status))
          assert.equal(await insert(TASK_ID), 401)
        }
        assert.deepEqual(await test.admin('select * from todo.users'), [])
        assert.deepEqual(await test.admin('select * from todo.tasks'), [])
      })
    })
  })
}

describe('the embedded database', () => {
  it('lets no transaction begin for a connection that left while it waited', async () => {
    const folder = await embeddedFolder('migrated')
    const thread = await PgliteThread.start(join(folder, 'database'))
    const message = (text: string) => {
      const body = Buffer.from(`${text}\0`)
      const head = Buffer.alloc(5)
      head.write('Q')
      head.writeInt32BE(body.length + 4, 1)
      return Buffer.concat([head, body])
    }
    const [one, two, three] = [{}, {}, {}]
    await thread.exchange(one, message('begin'))
    const waiting = thread.exchange(two, message('begin'))
    const behind = thread.exchange(three, message('select 1'))
    await thread.leave(two)
    await thread.exchange(one, message('commit'))
    await assert.rejects(waiting, /ended before its statement began/)
    assert.ok((await behind).length > 0)
    await thread.close()
  })
})

describe('the accounts’ tables', () => {
  it('are what this version of Better Auth expects, but for the keys it is not asked for', async () => {
    const test = await openTestDatabase('postgres')
    const { betterAuth } = await import('better-auth')
    const { jwt } = await import('better-auth/plugins/jwt')
    const { PostgresDialect } = await import('kysely')
    const { Pool } = await import('pg')
    const pool = new Pool(test.connector.direct)
    pool.on('error', () => {}) // the database is dropped while its last session ends
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
    const { options } = betterAuth({
      database: { db, type: 'postgres', schemaName: 'todo_auth' },
      plugins: [jwt()],
      telemetry: { enabled: false },
    })
    const { toBeAdded, toBeCreated } = await getMigrations(options)
    assert.deepEqual([toBeAdded, toBeCreated.map(({ table }) => table)], [[], ['jwks']])
    await pool.end()
    await test.close()
  })

  it('delete an account with its tasks where the owner of the tables is no superuser, too', async () => {
    const { url, drop } = await emptyPostgres()
    const name = `owner_${Date.now().toString(36)}`
    const database = new URL(url).pathname.slice(1)
    await asServerAdmin(url, `create role ${name} login password 'x' createrole nobypassrls`)
    await asServerAdmin(url, `alter database ${database} owner to ${name}`)
    for (const role of ['todo_user', 'todo_accounts']) {
      await asServerAdmin(url, `grant ${role} to ${name} with admin option`).catch(() => undefined)
    }
    const login = new URL(url)
    login.username = name
    login.password = 'x'
    const served = await startServer(login.href)
    const { asUser } = served
    await asServerAdmin(
      url,
      `insert into todo_auth."user" (id, name, email, "emailVerified") values ('alice', 'x', 'a@b.c', true)`,
    )
    await asUser('alice', insertTask(TASK_ID, { title: 'x' }))
    await asUser('bob', insertTask(TASK_ID, { title: 'x' }))
    await withDirectClient({ connectionString: login.href }, async (client) => {
      await client.query(`select set_config('app.user_id', 'bob', false)`)
      await client.query(`delete from todo_auth."user" where id = 'alice'`)
      const { rows } = await client.query(`select current_setting('app.user_id') as scope`)
      assert.deepEqual(rows, [{ scope: 'bob' }])
    })
    await assert.rejects(asUser('alice', findTask(TASK_ID)), { code: 'unauthorized' })
    assert.match(String((await asUser('bob', findTask(TASK_ID)))?.json), /"user_id":"bob"/)
    const left = await withDirectClient({ connectionString: url }, (client) =>
      client.query('select user_id from todo.tasks'),
    )
    assert.deepEqual(left.rows, [{ user_id: 'bob' }])
    await served.close()
    await drop()
    await asServerAdmin(new URL('/postgres', url).href, `drop role ${name}`)
  })
})
