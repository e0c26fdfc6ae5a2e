import assert from 'node:assert/strict'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { takeLock } from '../../src/database/lock-file.ts'
import { connectPglite } from '../../src/database/pglite.ts'
import { PipelinedPool } from '../../src/database/pool.ts'
import { insertTask } from '../../src/models/task.ts'
import {
  embeddedFolder,
  openTestDatabase,
  rawStatement,
  taskId,
  testFolder,
} from '../support/databases.ts'
import { start } from '../support/process.ts'

const count = rawStatement('select count(*) from todo.tasks')
const task = (n: number) => insertTask('alice', taskId(n), { title: 'x' })

describe('the embedded database', () => {
  it('keeps its tasks from one opening to the next', async () => {
    const folder = await embeddedFolder('migrated')
    for (const expected of ['1', '2', '3']) {
      const pool = new PipelinedPool(await connectPglite(folder))
      await pool.asUser('alice', task(Number(expected)))
      assert.deepEqual(await pool.asUser('alice', count), [[expected]])
      await pool.close()
    }
    assert.ok(!(await readdir(folder)).includes('lock'))
    await rm(folder, { recursive: true })
  })

  it('a start that was killed leaves no half-made database', async () => {
    const folder = await testFolder()
    const first = start('main.ts', [], { DATABASE_URL: `pglite:${folder}`, PORT: '0' })
    while (!(await readdir(folder)).some((name) => name.startsWith('database.new-'))) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    first.kill('SIGKILL')
    await new Promise((resolve) => first.once('close', resolve))
    assert.ok(!(await readdir(folder)).includes('database'))
    await (await connectPglite(folder)).close()
    assert.deepEqual(await readdir(folder), ['database'])
    assert.equal((await stat(join(folder, 'database'))).mode & 0o777, 0o700)
    await rm(folder, { recursive: true })
  })

  it('a statement without an end stops the database, with 503, rather than the server', async () => {
    const folder = await embeddedFolder('migrated')
    const connector = await connectPglite(folder)
    const pool = new PipelinedPool(connector)
    await pool.asUser('alice', task(1))
    const endless = pool.asUser(
      'alice',
      rawStatement('select count(*) from generate_series(1, 1e12)'),
    )
    let ticks = 0
    const ticking = setInterval(() => {
      ticks += 1
    }, 50)
    await assert.rejects(endless, { code: 'service_unavailable' })
    clearInterval(ticking)
    assert.ok(ticks > 100, `the event loop went on, ${ticks} times`)
    assert.match((await connector.failed).message, /stopped answering/)
    await assert.rejects(pool.ping(), { code: 'service_unavailable' })
    await pool.close()
    const again = new PipelinedPool(await connectPglite(folder))
    assert.deepEqual(await again.asUser('alice', count), [['1']])
    await again.close()
    await rm(folder, { recursive: true })
  })

  it('a slow statement’s answer does not wait for those sent with it', async () => {
    const test = await openTestDatabase('pglite')
    const begunMs = performance.now()
    const answeredMs = await Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        await test.database.asUser('alice', rawStatement(`select pg_sleep(0.2), ${n}`))
        return performance.now() - begunMs
      }),
    )
    const [first = 0, , , last = 0] = answeredMs
    assert.ok(last >= 800)
    // So the time that a connection may be silent is that of one statement, not of a batch.
    assert.ok(last - first >= 500, `answered after ${answeredMs}`)
    await test.close()
  })

  it('keeps nothing of its answers in memory', async () => {
    const test = await openTestDatabase('pglite')
    const megabyte = rawStatement(`select repeat('x', 1000000)`)
    for (let n = 0; n < 50; n += 1) await test.database.asUser('alice', megabyte)
    const before = process.memoryUsage().rss
    for (let n = 0; n < 400; n += 1) await test.database.asUser('alice', megabyte)
    const grownMb = (process.memoryUsage().rss - before) / 1e6
    await test.close()
    assert.ok(grownMb < 150, `${grownMb} MB more after 400 answers of 1 MB`)
  })

  it('in memory, nothing is kept', async () => {
    const connector = await connectPglite(null)
    assert.match(connector.description, /in memory/)
    await connector.close()
  })
})

describe('the lock of a folder', () => {
  const held = async (holder: object | string) => {
    const file = join(await testFolder(), 'lock')
    await writeFile(file, typeof holder === 'string' ? holder : JSON.stringify(holder))
    return file
  }

  it('is given to one, and to the next when it is given back', async () => {
    const file = join(await testFolder(), 'lock')
    const giveBack = takeLock(file)
    assert.throws(() => takeLock(file), {
      name: 'LockedError',
      message: new RegExp(`process ${process.pid} on`),
    })
    giveBack()
    takeLock(file)()
  })

  it('is taken from a process that is dead', async () => {
    const file = await held({ pid: 2 ** 22 + 1, host: hostname(), started: '1', token: 'x' })
    takeLock(file)()
  })

  it('is taken from a process whose id another one has now', async () => {
    const file = await held({ pid: process.pid, host: hostname(), started: '1', token: 'x' })
    takeLock(file)()
  })

  it('is not taken from a process of another host, nor where nobody can tell', async () => {
    for (const holder of [{ pid: 2 ** 22 + 1, host: 'elsewhere', started: '1', token: 'x' }, '']) {
      const file = await held(holder)
      assert.throws(() => takeLock(file), { name: 'LockedError', message: /remove .*lock/ })
    }
  })

  it('is taken by one at a time', async () => {
    const file = await held({ pid: 2 ** 22 + 1, host: hostname(), started: '1', token: 'x' })
    await mkdir(`${file}.takeover`)
    assert.throws(() => takeLock(file), { name: 'LockedError', message: /taking over/ })
  })
})
