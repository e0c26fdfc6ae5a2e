import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { withDirectClient } from '../../src/database/direct.ts'
import { DurableFiles } from '../../src/database/pglite/durable-files.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { embeddedFolder, rawStatement, taskId, testFolder } from '../support/databases.ts'
import { DISK_FAILS } from '../support/failing-disk.ts'

const FAILING_DISK = new URL('../support/failing-disk-worker.ts', import.meta.url)

interface FakeNode {
  readonly name: string
  readonly parent: FakeNode | null
}

/** A file system without content that notes each operation, and whether the log was synced before it. */
async function openFake(folder: string) {
  const noted: string[] = []
  const note = (operation: string) => (_of?: object) =>
    noted.push(`${operation}${files.owed ? ', not synced' : ''}`)
  const files = new DurableFiles(folder)
  const operations = {
    node_ops: {
      ...{ rename: note('rename'), unlink: note('unlink'), rmdir: note('rmdir') },
      setattr: note('setattr'),
    },
    stream_ops: {
      write: (stream: object, _memory: Int8Array, _offset: number, _length: number) =>
        note('write')(stream),
      ...{ setattr: note('setattr'), fsync: (_stream: object) => 0 },
    },
    realPath: ({ name }: FakeNode) => join(folder, name),
    tryFSOperation: (operation: () => unknown) => operation(),
  }
  const { emscriptenOpts } = await files.init({} as never, {}) // it keeps the first for later
  const [patch] = emscriptenOpts.preRun as unknown as ((module: object) => void)[]
  patch?.({ NODEFS: operations })
  const root = { name: '/', parent: null }
  const log = { name: 'pg_wal', parent: root }
  const node = (name: string, parent: FakeNode = root) => ({ node: { name, parent } })
  const segment = node('000000010000000000000001', log)
  await writeFile(join(folder, segment.node.name), 'log')
  return { files, noted, segment, table: node('16384'), node, ...operations }
}

const PAGE_BYTES = 8192
const NOTHING = new Int8Array(0)
/** Two pages of which the second has content. */
const PAGES = new Int8Array(2 * PAGE_BYTES).fill(1, PAGE_BYTES)

describe('the files of the embedded database', () => {
  it('are written after the log that was synced before, whatever is done to them', async () => {
    const { files, noted, segment, table, node, node_ops, stream_ops } = await openFake(
      await testFolder(),
    )
    const operations: [string, () => unknown][] = [
      ['write', () => stream_ops.write(table, PAGES, 0, PAGES.length)],
      ['write', () => stream_ops.write(table, PAGES, 0, 100)],
      ['write', () => stream_ops.write(node('pg_control'), PAGES, 0, PAGE_BYTES)],
      ['setattr', () => stream_ops.setattr(table)],
      ['rename', () => node_ops.rename(table.node)],
      ['unlink', () => node_ops.unlink(table.node)],
      ['rmdir', () => node_ops.rmdir(table.node)],
      ['setattr', () => node_ops.setattr(table.node)],
    ]
    for (const [name, run] of operations) {
      stream_ops.write(segment, NOTHING, 0, 0)
      stream_ops.fsync(segment)
      assert.equal(files.owed, true)
      noted.length = 0
      run()
      assert.deepEqual(noted, [name])
    }
    await files.closeFs().catch(() => {}) // there is no module to close
  })

  it('the log itself is written while a sync is owed, so that several commits share one', async () => {
    const { files, noted, segment, stream_ops } = await openFake(await testFolder())
    stream_ops.write(segment, NOTHING, 0, 0)
    stream_ops.fsync(segment)
    stream_ops.write(segment, NOTHING, 0, 0)
    assert.deepEqual(noted, ['write', 'write, not synced'])
    await files.flush()
    assert.equal(files.owed, false)
  })

  it('empty pages are written while a sync is owed, because the log does not describe them', async () => {
    const { noted, segment, table, stream_ops } = await openFake(await testFolder())
    stream_ops.write(segment, NOTHING, 0, 0)
    stream_ops.fsync(segment)
    noted.length = 0
    stream_ops.write(table, PAGES, 0, PAGE_BYTES)
    assert.deepEqual(noted, ['write, not synced'])
    stream_ops.write(table, PAGES, PAGE_BYTES, PAGE_BYTES)
    assert.deepEqual(noted, ['write, not synced', 'write'])
  })

  it('on a disk that fails, nothing is acknowledged, and the server ends', async () => {
    const folder = await embeddedFolder('migrated')
    const connector = await connectPglite(folder, { worker: FAILING_DISK })
    const pool = new PipelinedPool(connector)
    await pool.asUser('alice', insertTask(taskId(1), { title: 'on disk' }))
    await writeFile(join(folder, DISK_FAILS), '')
    await assert.rejects(pool.asUser('alice', insertTask(taskId(2), { title: 'not on disk' })), {
      code: 'service_unavailable',
    })
    assert.match((await connector.failed).message, /EIO/)
    await pool.close()
    const again = new PipelinedPool(await connectPglite(folder))
    const titles = rawStatement('select title from todo.tasks where id = $2', [taskId(1)])
    assert.deepEqual(await again.asUser('alice', titles), [['on disk']])
    await again.close()
  })

  it('do not grow without bound: the log is cut after a checkpoint', async () => {
    const folder = await embeddedFolder('empty')
    const connector = await connectPglite(folder)
    const redo = 'select redo_lsn::text as at from pg_control_checkpoint()'
    await withDirectClient(connector.direct, async (client) => {
      const before = (await client.query(redo)).rows[0].at
      await client.query('create table filled (text text)')
      for (let n = 0; n < 5; n += 1) {
        await client.query(
          `insert into filled select repeat('x', 1000) from generate_series(1, 9000)`,
        )
      }
      assert.notEqual((await client.query(redo)).rows[0].at, before)
    })
    await connector.close()
  })
})
