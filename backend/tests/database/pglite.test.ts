import assert from 'node:assert/strict'
import promises, { readdir, rm, stat } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { LIMITS } from '../../src/core/limits.ts'
import { CLUSTER, connectPglite } from '../../src/database/pglite/pglite.ts'
import { PgliteThread } from '../../src/database/pglite/thread.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { PATIENT } from '../support/app.ts'
import { embeddedFolder, rawStatement, taskId, testFolder } from '../support/databases.ts'
import { GATED, GATED_WORKER, makeGate } from '../support/gate.ts'
import { heldBytes } from '../support/held-bytes.ts'
import { start } from '../support/process.ts'

const count = rawStatement('select count(*) from todo.tasks')
const task = (n: number) => insertTask(taskId(n), { title: 'x' })

/** @returns the paths that this process syncs with node:fs/promises during the work. */
async function syncedDuring(work: () => Promise<void>): Promise<string[]> {
  const synced: string[] = []
  const { open } = promises
  promises.open = async (...parameters) => {
    const file = await open(...parameters)
    const sync = file.sync.bind(file)
    file.sync = () => {
      synced.push(String(parameters[0]))
      return sync()
    }
    return file
  }
  syncBuiltinESMExports()
  try {
    await work()
  } finally {
    promises.open = open
    syncBuiltinESMExports()
  }
  return synced
}

describe('the embedded database', () => {
  it('keeps its tasks from one opening to the next', async () => {
    const folder = await embeddedFolder('migrated')
    for (const expected of ['1', '2']) {
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
    const first = start('commands/migrate.ts', [], { DATABASE_URL: `pglite:${folder}` })
    while (!(await readdir(folder)).some((name) => name.startsWith('database.new-'))) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    first.kill('SIGKILL')
    await new Promise((resolve) => first.once('close', resolve))
    assert.ok(!(await readdir(folder)).includes('database'))
    const synced = await syncedDuring(async () => (await connectPglite(folder)).close())
    assert.deepEqual(await readdir(folder), ['database'])
    // Otherwise a power cut undoes the renaming, and the next start removes the unfinished database.
    assert.ok(synced.includes(folder) && synced.includes(dirname(folder)), synced.join())
    assert.equal((await stat(join(folder, 'database'))).mode & 0o777, 0o700)
    await rm(folder, { recursive: true })
  })

  it('a slow statement’s answer does not wait for those sent with it', async () => {
    const gate = makeGate()
    const folder = await embeddedFolder('migrated')
    const connector = await connectPglite(folder, { worker: GATED_WORKER })
    const pool = new PipelinedPool(connector, { ...LIMITS, ...PATIENT })
    await pool.ping()
    const [slow, behind] = ['select pg_sleep(0.1)', GATED].map((text) =>
      pool.asUser('alice', rawStatement(text)),
    )
    // So the time that a connection may be silent is that of one statement, not of a batch.
    await slow
    gate.open()
    await behind
    await pool.close()
  })

  it('copies the bytes of a message to its thread and back, and no memory beside them', async (t) => {
    const folder = join(await embeddedFolder('migrated'), CLUSTER)
    const thread = await PgliteThread.start(folder)
    const sent = t.mock.method(Worker.prototype, 'postMessage')
    // Small buffers are views of a block of 64 KB. Two queries have a response of several pieces.
    const query = Buffer.from('Q\0\0\0\x0dselect 1\0'.repeat(2))
    const response = await thread.exchange({}, query)
    assert.match(Buffer.from(response).toString('latin1'), /SELECT 1\0/)
    assert.equal(response.buffer.byteLength, response.length)
    const bytes: unknown = sent.mock.calls[0]?.arguments[0]?.bytes
    assert.ok(bytes instanceof Uint8Array)
    assert.deepEqual(Buffer.from(bytes), query)
    assert.equal(bytes.buffer.byteLength, query.length)
    await thread.close()
  })

  it('keeps nothing of its answers in memory', async () => {
    const connector = await connectPglite(await embeddedFolder('migrated'), {
      worker: new URL('../support/measured-worker.ts', import.meta.url),
    })
    const pool = new PipelinedPool(connector, { ...LIMITS, ...PATIENT })
    const megabyte = rawStatement(`select repeat('x', 1000000)`)
    const heldAfter = async (answers: number) => {
      for (let n = 0; n < answers; n += 1) await pool.asUser('alice', megabyte)
      return heldBytes()
    }
    const before = await heldAfter(5)
    const grownMb = ((await heldAfter(60)) - before) / 1e6
    await pool.close()
    assert.ok(grownMb < 20, `${grownMb} MB more after 60 answers of 1 MB`)
  })

  it('in memory, nothing is kept, and several need no lock', async () => {
    // Another one is created only for its lock, if it takes one. Creating an embedded database takes seconds.
    const worker = new URL(
      `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'
      parentPort.on('message', () => parentPort.postMessage({ kind: 'ends', ends: [new Uint8Array(0)] }))`)}`,
    )
    const connectors = await Promise.all([connectPglite(null), connectPglite(null, { worker })])
    for (const { description } of connectors) assert.match(description, /in memory/)
    await Promise.all(connectors.map((connector) => connector.close()))
  })
})
