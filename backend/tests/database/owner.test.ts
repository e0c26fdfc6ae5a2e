import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { connect, openConnector } from '../../src/database/connect.ts'
import { migrate, readMigrations } from '../../src/database/migrate/migrate.ts'
import { forgetExpiredKeys } from '../../src/models/tasks/once.ts'
import { purgeExpired } from '../../src/models/tasks/trash.ts'
import {
  asServerAdmin,
  giveAll,
  KINDS,
  openTestDatabase,
  rawStatement,
  type TestDatabase,
} from '../support/databases.ts'

const FUNCTION = 'todo.forget_expired_keys(integer)'
const PURGE = 'todo.purge_tasks(integer, integer)'
/** Each leaves a role's name in the policy that is not the owner's, or the function without its rows. */
const CHANGES: [what: string, sql: (a: string, b: string) => string][] = [
  ['everything', (a) => giveAll(a)],
  [
    'everything, from one role to another',
    (a, b) => `${giveAll(a)};
      alter policy expired_keys on todo.idempotency_keys to ${a};
      reassign owned by ${a} to ${b}`,
  ],
  [
    'the table and the function',
    (a) =>
      `alter table todo.idempotency_keys owner to ${a}; alter function ${FUNCTION} owner to ${a}`,
  ],
  ['the table', (a) => `alter table todo.idempotency_keys owner to ${a}`],
  ['the table of tasks', (a) => `alter table todo.tasks owner to ${a}`],
  ['the other function', (a) => `alter function ${PURGE} owner to ${a}`],
  ['the function', (a) => `alter function ${FUNCTION} owner to ${a}`],
  [
    'the table, and the function to a third',
    (a, b) =>
      `alter table todo.idempotency_keys owner to ${a}; alter function ${FUNCTION} owner to ${b}`,
  ],
]

async function withRoles(
  test: TestDatabase,
  work: (a: string, b: string) => Promise<void>,
  close = () => test.close(),
): Promise<void> {
  const unique = randomUUID().replaceAll('-', '')
  const [a, b] = [`a_${unique}`, `b_${unique}`]
  // Roles are the server's, and outlive the database.
  const url = test.config.kind === 'postgres' ? new URL(test.config.url) : undefined
  if (url) url.pathname = '/postgres'
  try {
    await test.admin(`create role ${a} login password 'x'; create role ${b} login password 'x'`)
    await work(a, b)
  } finally {
    await close()
    if (url) await asServerAdmin(url.href, `drop role ${a}, ${b}`)
  }
}

/** Two users' keys, two of each expired. */
async function fill(test: TestDatabase): Promise<void> {
  await test.admin(`insert into todo.users (id) values ('alice'), ('bob')`)
  await test.admin(
    `insert into todo.idempotency_keys (user_id, key, request_hash, answer, created_at)
     select u, n, '', '', now() - n * interval '23 hours' from generate_series(1, 3) n, unnest(array['alice', 'bob']) u`,
  )
  await test.admin(
    `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq, deleted_at)
     select u, gen_random_uuid(), 'x', false, now(), now(), n, now() - n * interval '40 days'
     from generate_series(0, 1) n, unnest(array['alice', 'bob']) u`,
  )
}

async function assertForgotten(test: TestDatabase): Promise<void> {
  assert.equal(await test.database.asUser('carol', forgetExpiredKeys(500)), 4)
  const keys = rawStatement('select user_id, key from todo.idempotency_keys')
  assert.deepEqual(await test.database.asUser('alice', keys), [['alice', '1']])
  assert.deepEqual(await test.database.asUser('bob', keys), [['bob', '1']])
  assert.deepEqual(await test.database.asUser('carol', keys), [])
  // The text of the one that has expired is overwritten, and its row is deleted.
  assert.equal(await test.database.asUser('carol', purgeExpired(30, 500)), 4)
  const tasks = rawStatement('select user_id, seq from todo.tasks')
  assert.deepEqual(await test.database.asUser('alice', tasks), [['alice', '0']])
  assert.deepEqual(await test.database.asUser('carol', tasks), [])
}

for (const kind of KINDS) {
  describe(`after a change of owner on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      test = await openTestDatabase(kind)
    })
    after(() => test.close())
    /** Gives everything back to the login, as the migrations made it. */
    const restore = async () => {
      await test.admin(`${giveAll('current_user')}; truncate todo.users cascade`)
      await migrate(test.connector)
    }

    for (const [what, change] of CHANGES) {
      it(`a start lets the expired keys of all users be deleted: ${what}`, async () => {
        const work = async (a: string, b: string) => {
          await fill(test)
          await test.admin(change(a, b))
          assert.deepEqual(await migrate(test.connector), [])
          await assertForgotten(test)
          assert.deepEqual(await migrate(test.connector), [])
        }
        await withRoles(test, work, restore)
      })
    }
  })
}

describe('a login that is not the owner', () => {
  it('migrates and serves as a member of the owner, which inherits nothing', async () => {
    const test = await openTestDatabase('postgres')
    await withRoles(test, async (owner, member) => {
      await fill(test)
      await test.admin(giveAll(owner))
      // From PostgreSQL 16 on the membership says whether it inherits, before that the role.
      await test.admin(`alter role ${member} noinherit`)
      await test.admin(`grant ${owner}, todo_user, todo_accounts to ${member} with inherit false`)
      const url = new URL(test.config.kind === 'postgres' ? test.config.url : '')
      url.username = member
      url.password = 'x'
      const database = { kind: 'postgres', url: url.href, directUrl: url.href } as const
      const connector = await openConnector({ database, poolMax: 1, accounts: null })
      const later = { name: '9000_later.sql', sql: 'create table todo.later (n int)', sha256: '' }

      await migrate(connector, [...(await readMigrations()), later])
      const owners = await test.admin(
        `select distinct tableowner as name from pg_tables where schemaname = 'todo'`,
      )
      assert.deepEqual(owners, [{ name: owner }])
      await connector.close()
      await assertForgotten(test)
    })
  })

  it('says what to run when it may not mend what a change of owner left behind', async () => {
    const test = await openTestDatabase('postgres')
    await withRoles(test, async (owner, reader) => {
      await test.admin(`alter table todo.idempotency_keys owner to ${owner}`)
      await test.admin(
        `grant usage on schema todo to ${reader}; grant select on todo.migrations to ${reader}`,
      )
      const url = new URL(test.config.kind === 'postgres' ? test.config.url : '')
      url.username = reader
      url.password = 'x'
      const database = { kind: 'postgres', url: url.href, directUrl: url.href } as const
      const connector = await connect({ database, poolMax: 1 })
      await assert.rejects(migrate(connector), {
        name: 'MigrationError',
        message: /Run as a superuser: alter table todo\.idempotency_keys owner to \w+/,
      })
    })
  })
})
