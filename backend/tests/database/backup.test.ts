import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { backUp } from '../../src/database/backup/backup-file.ts'
import { writeBackup } from '../../src/database/backup/write-backup.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { migrate, readMigrations } from '../../src/database/migrate/migrate.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { proveWalls } from '../../src/database/walls/walls.ts'
import { findTask, insertTask } from '../../src/models/tasks/task.ts'
import {
  adminOf,
  backedUp,
  backUpFilled,
  backUpOlder,
  contentOf,
  emptyTarget,
  fill,
  quiet,
  restoreBackup,
} from '../support/backups.ts'
import { giveAll, KINDS, openTestDatabase, taskId, testFolder } from '../support/databases.ts'

describe('a backup', () => {
  for (const from of KINDS) {
    for (const to of KINDS) {
      it(`of ${from} is restored into ${to}, row for row, and the walls stand`, async () => {
        const { file, rows, content } = await backedUp(from)
        assert.equal(rows, Object.values(content).flat().length)
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
        assert.deepEqual(await contentOf(adminOf(target)), content)
        await proveWalls(target)
        const pool = new PipelinedPool(target)
        await pool.asUser('alice', insertTask(taskId(7), { title: 'afterwards' }))
        await pool.close()
      })
    }
  }

  describe('of the version before priorities', () => {
    const id = taskId(1)
    let file: string
    before(async () => {
      const all = await readMigrations()
      const older = all.filter(({ name }) => name < '0012')
      file = await backUpOlder(older, async (admin) => {
        await admin(`insert into todo.users (id, seq) values ('alice', 1)`)
        await admin(
          `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
           values ('alice', $1, 'old', true, '2026-01-01Z', '2026-01-02Z', 1)`,
          [id],
        )
      })
    })

    for (const kind of KINDS) {
      it(`is restored with their defaults, into ${kind}`, async () => {
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
  })

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
    const test = await openTestDatabase('postgres')
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
