import assert from 'node:assert/strict'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import {
  embeddedFolder,
  openTestDatabase,
  rawStatement,
  taskId,
  testFolder,
} from '../support/databases.ts'
import { start } from '../support/process.ts'

const count = rawStatement('select count(*) from todo.tasks')
const task = (n: number) => insertTask(taskId(n), { title: 'x' })

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
