import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type PostgresServer,
  startPostgres,
  startPostgresToBreak,
} from '../../../scripts/postgres.ts'
import { loadConfig } from '../../src/core/config/config.ts'
import { openConnector, type Patience } from '../../src/database/connect.ts'
import { asServerAdmin, emptyPostgres } from '../support/databases.ts'

const ACCOUNTS = loadConfig({ BETTER_AUTH_SECRET: 'x'.repeat(32) }).accounts

/** One attempt, however slow. */
const ONCE: Patience = { patienceMs: 0 }

const open = (url: string, tell: (line: string) => void = () => {}, patience = ONCE) =>
  openConnector(
    { database: { kind: 'postgres', url, directUrl: url }, poolMax: 1, accounts: null },
    tell,
    patience,
  )

/** The address of another database of the same server. */
function at(url: string, name: string, login?: [user: string, password: string]): string {
  const other = new URL(url)
  other.pathname = `/${name}`
  if (login) [other.username, other.password] = login
  return other.href
}

async function assertReadOnly(url: string): Promise<void> {
  await assert.rejects(
    open(url),
    /^Error: The database is read-only: cannot execute .*Set DATABASE_URL to the primary/,
  )
}

describe('a database that is away at start', () => {
  it('is tried again until the patience ends, with one line for each reason', async () => {
    const lines: string[] = []
    await assert.rejects(
      open('postgres://u:p@127.0.0.1:1/d', (line) => lines.push(line), {
        patienceMs: 500,
        retryMs: 50,
      }),
      /^Error: The database could not be reached for 0.5 s: .*ECONNREFUSED.*Check DATABASE_URL/,
    )
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^The database is unreachable .*trying again for up to 0.5 s/)
  })
})

describe('a database that is read-only at start', () => {
  for (const state of ['empty', 'migrated']) {
    it(`is reported as such, and not as away, when it is ${state}`, async () => {
      const { url, drop } = await emptyPostgres()
      try {
        if (state === 'migrated') await (await open(url)).close()
        const name = new URL(url).pathname.slice(1)
        const server = at(url, 'postgres')
        await asServerAdmin(server, `alter database ${name} set default_transaction_read_only = on`)
        await assertReadOnly(url)
      } finally {
        await drop()
      }
    })
  }

  it('is a standby', async () => {
    const folder = await mkdtemp(join(process.env.TEST_CLUSTER ?? tmpdir(), 'todo-standby-'))
    const server = await startPostgresToBreak({ settings: ['fsync=off'], folder })
    try {
      await (await open(server.url)).close()
      await server.end('SIGINT')
      await writeFile(join(folder, 'data', 'standby.signal'), '')
      await server.start()
      await assertReadOnly(server.url)
    } finally {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('a start that the database refuses', () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres('fsync=off')
    await asServerAdmin(
      server.url,
      `create role weak login password 'x'; create role barred nologin password 'x';
       create role crowded login password 'x' connection limit 0; create role stranger login password 'x'`,
    )
    for (const name of ['mine', 'theirs', 'served']) {
      await asServerAdmin(server.url, `create database ${name}`)
    }
    await asServerAdmin(server.url, 'alter database mine owner to weak')
  })
  after(() => server.stop())

  const refused: [why: string, database: string, login: [string, string], says: RegExp][] = [
    [
      'a login that may not create roles',
      'mine',
      ['weak', 'x'],
      /"weak", which lacks privileges\. Run as a superuser in the database "mine": create role todo_user nologin; create role todo_accounts nologin; grant todo_user, todo_accounts to "weak" with inherit false, set true$/,
    ],
    [
      'a database where the login may not create',
      'theirs',
      ['weak', 'x'],
      /: grant create on database "theirs" to "weak"; create role todo_user nologin; .*; grant todo_user, todo_accounts to "weak"/,
    ],
    [
      'a wrong password',
      'mine',
      ['weak', 'y'],
      /refused: password authentication failed for user "weak"\. Set the user and the password/,
    ],
    [
      'a role that may not log in',
      'mine',
      ['barred', 'x'],
      /refused: role "barred" is not permitted to log in\..*alter role/,
    ],
    [
      'a database that is not there',
      'nowhere',
      ['weak', 'x'],
      /refused: database "nowhere" does not exist\. Create it/,
    ],
    [
      'no connection left',
      'mine',
      ['crowded', 'x'],
      /^The database has no connection left for 0 s: too many connections for role.*DATABASE_POOL_MAX/,
    ],
  ]
  for (const [why, database, login, says] of refused) {
    it(`says why, and what to do: ${why}`, async () => {
      await assert.rejects(open(at(server.url, database, login)), { message: says })
    })
  }

  it('says what a login needs that did not migrate', async () => {
    const url = at(server.url, 'served')
    await (await open(url)).close()
    const weak = at(server.url, 'served', ['stranger', 'x'])
    const rights = await openRights(weak)
    assert.deepEqual(rights, [
      'grant usage on schema todo to "stranger"',
      'grant select on todo.migrations to "stranger"',
      'grant todo_user to "stranger" with inherit false, set true',
    ])
    for (const statement of rights) await asServerAdmin(url, statement)
    await (await open(weak)).close()
  })

  it('says at once what two logins need, and the statements are enough', async () => {
    await asServerAdmin(
      server.url,
      `create role migrates login password 'x'; create role serves login password 'x'`,
    )
    await asServerAdmin(server.url, 'create database "two Logins"')
    const [directUrl, url] = ['migrates', 'serves'].map((name) =>
      at(server.url, 'two%20Logins', [name, 'x']),
    )
    assert.ok(directUrl && url)
    const options = { poolMax: 1, accounts: ACCOUNTS }
    const start = () =>
      openConnector({ ...options, database: { kind: 'postgres', url, directUrl } }, () => {}, ONCE)
    const statements = await missingOf(start())
    assert.deepEqual(statements, [
      'grant create on database "two Logins" to "migrates"',
      'grant todo_user, todo_accounts to "migrates" with inherit false, set true',
      'grant todo_user, todo_accounts to "serves" with inherit false, set true',
    ])
    const admin = at(server.url, 'two%20Logins')
    for (const statement of statements) await asServerAdmin(admin, statement)
    await (await start()).close()
  })
})

describe('a start on a migrated database whose logins lost rights', () => {
  let server: PostgresServer
  let start: () => Promise<Awaited<ReturnType<typeof openConnector>>>
  const admin = (sql: string) => asServerAdmin(at(server.url, 'lost'), sql)

  before(async () => {
    server = await startPostgres('fsync=off')
    await asServerAdmin(server.url, `create role makes login createrole password 'x'`)
    await asServerAdmin(server.url, 'create database lost owner makes')
    await (await open(at(server.url, 'lost', ['makes', 'x']))).close()
    await admin(`create role keeps login password 'x'; create role serves login password 'x';
      grant todo_user, todo_accounts to serves with inherit false, set true`)
    const [directUrl = '', url = ''] = ['keeps', 'serves'].map((name) =>
      at(server.url, 'lost', [name, 'x']),
    )
    const database = { kind: 'postgres', url, directUrl } as const
    start = () => openConnector({ database, poolMax: 1, accounts: ACCOUNTS }, () => {}, ONCE)
  })
  after(() => server.stop())

  it('lists all of them, also those of a login that cannot connect', async () => {
    await admin('revoke connect on database lost from public; revoke todo_accounts from serves')
    const expected = [
      'grant connect on database "lost" to "keeps"',
      'grant connect on database "lost" to "serves"',
    ]
    assert.deepEqual(await missingOf(start()), expected)
    await admin('grant connect on database lost to keeps')
    const statements = await missingOf(start())
    assert.deepEqual(statements, [
      'grant connect on database "lost" to "serves"',
      'grant usage on schema todo to "keeps"',
      'grant select on todo.migrations to "keeps"',
      'grant todo_accounts to "serves" with inherit false, set true',
    ])
    for (const statement of statements) await admin(statement)
    await (await start()).close()
  })

  it('names only the logins that lack some', async () => {
    await admin('revoke todo_user from serves')
    await assert.rejects(
      start(),
      /^RightsError: The database refuses to serve "serves", which lacks /,
    )
    await admin('grant todo_user to serves with inherit false, set true')
    await admin('revoke usage on schema todo from keeps; revoke todo_user from serves')
    await assert.rejects(start(), /refuses to serve "keeps" and "serves", which lack privileges\./)
    await admin('grant usage on schema todo to keeps')
    await admin('grant todo_user to serves with inherit false, set true')
  })

  it('has the owner for a login that must migrate and is not', async () => {
    const name = '0018_%'
    await admin(`create table public.kept as select * from todo.migrations where name like '${name}';
      delete from todo.migrations where name like '${name}'`)
    assert.deepEqual(await missingOf(start()), [
      'grant "makes" to "keeps" with inherit false, set true',
    ])
    await assert.rejects(start(), / Run npm run migrate as "makes"\. Or run as a superuser in /)
    await admin('insert into todo.migrations select * from public.kept; drop table public.kept')
    await (await start()).close()
  })

  it('lists all privileges that the roles of users lack, and the statements are enough', async () => {
    await admin(`revoke usage on schema todo from todo_user; revoke select on todo.tasks from todo_user;
      revoke usage on schema todo_auth from todo_accounts`)
    const { message } = await start().then(
      () => assert.fail('it started'),
      (error: Error) => error,
    )
    const [, statements = ''] =
      /^3 privileges .* npm run migrate, .* Or run: (.*)$/.exec(message) ?? []
    assert.match(statements, /grant usage on schema todo to todo_user/, message)
    await admin(statements)
    await (await start()).close()
  })
})

/** @returns the statements of the refusal. */
async function missingOf(start: Promise<unknown>): Promise<string[]> {
  const reason = await start.then(
    () => assert.fail('it started'),
    (error: Error) => error,
  )
  assert.equal(reason.name, 'RightsError')
  return (/: (.*)$/.exec(reason.message)?.[1] ?? '').split('; ')
}

const openRights = (url: string) => missingOf(open(url))
