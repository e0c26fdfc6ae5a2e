import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startPostgres } from '../../../scripts/postgres.ts'
import { openConnector } from '../../src/database/connect.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { proveAccountsRole, proveWalls } from '../../src/database/walls/walls.ts'
import { forgetExpiredKeys } from '../../src/models/tasks/once.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import {
  asServerAdmin,
  KINDS,
  openTestDatabase,
  rawStatement,
  type TestDatabase,
} from '../support/databases.ts'

/** What breaks a wall, what mends it, and what the refusal says. */
const BROKEN: [what: string, broken: string, mended: string, says: RegExp][] = [
  [
    'row level security is off',
    'alter table todo.tasks disable row level security',
    'alter table todo.tasks enable row level security',
    /not enabled and forced on todo\.tasks/,
  ],
  [
    'it is not forced',
    'alter table todo.tasks no force row level security',
    'alter table todo.tasks force row level security',
    /not enabled and forced on todo\.tasks/,
  ],
  [
    'it is off for users',
    'alter table todo.users disable row level security',
    'alter table todo.users enable row level security',
    /not enabled and forced on todo\.users/,
  ],
  [
    'a policy lets everybody see',
    'create policy everybody on todo.tasks using (true)',
    'drop policy everybody on todo.tasks',
    /sees rows of todo\.tasks/,
  ],
  [
    'an unset user sees',
    `create policy unset on todo.tasks using (coalesce(current_setting('app.user_id', true), '') = '')`,
    'drop policy unset on todo.tasks',
    /without a user sees rows of todo\.tasks/,
  ],
  [
    'the own policy is gone',
    'alter policy own_tasks on todo.tasks using (false)',
    `alter policy own_tasks on todo.tasks using (user_id = nullif(current_setting('app.user_id', true), ''))`,
    /does not see exactly their own rows of todo\.tasks/,
  ],
  [
    'the role may truncate',
    'grant truncate on todo.tasks to todo_user',
    'revoke truncate on todo.tasks from todo_user',
    /may truncate todo\.tasks/,
  ],
  [
    'the role of tasks may look at accounts',
    'grant usage on schema todo_auth to todo_user',
    'revoke usage on schema todo_auth from todo_user',
    /todo_user has privileges in the schema todo_auth/,
  ],
  [
    'the role of tasks may read hashes',
    'grant select (password) on todo_auth.account to todo_user',
    'revoke select (password) on todo_auth.account from todo_user',
    /todo_user has privileges in the schema todo_auth/,
  ],
  [
    'the role of accounts may read tasks',
    'grant select on todo.tasks to todo_accounts',
    'revoke select on todo.tasks from todo_accounts',
    /todo_accounts has privileges in the schema todo/,
  ],
  [
    'a stranger owns a schema',
    'create role mallory; alter schema todo owner to mallory',
    'alter schema todo owner to current_user; drop role mallory',
    /schema todo belongs to the role mallory.*alter schema todo owner to/,
  ],
  [
    'a stranger owns the schema of accounts',
    'create role mallory; alter schema todo_auth owner to mallory',
    'alter schema todo_auth owner to current_user; drop role mallory',
    /schema todo_auth belongs to the role mallory/,
  ],
  [
    'a stranger owns a table',
    'create role mallory; alter table todo.users owner to mallory',
    'alter table todo.users owner to current_user; drop role mallory',
    /table todo\.users belongs to the role mallory.*alter table todo\.users owner to/,
  ],
  [
    'a stranger owns a function',
    'create role mallory; alter function todo_auth.forget_user() owner to mallory',
    'alter function todo_auth.forget_user() owner to current_user; drop role mallory',
    /todo_auth\.forget_user\(\) belongs to the role mallory/,
  ],
  [
    'a stranger may create in a schema',
    'create role mallory; grant create on schema todo to mallory',
    'revoke create on schema todo from mallory; drop role mallory',
    /role mallory may create in the schema todo.*revoke create on schema todo from mallory/,
  ],
  [
    'everybody may create in a schema',
    'grant create on schema todo_auth to public',
    'revoke create on schema todo_auth from public',
    /role public may create in the schema todo_auth/,
  ],
  [
    'another table of users is open to deletion',
    'create table todo.scratch (user_id text); grant delete on todo.scratch to todo_user',
    'drop table todo.scratch',
    /not enabled and forced on todo\.scratch/,
  ],
  [
    'another table of users is open to the role',
    'create table todo.scratch (user_id text); grant select on todo.scratch to todo_user',
    'drop table todo.scratch',
    /not enabled and forced on todo\.scratch/,
  ],
]

for (const kind of KINDS) {
  describe(`the proof of the walls on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      test = await openTestDatabase(kind)
    })
    after(() => test.close())

    const prove = () => proveWalls(test.connector)

    it('passes on a migrated database, and leaves nothing behind', async () => {
      await prove()
      assert.deepEqual(await test.admin('select * from todo.users'), [])
      assert.deepEqual(await test.admin('select * from todo.tasks'), [])
    })

    it('refuses to serve when a wall is down, and serves when it stands again', async () => {
      for (const [what, broken, mended, says] of BROKEN) {
        await test.admin(broken)
        await assert.rejects(prove(), { name: 'WallError', message: says }, what)
        await test.admin(mended)
        await prove()
      }
    })
  })
}

describe('the proof of the walls at start', () => {
  it('is made before anything is served, on every database', async () => {
    const test = await openTestDatabase('postgres')
    const options = { database: test.config, poolMax: 1, accounts: null }
    await (await openConnector(options)).close()
    await test.admin('create policy everybody on todo.tasks using (true)')
    await assert.rejects(openConnector(options), {
      name: 'WallError',
      message: /sees rows of todo\.tasks/,
    })
    await test.close()
  })
})

describe('the proof of the walls on the role', () => {
  // Roles are the whole server's, so this is not done to one that other tests share.
  it('refuses to serve when the role could go around the policies', async () => {
    const test = await openTestDatabase('pglite')
    for (const attribute of ['superuser', 'bypassrls', 'createrole']) {
      await test.admin(`alter role todo_user ${attribute}`)
      await assert.rejects(proveWalls(test.connector), {
        name: 'WallError',
        message: /superuser, may bypass/,
      })
      await test.admin(`alter role todo_user no${attribute}`)
      await proveWalls(test.connector)
    }
    await test.admin('alter table todo.tasks owner to todo_user')
    await assert.rejects(proveWalls(test.connector), { name: 'WallError', message: /owns a table/ })
    await test.close()
  })
})

describe('a login that is no superuser', () => {
  for (const [kind, rights] of [
    ['as on Neon', 'createrole bypassrls'],
    ['and is bound by the policies itself', 'createrole'],
  ]) {
    it(`makes and serves a database it owns, ${kind}`, async () => {
      const server = await startPostgres('fsync=off')
      try {
        await asServerAdmin(server.url, `create role owner login password 'x' ${rights}`)
        await asServerAdmin(server.url, 'create database owned owner owner')
        const url = new URL(server.url)
        url.pathname = '/owned'
        const admin = url.href
        url.username = 'owner'
        url.password = 'x'
        const config = { kind: 'postgres', url: url.href, directUrl: url.href } as const
        const connector = await openConnector({ database: config, poolMax: 2, accounts: null })
        const database = new PipelinedPool(connector)
        const count = rawStatement('select count(*) from todo.tasks')
        await database.asUser(
          'alice',
          insertTask('00000000-0000-7000-8000-000000000001', { title: 'x' }),
        )
        assert.deepEqual(await database.asUser('alice', count), [['1']])
        assert.deepEqual(await database.asUser('bob', count), [['0']])

        await asServerAdmin(
          admin,
          `insert into todo.idempotency_keys (user_id, key, request_hash, answer, created_at)
           select 'alice', n, '', '', now() - n * interval '23 hours' from generate_series(1, 3) n`,
        )
        assert.equal(await database.asUser('bob', forgetExpiredKeys(500)), 2)
        const keys = rawStatement('select key from todo.idempotency_keys')
        assert.deepEqual(await database.asUser('alice', keys), [['1']])
        await database.close()
      } finally {
        await server.stop()
      }
    })
  }

  it('refuses to serve when it may not take the role, and says what to grant', async () => {
    const test = await openTestDatabase('postgres')
    const { url } = test.config.kind === 'postgres' ? test.config : { url: '' }
    const name = `login_${Date.now().toString(36)}`
    await asServerAdmin(url, `create role ${name} login password 'x' nosuperuser noinherit`)
    const login = new URL(url)
    login.username = name
    login.password = 'x'
    const connector = { ...test.connector, pooled: { connectionString: login.href } }
    await assert.rejects(proveWalls(connector), {
      name: 'WallError',
      message: /grant todo_user to/,
    })
    await asServerAdmin(url, `grant todo_user to ${name}`)
    await proveWalls(connector)
    await assert.rejects(proveAccountsRole(connector), { message: /grant todo_accounts to/ })
    await asServerAdmin(url, `grant todo_accounts to ${name}`)
    await proveAccountsRole(connector)
    const seen = await withDirectClient(connector.pooled, async (client) => {
      await assert.rejects(client.query('select * from todo.tasks'), { code: '42501' })
      return true
    })
    assert.ok(seen)
    await asServerAdmin(url, `revoke todo_user, todo_accounts from ${name}`)
    await asServerAdmin(url, `drop role ${name}`)
    await test.close()
  })
})
