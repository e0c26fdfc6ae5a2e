import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { backUp } from '../../src/database/backup/backup-file.ts'
import { exportUser } from '../../src/database/backup/export-user.ts'
import { BackupError } from '../../src/database/backup/format.ts'
import { restoreBackup } from '../../src/database/backup/restore-backup.ts'
import { writeBackup } from '../../src/database/backup/write-backup.ts'
import { connect } from '../../src/database/connect.ts'
import type { Connector } from '../../src/database/connector.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { migrate, readMigrations } from '../../src/database/migrate/migrate.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { proveWalls } from '../../src/database/walls/walls.ts'
import { insertTaskOnce } from '../../src/models/tasks/once.ts'
import { findTask, insertTask, toggleTask } from '../../src/models/tasks/task.ts'
import {
  embeddedFolder,
  emptyPostgres,
  giveAll,
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

async function emptyTarget(kind: Kind): Promise<Connector> {
  if (kind === 'pglite') {
    const directory = await embeddedFolder('empty')
    return connect({ database: { kind, directory }, poolMax: 1 })
  }
  const { url } = await emptyPostgres()
  return connect({ database: { kind, url, directUrl: url }, poolMax: 1 })
}

const adminOf =
  ({ direct }: Connector): TestDatabase['admin'] =>
  (text, values = []) =>
    withDirectClient(direct, async (client) => (await client.query(text, values)).rows)

const FILLED = new Map<Kind, Promise<string>>()

/** The backup of a filled database, which is made once. No test changes the file. */
function backUpFilled(kind: Kind): Promise<string> {
  const made = FILLED.get(kind) ?? makeBackup(kind)
  FILLED.set(kind, made)
  return made
}

async function makeBackup(kind: Kind): Promise<string> {
  const test = await openTestDatabase(kind)
  await fill(test)
  const file = join(await testFolder(), 'a.backup')
  await backUp(test.connector, file, quiet)
  await test.close()
  return file
}

/** A copy of the file with other lines, and without a new checksum. */
async function withLines(file: string, change: (lines: string[]) => string[]): Promise<string> {
  const lines = gunzipSync(await readFile(file))
    .toString()
    .split('\n')
  const changed = `${file}-changed`
  await writeFile(changed, gzipSync(change(lines).join('\n')))
  return changed
}

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
        const reports: string[] = []
        const report = (table: string, count: number) => reports.push(`${table} ${count}`)
        assert.equal((await restoreBackup(target, file, report)).rows, rows)
        // While a table is restored, not only at its end.
        assert.deepEqual(
          reports.slice(0, 3),
          [1, 2, 3].map((n) => `todo.users ${n}`),
        )
        assert.deepEqual(await contentOf(adminOf(target)), before)
        await proveWalls(target)
        const pool = new PipelinedPool(target)
        await pool.asUser('alice', insertTask(taskId(7), { title: 'afterwards' }))
        await pool.close()
        await test.close()
      })
    }
  }

  for (const kind of KINDS) {
    it(`of the version before priorities is restored with their defaults, into ${kind}`, async () => {
      const older = await emptyTarget(kind)
      const all = await readMigrations()
      await migrate(
        older,
        all.filter(({ name }) => name < '0012'),
      )
      const id = taskId(1)
      await adminOf(older)(`insert into todo.users (id, seq) values ('alice', 1)`)
      await adminOf(older)(
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         values ('alice', $1, 'old', true, '2026-01-01Z', '2026-01-02Z', 1)`,
        [id],
      )
      const file = join(await testFolder(), 'an-older.backup')
      await backUp(older, file, quiet)
      await older.close()
      const target = await emptyTarget(kind)
      await restoreBackup(target, file, quiet)
      const pool = new PipelinedPool(target)
      const found = await pool.asUser('alice', findTask(id))
      await pool.close()
      assert.deepEqual(JSON.parse(found?.json ?? ''), {
        ...{ id, user_id: 'alice', title: 'old', description: null, completed: true },
        ...{ completed_at: '2026-01-02T00:00:00.000Z', priority: 'none', tags: [] },
        ...{ due_date: null, due_time: null, due_zone: null, due_at: null, position: 'a0' },
        ...{ recurrence: null, series_id: null, parent_id: null },
        ...{ created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-02T00:00:00.000Z' },
      })
    })
  }

  it('contains no sessions, codes or counters, which a restore must not bring back', async () => {
    const text = gunzipSync(await readFile(await backUpFilled('postgres'))).toString()
    assert.doesNotMatch(text, /todo_auth\.(session|verification|rate_limit)/)
    assert.match(text, /todo_auth\.deleted_user/)
  })

  it('is one snapshot, while users write', async () => {
    const test = await openTestDatabase('postgres')
    let writing = true
    let count = 0
    const write = async () => {
      while (writing) {
        count += 1
        const user = `user-${count}`
        await test.database.asUser(user, insertTask(taskId(count), { title: 'first' }))
        await test.database.asUser(user, insertTask(taskId(count + 1e6), { title: 'second' }))
      }
    }
    const writes = write()
    while (count < 20) await nextTurn()
    const file = join(await testFolder(), 'a.backup')
    const { byTable } = await backUp(test.connector, file, quiet)
    writing = false
    await writes
    assert.ok(count > 20)
    // No task without its user, and the sum is that of one moment.
    const rows = gunzipSync(await readFile(file))
      .toString()
      .split('\n')
      .flatMap((line) => (line.startsWith('{"user_id"') ? [JSON.parse(line)] : []))
    const first = new Set(
      rows.flatMap(({ user_id, title }) => (title === 'first' ? [user_id] : [])),
    )
    const second = rows.filter(({ title }) => title === 'second')
    assert.equal(first.size, byTable.get('todo.users'))
    assert.ok(first.size - second.length <= 1)
    for (const { user_id } of second) assert.ok(first.has(user_id))
    await test.close()
  })

  for (const kind of KINDS) {
    it(`of ${kind} is refused where the owner cannot see all rows, and no other data is restored over them`, async () => {
      const file = await backUpFilled(kind)
      const target = await emptyTarget(kind)
      const known = await readMigrations()
      await migrate(
        target,
        known.filter(({ name }) => name < '0008'),
      )
      const admin = adminOf(target)
      await admin(`insert into todo.users (id) values ('dora')`)
      // An owner for whom the policies hold, unlike for a superuser.
      const owner = `owner_${randomUUID().replaceAll('-', '')}`
      await admin(`create role ${owner}`)
      await admin(
        `grant create on database ${kind === 'pglite' ? 'postgres' : (await admin('select current_database() as name'))[0]?.name} to ${owner}`,
      )
      await admin(giveAll(owner))
      const other = join(await testFolder(), 'b.backup')
      await assert.rejects(backUp(target, other, quiet), /cannot read all rows.*npm run migrate/)
      await assert.rejects(restoreBackup(target, file, quiet), /not empty: todo\.users has rows/)
      assert.deepEqual(await admin('select id from todo.users'), [{ id: 'dora' }])
      await target.close()
    })
  }

  it('does not depend on the settings of the login', async () => {
    const test = await openTestDatabase('postgres')
    await fill(test)
    const before = await contentOf(test.admin)
    const [{ name }] = (await test.admin('select current_database() as name')) as [{ name: string }]
    await test.admin(`create function public.to_char(timestamp, text) returns text
      language sql as $$ select 'forged' $$`)
    for (const setting of [
      'search_path = public, pg_catalog, todo',
      'row_security = off',
      `datestyle = 'SQL, DMY'`,
      `timezone = 'Asia/Kathmandu'`,
      `bytea_output = escape`,
      `transaction_timeout = '1s'`,
      `idle_in_transaction_session_timeout = '1s'`,
      // From here on nothing can be changed.
      'default_transaction_read_only = on',
    ]) {
      await test.admin(`alter database ${name} set ${setting}`)
    }
    const file = join(await testFolder(), 'a.backup')
    await backUp(test.connector, file, quiet)
    assert.doesNotMatch(gunzipSync(await readFile(file)).toString(), /forged/)
    const target = await emptyTarget('postgres')
    await restoreBackup(target, file, quiet)
    assert.deepEqual(await contentOf(adminOf(target)), before)
    await target.close()
    await test.close()
  })

  it('ends with the reason if the disk is full', async () => {
    const test = await openTestDatabase('postgres')
    await fill(test)
    const reason = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    const full = new Writable({ write: (_chunk, _encoding, done) => done(reason) })
    await assert.rejects(
      withDirectClient(test.connector.direct, (client) => {
        const zip = new PassThrough()
        pipeline(zip, full).catch(() => {})
        return writeBackup(client, zip, quiet)
      }),
      /ENOSPC/,
    )
    await test.close()
  })

  it('does not replace a file', async () => {
    const test = await openTestDatabase('pglite')
    const file = join(await testFolder(), 'a.backup')
    await writeFile(file, 'precious')
    await assert.rejects(backUp(test.connector, file, quiet), /exists already/)
    assert.equal(await readFile(file, 'utf8'), 'precious')
    await test.close()
  })

  it('that cannot be finished leaves no file', async () => {
    const test = await openTestDatabase('postgres')
    const folder = await testFolder()
    const broken = {
      direct: { ...test.connector.direct, database: 'nowhere', connectionString: undefined },
    }
    await assert.rejects(backUp(broken as never, join(folder, 'a.backup'), quiet))
    assert.deepEqual(await readdir(folder), [])
    await test.close()
  })
})

describe('a restore', () => {
  for (const kind of KINDS) {
    it(`into ${kind} at the same time as another leaves the rows of one`, async () => {
      const file = await backUpFilled(kind)
      const test = await openTestDatabase(kind)
      await test.database.asUser('erin', insertTask(taskId(5), { title: 'of another backup' }))
      const other = join(await testFolder(), 'b.backup')
      await backUp(test.connector, other, quiet)
      const target = await emptyTarget(kind)
      await migrate(target)
      const ends = await Promise.allSettled([
        restoreBackup(target, file, quiet),
        restoreBackup(target, other, quiet),
      ])
      const [refused, ...more] = ends.flatMap((end) => (end.status === 'rejected' ? [end] : []))
      assert.match(String(refused?.reason), /The database is not empty/)
      assert.deepEqual(more, [])
      const users = await adminOf(target)('select id from todo.users')
      assert.ok(users.length === 1 || users.every(({ id }) => id !== 'erin'))
      await target.close()
      await test.close()
    })
  }

  it('of a forged file writes to no other table or column', async () => {
    const file = await backUpFilled('postgres')
    const target = await emptyTarget('postgres')
    const forge = async (change: (header: Record<string, unknown>) => unknown) => {
      const lines = gunzipSync(await readFile(file))
        .toString()
        .split('\n')
        .slice(0, -2)
      const head = JSON.stringify(change(JSON.parse(lines[0] ?? '')))
      const content = `${[head, ...lines.slice(1)].join('\n')}\n`
      const sha256 = createHash('sha256').update(content).digest('hex')
      const rows = JSON.parse(
        gunzipSync(await readFile(file))
          .toString()
          .trimEnd()
          .split('\n')
          .at(-1) ?? '',
      ).rows
      const forged = `${file}-forged`
      const end = JSON.stringify({ end: 'todo-backend-backup', rows, sha256 })
      await writeFile(forged, gzipSync(`${content}${end}\n`))
      return forged
    }
    type Described = { table: string; columns: string[]; user_column: string | null }
    const described = (header: Record<string, unknown>) => header.tables as Described[]
    const changes: [(header: Record<string, unknown>) => unknown, RegExp][] = [
      [(h) => ({ ...h, tables: 'none' }), /damaged/],
      [
        (h) => ({
          ...h,
          tables: [...described(h), { table: 'todo.migrations', columns: [], user_column: null }],
        }),
        /does not fit the table todo\.migrations/,
      ],
      [
        (h) => ({
          ...h,
          tables: described(h).map((t) => ({ ...t, columns: [...t.columns, 'a"; drop table x'] })),
        }),
        /does not fit/,
      ],
      [
        (h) => ({
          ...h,
          tables: described(h).map((t) => ({ ...t, user_column: t.user_column && 'title' })),
        }),
        /does not fit/,
      ],
    ]
    for (const [change, reason] of changes) {
      await assert.rejects(restoreBackup(target, await forge(change), quiet), reason)
    }
    await restoreBackup(target, file, quiet)
    await target.close()
  })

  it('of a file that is cut or damaged changes nothing, and says so', async () => {
    const file = await backUpFilled('postgres')
    const whole = await readFile(file)
    const cut = `${file}-cut`
    const wrong: [string, string, RegExp][] = []
    for (const share of [0, 0.2, 0.5, 0.99]) {
      await writeFile(`${cut}-${share}`, whole.subarray(0, Math.floor(whole.length * share)))
      wrong.push([`cut at ${share}`, `${cut}-${share}`, /cut|empty/])
    }
    const flipped = Buffer.from(whole)
    flipped[Math.floor(whole.length / 2)] = (flipped[Math.floor(whole.length / 2)] ?? 0) ^ 1
    await writeFile(`${file}-flipped`, flipped)
    wrong.push(['a flipped bit', `${file}-flipped`, /damaged/])
    const texts: [string, (lines: string[]) => string[]][] = [
      ['a changed row', (lines) => lines.map((line) => line.replace('of alice', 'of mallory'))],
      ['a missing row', (lines) => lines.filter((line) => !line.includes('"once"'))],
      [
        'an additional row',
        (lines) => lines.flatMap((line) => (line.includes('"once"') ? [line, line] : [line])),
      ],
      ['lines after the end', (lines) => [...lines, '{}', '']],
    ]
    for (const [name, change] of texts)
      wrong.push([
        name,
        await withLines(file, change).then(async (made) => {
          const own = `${file}-${name.replaceAll(' ', '-')}`
          await rename(made, own)
          return own
        }),
        /damaged|goes on/,
      ])
    await writeFile(`${file}-other`, gzipSync('{"format":"other"}\n'))
    wrong.push(['another file', `${file}-other`, /not a backup/])
    await writeFile(`${file}-text`, 'hello')
    wrong.push(['a text', `${file}-text`, /damaged|not a backup/])
    const target = await emptyTarget('postgres')
    for (const [name, damaged, reason] of wrong) {
      await assert.rejects(restoreBackup(target, damaged, quiet), (error: Error) => {
        assert.ok(error instanceof BackupError, `${name}: ${error}`)
        assert.match(error.message, reason, name)
        return true
      })
    }
    // Nothing was changed, so the whole file can still be restored.
    assert.deepEqual(
      await adminOf(target)(`select from pg_namespace where nspname like 'todo%'`),
      [],
    )
    await restoreBackup(target, file, quiet)
    await target.close()
  })

  it('into a database with rows is refused', async () => {
    const file = await backUpFilled('pglite')
    for (const kind of KINDS) {
      const test = await openTestDatabase(kind)
      await test.database.asUser('carol', insertTask(taskId(1), { title: 'hers' }))
      await assert.rejects(
        restoreBackup(test.connector, file, quiet),
        /not empty: todo.users has rows/,
      )
      assert.deepEqual(await test.admin('select title from todo.tasks'), [{ title: 'hers' }])
      await test.close()
    }
  })

  it('of a newer version is refused', async () => {
    const file = await backUpFilled('postgres')
    const lines = gunzipSync(await readFile(file))
      .toString()
      .trimEnd()
      .split('\n')
    const header = JSON.parse(lines[0] ?? '')
    header.migrations.push('9999_later.sql')
    const body = `${[JSON.stringify(header), ...lines.slice(1, -1)].join('\n')}\n`
    const footer = {
      ...JSON.parse(lines.at(-1) ?? ''),
      sha256: createHash('sha256').update(body).digest('hex'),
    }
    await writeFile(`${file}-newer`, gzipSync(`${body}${JSON.stringify(footer)}\n`))
    const target = await emptyTarget('postgres')
    await assert.rejects(
      restoreBackup(target, `${file}-newer`, quiet),
      /newer version .*9999_later/,
    )
    await target.close()
  })
})

describe('an export', () => {
  for (const kind of KINDS) {
    it(`has all of one person, without secrets, and nothing of others, on ${kind}`, async () => {
      const test = await openTestDatabase(kind)
      await fill(test)
      const read = (who: string) =>
        withDirectClient(test.connector.direct, async (client) => {
          const lines: string[] = []
          for await (const line of exportUser(client, who)) lines.push(line)
          return lines
        })
      const tasks = (await read('alice')).map((line) => JSON.parse(line))
      assert.deepEqual([...new Set(tasks.map(({ table }) => table))].sort(), [
        'todo.idempotency_keys',
        'todo.tasks',
        'todo.users',
      ])
      for (const { table, row } of tasks) assert.equal(row.user_id ?? row.id, 'alice', table)
      assert.equal(tasks.filter(({ table }) => table === 'todo.tasks').length, 3)
      const account = (await read('A@Example.org')).join('\n')
      assert.match(account, /"table":"todo_auth.user"/)
      assert.doesNotMatch(account, /hash|secret/)
      await assert.rejects(read('nobody'), /There is no user nobody/)
      await test.close()
    })
  }
})
