import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { backUp } from '../../src/database/backup/backup-file.ts'
import { exportUser } from '../../src/database/backup/export-user.ts'
import { BackupError } from '../../src/database/backup/format.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { readMigrations } from '../../src/database/migrate/migrate.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import {
  adminOf,
  backUpFilled,
  backUpOlder,
  emptyTarget,
  fill,
  quiet,
  restoreBackup,
  withLines,
} from '../support/backups.ts'
import { KINDS, openMigrated, openTestDatabase, taskId, testFolder } from '../support/databases.ts'

describe('a restore', () => {
  for (const kind of KINDS) {
    it(`into ${kind} at the same time as another leaves the rows of one`, async () => {
      const file = await backUpFilled('postgres')
      const test = await openTestDatabase('postgres')
      await test.database.asUser('erin', insertTask(taskId(5), { title: 'of another backup' }))
      const other = join(await testFolder(), 'b.backup')
      await backUp(test.connector, other, quiet)
      const { connector: target, drop } = await openMigrated(kind)
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
      await drop()
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
      [(h) => ({ ...h, tables: [null] }), /damaged/],
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
    const file = await backUpFilled('postgres')
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

  for (const kind of KINDS) {
    it(`into a database that was emptied gives it a new epoch, on ${kind}`, async () => {
      const { connector: target, drop } = await openMigrated(kind)
      const admin = adminOf(target)
      const file = await backUpFilled('postgres')
      await restoreBackup(target, file, quiet)
      const epoch = async () => (await admin('select epoch from todo.feed'))[0]?.epoch
      const first = await epoch()
      await admin('truncate todo.users, todo_auth."user", todo_auth.deleted_user cascade')
      await restoreBackup(target, file, quiet)
      assert.notEqual(await epoch(), first)
      await target.close()
      await drop()
    })

    it(`of an older version into empty tables of a later one is refused, and says why, on ${kind}`, async () => {
      const file = await backUpOlder((await readMigrations()).slice(0, -1), async () => {})
      const { connector: later, drop } = await openMigrated(kind)
      await assert.rejects(
        restoreBackup(later, file, quiet),
        /^BackupError: The backup is older than the tables of the database, which have the migration .*\.sql\. Restore into a database without tables/,
      )
      await later.close()
      await drop()
    })
  }

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
      const read = (who: string, isId = false) =>
        withDirectClient(test.connector.direct, async (client) => {
          const lines: string[] = []
          for await (const line of exportUser(client, who, { isId })) lines.push(line)
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
      // An external issuer may use addresses as ids.
      const title = 'of another person'
      await test.database.asUser('a@example.org', insertTask(taskId(500), { title }))
      await assert.rejects(
        read('a@example.org'),
        /is the address of the account a1, and the id of another user\. .*--id/,
      )
      const other = (await read('a@example.org', true)).join('\n')
      assert.match(other, new RegExp(title))
      assert.doesNotMatch(other, /todo_auth/)
      assert.doesNotMatch((await read('a1')).join('\n'), new RegExp(title))
      await test.close()
    })
  }
})
