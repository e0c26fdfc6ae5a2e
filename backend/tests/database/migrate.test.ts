import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { after, afterEach, before, describe, it } from 'node:test'
import type { QueryConfig } from 'pg'
import { startPostgres } from '../../../scripts/postgres.ts'
import { connect } from '../../src/database/connect.ts'
import type { Connector } from '../../src/database/connector.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import {
  type Migration,
  migrate,
  queriesOf,
  readMigrations,
} from '../../src/database/migrate/migrate.ts'
import {
  asServerAdmin,
  embeddedFolder,
  emptyPostgres,
  KINDS,
  type Kind,
  openMigrated,
} from '../support/databases.ts'
import { run } from '../support/process.ts'

async function openEmpty(kind: Kind) {
  const { url, drop } = kind === 'postgres' ? await emptyPostgres() : await emptyFolder()
  const database =
    kind === 'postgres'
      ? ({ kind, url, directUrl: url } as const)
      : ({ kind, directory: url } as const)
  return { connector: await connect({ database, poolMax: 2 }), url, drop }
}

async function emptyFolder(): Promise<{ url: string; drop(): Promise<void> }> {
  const folder = await embeddedFolder('empty')
  return { url: folder, drop: () => rm(folder, { recursive: true }) }
}

/** Gives a database to `work`, and removes it. */
async function withDatabase<Opened extends { connector: Connector; drop(): Promise<void> }>(
  opening: Promise<Opened>,
  work: (opened: Opened) => Promise<void>,
) {
  const opened = await opening
  try {
    await work(opened)
  } finally {
    await opened.connector.close()
    await opened.drop()
  }
}

const migration = (name: string, sql: string): Migration => ({
  name,
  sql,
  sha256: createHash('sha256').update(sql).digest('hex'),
})

const query = (connector: Connector, text: string) =>
  withDirectClient(connector.direct, async (client) => (await client.query(text)).rows)

for (const kind of KINDS) {
  describe(`migrations on ${kind}`, () => {
    let connector: Connector
    let drop: () => Promise<void>
    let known: Migration[]
    let applied: string[]
    before(async () => {
      ;({ connector, drop } = await openEmpty(kind))
      known = await readMigrations()
      applied = await migrate(connector)
    })
    // The next test finds the database as this version migrates it.
    afterEach(() => query(connector, `delete from todo.migrations where name > '9'`))
    after(async () => {
      await connector.close()
      await drop()
    })

    it('from empty, then nothing to do', async () => {
      const names = known.map(({ name }) => name)
      assert.deepEqual(applied, names)
      assert.deepEqual(await migrate(connector), [])
      const rows = await query(connector, 'select name from todo.migrations order by name')
      assert.deepEqual(
        rows.map(({ name }) => name),
        names,
      )
    })

    it('a changed applied file stops the start and says so', async () => {
      const changed = known.map(({ name, sql }) => migration(name, `${sql}\n-- changed`))
      await assert.rejects(migrate(connector, changed), {
        name: 'MigrationError',
        message: /0001_tasks\.sql was changed after it was applied/,
      })
    })

    it('a database of a newer version is left alone', async () => {
      await migrate(connector, [...known, migration('9000_later.sql', 'select 1')])
      await assert.rejects(migrate(connector, known), {
        name: 'MigrationError',
        message: /9000_later\.sql, which this version does not know/,
      })
    })

    it('a migration that fails leaves nothing of itself, and those before it stay', async () => {
      const broken = migration('9000_broken.sql', 'create table todo.half (id int); select 1 / 0')
      await assert.rejects(migrate(connector, [...known, broken]), /division by zero/)
      const [row] = await query(
        connector,
        `select to_regclass('todo.half') as half, (select count(*)::int from todo.migrations) as applied`,
      )
      assert.deepEqual(row, { half: null, applied: known.length })
      const mended = migration('9000_broken.sql', 'create table todo.half (id int)')
      assert.deepEqual(await migrate(connector, [...known, mended]), ['9000_broken.sql'])
    })

    it('gives a copy of a database a new epoch, and the same one keeps its own', async () => {
      const epoch = async () => (await query(connector, 'select epoch from todo.feed'))[0]?.epoch
      const first = await epoch()
      await migrate(connector)
      assert.equal(await epoch(), first)
      // A dump has the number and the origin of the database that it was made of. A new cluster may give the same number.
      let last = first
      for (const brought of [
        'database = 1',
        `origin = '1' || origin`,
        `origin = replace(origin, '/00000001/', '/00000002/')`,
        `origin = origin || '1'`,
        'origin = null',
      ]) {
        await query(connector, `update todo.feed set ${brought}`)
        await migrate(connector)
        assert.notEqual(await epoch(), last, brought)
        last = await epoch()
        await migrate(connector)
        assert.equal(await epoch(), last, brought)
      }
    })
  })
}

describe('migrations at once with others', () => {
  const later = migration('9000_later.sql', 'select 1')

  it('no advisory lock blocks a start', async () => {
    await withDatabase(openEmpty('postgres'), async ({ connector }) => {
      const known = await readMigrations()
      await withDirectClient(connector.direct, async (stranger) => {
        // The number that versions before this one locked, as one key and as two.
        await stranger.query('select pg_advisory_lock(7061997215)')
        await stranger.query('select pg_advisory_lock(1, 2)')
        await migrate(connector, known, { lockWaitMs: 500 })
        assert.deepEqual(await migrate(connector, [...known, later], { lockWaitMs: 500 }), [
          later.name,
        ])
      })
    })
  })

  it('a start with nothing to apply waits for nobody', async () => {
    await withDatabase(openMigrated('postgres', 2), async ({ connector }) => {
      const known = await readMigrations()
      await withDirectClient(connector.direct, async (other) => {
        await other.query('begin')
        await other.query('lock table todo.migrations in exclusive mode')
        assert.deepEqual(await migrate(connector, known, { lockWaitMs: 1 }), [])
        await other.query('rollback')
      })
    })
  })

  it('a start waits for one that is migrating, and then finds its work done', async () => {
    await withDatabase(openMigrated('postgres', 2), async ({ connector }) => {
      const known = await readMigrations()
      await withDirectClient(connector.direct, async (other) => {
        await other.query('begin')
        await other.query('lock table todo.migrations in exclusive mode')
        const waiting = migrate(connector, [...known, later])
        const blocked =
          'select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))'
        while ((await other.query(blocked)).rowCount === 0);
        await other.query('insert into todo.migrations (name, sha256) values ($1, $2)', [
          later.name,
          later.sha256,
        ])
        await other.query('commit')
        assert.deepEqual(await waiting, [])
      })
    })
  })

  it('a start says that another one is migrating when that takes too long', async () => {
    await withDatabase(openMigrated('postgres', 2), async ({ connector }) => {
      const known = await readMigrations()
      await withDirectClient(connector.direct, async (other) => {
        await other.query('begin')
        await other.query('lock table todo.migrations in exclusive mode')
        await assert.rejects(migrate(connector, [...known, later], { lockWaitMs: 50 }), {
          name: 'MigrationError',
          message: /Another start is migrating this database.* within 0\.05 s/,
        })
        await other.query('rollback')
      })
    })
  })

  it('a start says that a migration waits for a locked table, and leaves nothing of it', async () => {
    await withDatabase(openMigrated('postgres', 2), async ({ connector }) => {
      const known = await readMigrations()
      const blocked = migration('9000_blocked.sql', 'alter table todo.tasks add column x text')
      await withDirectClient(connector.direct, async (other) => {
        await other.query('begin')
        await other.query('lock table todo.tasks in access share mode')
        await assert.rejects(migrate(connector, [...known, blocked], { lockWaitMs: 50 }), {
          name: 'MigrationError',
          message: /9000_blocked\.sql waited 0\.05 s for a table/,
        })
        await other.query('rollback')
      })
      assert.deepEqual(await migrate(connector, [...known, blocked]), [blocked.name])
    })
  })
})

describe('a migration file', () => {
  it('is sent as one query per statement where lines separate them, and else as a whole', () => {
    assert.deepEqual(queriesOf({ sql: 'select 1;\n-- next\nselect 2;\n' }), [
      'select 1;\n',
      '\nselect 2;\n',
    ])
    assert.deepEqual(queriesOf({ sql: `select 1; -- next\nselect '\n -- next';\n` }).length, 1)
  })

  it('from 0005 on has one statement between two such lines', async () => {
    await withDatabase(openEmpty('postgres'), async ({ connector }) => {
      const known = await readMigrations()
      const released = known.filter(({ name }) => name < '0005')
      assert.equal(released.length, 4)
      await migrate(connector, released)
      await withDirectClient(connector.direct, async (client) => {
        for (const file of known.slice(released.length)) {
          for (const text of queriesOf(file)) {
            // The extended protocol takes one statement and no more.
            await client.query({ text, queryMode: 'extended' } as QueryConfig)
          }
        }
        const two = { text: 'select 1; select 2', queryMode: 'extended' } as QueryConfig
        await assert.rejects(client.query(two), { code: '42601' })
      })
    })
  })
})

describe('migrations', () => {
  it('a database that is not encoded in UTF8 is refused', async () => {
    const { url, drop } = await emptyPostgres(
      `encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'`,
    )
    const database = { kind: 'postgres', url, directUrl: url } as const
    const connector = await connect({ database, poolMax: 1 })
    await assert.rejects(migrate(connector), {
      name: 'MigrationError',
      message: /SQL_ASCII and must be in UTF8/,
    })
    await drop()
  })

  it('two processes at once apply each migration once', async () => {
    await withDatabase(openEmpty('postgres'), async ({ connector, url }) => {
      const runs = await Promise.all(
        Array.from({ length: 4 }, () => run('commands/migrate.ts', [], { DATABASE_URL: url })),
      )
      assert.deepEqual(new Set(runs.map(({ code }) => code)), new Set([0]))
      const applied = runs.flatMap(({ stdout }) => stdout.match(/\d{4}_[\w.]+\.sql/g) ?? [])
      const names = (await readMigrations()).map(({ name }) => name)
      assert.deepEqual(applied.sort(), names)
      const rows = await query(connector, 'select count(*)::int as count from todo.migrations')
      assert.deepEqual(rows, [{ count: (await readMigrations()).length }])
    })
  })

  it('two databases of one server are made at once, though they share their roles', async () => {
    const server = await startPostgres('fsync=off')
    try {
      const names = Array.from({ length: 6 }, (_, n) => `twin_${n}`)
      for (const name of names) await asServerAdmin(server.url, `create database ${name}`)
      const known = (await readMigrations()).map(({ name }) => name)
      const applied = await Promise.all(
        names.map((name) => {
          const url = new URL(server.url)
          url.pathname = `/${name}`
          return migrate({ direct: { connectionString: url.href } })
        }),
      )
      assert.deepEqual(applied, Array(names.length).fill(known))
    } finally {
      await server.stop()
    }
  })
})

for (const kind of KINDS) {
  describe(`the rows of older versions on ${kind}`, () => {
    let connector: Connector
    let drop: () => Promise<void>
    /** Applies those before this one. */
    const migrateTo = async (next: string) =>
      migrate(
        connector,
        (await readMigrations()).filter(({ name }) => name < next),
      )

    // The users of each version are others.
    before(async () => {
      ;({ connector, drop } = await openEmpty(kind))
      await migrateTo('0011')
      await query(connector, `insert into todo.users (id) values ('alice'), ('bob'), ('carol')`)
      await query(
        connector,
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at)
         select u, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n, false, now(), now()
         from generate_series(1, 3) n, (values ('alice'), ('bob')) users (u)`,
      )
      await query(
        connector,
        `insert into todo.idempotency_keys (user_id, key, request_hash, answer)
         select user_id, title, '', json_build_object('id', id)::text from todo.tasks`,
      )
      await migrateTo('0012')
      await query(connector, `insert into todo.users (id, seq) values ('dave', 2)`)
      await query(
        connector,
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         select 'dave', gen_random_uuid(), n, n = 2, '2026-01-01Z', '2026-01-02Z', n
         from generate_series(1, 2) n`,
      )
      await migrateTo('0013')
      await query(connector, `insert into todo.users (id, seq) values ('erin', 99), ('frank', 0)`)
      await query(
        connector,
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         select 'erin', ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'x', false, now(), '2026-01-02Z', n
         from generate_series(1, 70) n`,
      )
      await migrate(connector)
    })
    after(async () => {
      await connector.close()
      await drop()
    })

    it('before 0011: each task has a number, and each key its task', async () => {
      const numbers = await query(
        connector,
        `select user_id, string_agg(title || seq, ' ' order by id) as seen,
           (select seq::int from todo.users where id = user_id) as counter
         from todo.tasks where user_id < 'd' group by 1 order by 1`,
      )
      assert.deepEqual(numbers, [
        { user_id: 'alice', seen: '11 22 33', counter: 3 },
        { user_id: 'bob', seen: '11 22 33', counter: 3 },
      ])
      const [keys] = await query(
        connector,
        `select count(*)::int as found from todo.idempotency_keys k
         join todo.tasks t on t.user_id = k.user_id and t.id = k.task_id and t.title = k.key`,
      )
      assert.deepEqual(keys, { found: 6 })
    })

    it('before 0012: completed tasks have the time of their last change', async () => {
      const tasks = await query(
        connector,
        `select title, completed_at, updated_at, seq::int, priority, tags, due_at
         from todo.tasks where user_id = 'dave' order by title`,
      )
      const members = { priority: 0, tags: [], due_at: null, updated_at: new Date('2026-01-02Z') }
      assert.deepEqual(tasks, [
        { title: '1', seq: 1, completed_at: null, ...members },
        { title: '2', seq: 2, completed_at: new Date('2026-01-02Z'), ...members },
      ])
    })

    it('before 0013: tasks have the order of the list', async () => {
      const tasks = await query(
        connector,
        `select seq::int, updated_at, position from todo.tasks where user_id = 'erin' order by position, id`,
      )
      assert.deepEqual(
        tasks.map(({ seq }) => seq),
        Array.from({ length: 70 }, (_, at) => 70 - at),
      )
      assert.ok(tasks.every(({ updated_at }) => Number(updated_at) === Date.UTC(2026, 0, 2)))
      assert.deepEqual([tasks[0]?.position, tasks[69]?.position], ['Yzt', 'a0'])
      const users = await query(
        connector,
        `select seq::int, first_position from todo.users where id > 'e' order by id`,
      )
      assert.deepEqual(users, [
        { seq: 99, first_position: 'Yzt' },
        { seq: 0, first_position: null },
      ])
    })

    it('the walls stand again', async () => {
      const [walls] = await query(
        connector,
        `select bool_and(relrowsecurity and relforcerowsecurity) as forced,
           (select tgenabled from pg_trigger where tgname = 'refuse_unnumbered') as trigger
         from pg_class
         where oid in ('todo.tasks'::regclass, 'todo.users'::regclass, 'todo.idempotency_keys'::regclass)`,
      )
      assert.deepEqual(walls, { forced: true, trigger: 'O' })
    })
  })
}

it('migrates on a host that does not support the functions of the log, and keeps the epoch', async () => {
  await withDatabase(openMigrated('postgres', 2), async ({ connector }) => {
    const feed = async () => (await query(connector, 'select epoch, origin from todo.feed'))[0]
    const first = await feed()
    // Amazon Aurora has these functions, and they fail (nagios-plugins/nagios-plugins#542).
    await query(
      connector,
      `set allow_system_table_mods = on;
       delete from pg_proc where proname = 'pg_current_wal_lsn';
       create function pg_catalog.pg_current_wal_lsn() returns pg_lsn language plpgsql
         as $$ begin raise feature_not_supported; end $$`,
    )
    await migrate(connector)
    assert.deepEqual(await feed(), first)
    await query(connector, 'update todo.feed set database = 1')
    await migrate(connector)
    const { epoch, origin } = (await feed()) ?? {}
    assert.equal(origin, null)
    assert.notEqual(epoch, first?.epoch)
    await migrate(connector)
    assert.equal((await feed())?.epoch, epoch)
  })
})
