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
import { openConnector, type Patience } from '../../src/database/connect.ts'
import { asServerAdmin, emptyPostgres } from '../support/databases.ts'

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
    /^Error: The database is read-only for 0 s: cannot execute .*Set DATABASE_URL to the primary/,
  )
}

describe('a database that is away at start', () => {
  it('is tried again, with a line each time, until the patience ends', async () => {
    const lines: string[] = []
    await assert.rejects(
      open('postgres://u:p@127.0.0.1:1/d', (line) => lines.push(line), {
        patienceMs: 500,
        retryMs: 50,
      }),
      /^Error: The database could not be reached for 0.5 s: .*ECONNREFUSED.*Check DATABASE_URL/,
    )
    assert.ok(lines.length > 0)
    for (const line of lines) assert.match(line, /^The database is unreachable .*trying again/)
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

  it('is served once it can be written again', async () => {
    const { url, drop } = await emptyPostgres()
    try {
      const server = at(url, 'postgres')
      const name = new URL(url).pathname.slice(1)
      await asServerAdmin(server, `alter database ${name} set default_transaction_read_only = on`)
      let failover: Promise<void> | undefined
      const tell = (line: string) => {
        assert.match(line, /^The database is read-only \(.*\); trying again\. Set DATABASE_URL to/)
        failover ??= asServerAdmin(server, `alter database ${name} reset all`)
      }
      await (await open(url, tell, { retryMs: 5 })).close()
      assert.ok(failover)
      await failover
    } finally {
      await drop()
    }
  })

  it('is a standby', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'todo-standby-'))
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
      /refused: permission denied to create role.*CREATEROLE.*create role todo_user/,
    ],
    [
      'a database where the login may not create',
      'theirs',
      ['weak', 'x'],
      /refused: permission denied for database theirs\. Run as its owner: grant create/,
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
    await assert.rejects(open(weak), {
      message: /refused: permission denied for schema todo\..*grant select on todo\.migrations/,
    })
    await asServerAdmin(
      url,
      'grant usage on schema todo to stranger; grant select on todo.migrations to stranger',
    )
    await assert.rejects(open(weak), { message: /cannot assume the role todo_user: run "grant/ })
    await asServerAdmin(url, 'grant todo_user, todo_accounts to stranger')
    await (await open(weak)).close()
  })
})
