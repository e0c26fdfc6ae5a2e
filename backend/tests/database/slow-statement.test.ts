import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { LIMITS, type Limits } from '../../src/core/limits.ts'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import type { Connector } from '../../src/database/connector.ts'
import { inTransaction, withDirectClient } from '../../src/database/direct.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { PgliteThread } from '../../src/database/pglite/thread.ts'
import { Watchdog } from '../../src/database/pglite/watchdog.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { embeddedFolder, rawStatement, taskId } from '../support/databases.ts'
import { GATED, GATED_WORKER, type Gate, makeGate } from '../support/gate.ts'
import { endWithTest } from '../support/started.ts'

const UNAVAILABLE = { code: 'service_unavailable', headers: { 'retry-after': '1' } }
/** Statements that are not meant to be slow stay below these on a busy machine, too. */
const limits = { ...LIMITS, statementMs: 1_500, statementWaitMs: 300, databaseSilenceMs: 1_200 }

const ids = rawStatement('select id from todo.tasks order by id')
const slow = rawStatement(GATED)
const add = (n: number) => insertTask(taskId(n), { title: 'x' })
const query = (text: string) => ({ text, values: [] })

interface Opened {
  readonly connector: Connector
  readonly pool: PipelinedPool
  /** Its limits, to be changed when it is open. */
  readonly limits: Record<keyof Limits, number>
}

/** @returns an embedded database that has the tasks 1 and 2. */
async function openWithTasks(own: Partial<Limits>, folder: string | null = null): Promise<Opened> {
  const itsLimits: Record<keyof Limits, number> = { ...limits, ...own }
  const options = { limits: itsLimits, worker: GATED_WORKER }
  const connector = await connectPglite(folder ?? (await embeddedFolder('migrated')), options)
  const pool = new PipelinedPool(connector, { ...LIMITS, statementStuckMs: 60_000 })
  pool.close = endWithTest('pool of a slow database', pool.close.bind(pool))
  for (const n of [1, 2]) await pool.asUser('alice', add(n))
  return { connector, pool, limits: itsLimits }
}

async function assertKept(pool: PipelinedPool, kept: readonly number[]): Promise<void> {
  const found = await pool.asUser('alice', ids)
  assert.deepEqual(
    found.map(([id]) => id),
    kept.map(taskId),
  )
}

/** Opens the gate. A direct connection waits without a limit until the thread is free. */
async function goOn(gate: Gate, connector: Connector): Promise<void> {
  gate.open()
  await withDirectClient(connector.direct, (client) => client.query('select 1'))
}

async function assertLives(connector: Connector): Promise<void> {
  assert.equal(await Promise.race([connector.failed, 'it lives']), 'it lives')
}

describe('while the embedded database works on a statement for long', () => {
  let gate: Gate
  let opened: Opened
  before(async () => {
    gate = makeGate()
    opened = await openWithTasks({})
  })
  beforeEach(() => gate.close())
  after(async () => {
    gate.open()
    await opened.pool.close()
  })

  it('503 for it and for others, which are not executed later; then requests are served as before', async () => {
    const { connector, pool } = opened
    const begun = assert.rejects(pool.asUser('alice', slow), UNAVAILABLE)
    // A turn later, so that PGlite is not handed them together.
    await sleep(0)
    const behind = [3, 4, 5].map((n) => assert.rejects(pool.asUser('alice', add(n)), UNAVAILABLE))
    await Promise.all([begun, ...behind])
    await assert.rejects(pool.asUser('alice', ids), UNAVAILABLE)
    await goOn(gate, connector)
    await assertKept(pool, [1, 2])
    await assertLives(connector)
    await pool.asUser('alice', add(6))
    await assertKept(pool, [1, 2, 6])
  })

  it('503 for tasks while a statement on accounts is slow, and for accounts while one on tasks is', async () => {
    const { connector, pool } = opened
    const accounts = new AccountPool(connector)
    await assert.rejects(accounts.once(query(slow.sql.text)), UNAVAILABLE)
    await assert.rejects(pool.asUser('alice', add(7)), UNAVAILABLE)
    await goOn(gate, connector)
    await assertKept(pool, [1, 2, 6])
    gate.close()
    await assert.rejects(pool.asUser('alice', slow), UNAVAILABLE)
    await assert.rejects(accounts.once(query('select 1')), UNAVAILABLE)
    await goOn(gate, connector)
    await assertKept(pool, [1, 2, 6])
    assert.equal((await accounts.once(query('select 1'))).rows.length, 1)
    await assertLives(connector)
    await accounts.close()
  })

  it('a transaction that is left open is no statement that is stuck', async () => {
    const { connector, pool } = opened
    await withDirectClient(connector.direct, (client) =>
      inTransaction(client, async () => {
        await client.query('select 1')
        const begunMs = performance.now()
        await assert.rejects(pool.asUser('alice', add(8)), UNAVAILABLE)
        await sleep(begunMs + 1.5 * limits.databaseSilenceMs - performance.now())
      }),
    )
    await assertKept(pool, [1, 2, 6])
    await assertLives(connector)
  })
})

describe('the embedded database', () => {
  it('a migration may take as long as it has to', async (context) => {
    const gate = makeGate()
    const { limits: own, connector, pool } = await openWithTasks({})
    const looks = context.mock.method(Worker.prototype, 'cpuUsage')
    // Any other statement takes longer than these.
    Object.assign(own, { statementMs: 1, statementWaitMs: 1, databaseWorkMs: 1 })
    const migration = withDirectClient(connector.direct, (client) =>
      inTransaction(client, () => client.query(slow.sql.text)),
    )
    // The watchdog looks eight times in databaseSilenceMs, so that any other thread would be silent for too long.
    while (looks.mock.callCount() <= 8) await sleep(5)
    gate.open()
    await migration
    Object.assign(own, limits)
    await assertKept(pool, [1, 2])
    await assertLives(connector)
    await pool.close()
  })

  it('one without an end ends the database, and nothing that was acknowledged is lost', async () => {
    makeGate()
    const folder = await embeddedFolder('migrated')
    const { connector, pool } = await openWithTasks({ databaseWorkMs: 1_500 }, folder)
    let turns = 0
    const turning = setInterval(() => {
      turns += 1
    }, 1)
    const endless = rawStatement('select count(*) from generate_series(1, 1e12)')
    await assert.rejects(pool.asUser('alice', endless), UNAVAILABLE)
    assert.match((await connector.failed).message, /worked on one statement for 1500 ms/)
    clearInterval(turning)
    assert.ok(turns > 10, 'the event loop went on')
    await assert.rejects(pool.ping(), UNAVAILABLE)
    await pool.close()
    const again = new PipelinedPool(await connectPglite(folder))
    await assertKept(again, [1, 2])
    await again.close()
  })

  it('a stuck statement ends it after databaseSilenceMs', async () => {
    // Opens, and never comes back from the first statement.
    const program = `import { parentPort } from 'node:worker_threads'
      parentPort.on('message', ({ kind }) => {
        if (kind === 'exchange') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
        parentPort.postMessage({ kind: 'ends', ends: [new Uint8Array(0)] })
      })`
    const worker = new URL(`data:text/javascript,${encodeURIComponent(program)}`)
    const thread = await PgliteThread.start(null, { limits, worker })
    await assert.rejects(
      thread.exchange({}, Buffer.from('x')),
      /The embedded database stopped responding/,
    )
    assert.match((await thread.failed).message, /The embedded database stopped responding/)
    await assert.rejects(
      thread.exchange({}, Buffer.from('x')),
      /The embedded database stopped responding/,
    )
    await thread.close()
  })
})

describe('the watchdog', () => {
  const outcomeOf = (code: string, own: Partial<Limits>) =>
    new Promise<string>((resolve) => {
      const worker = new Worker(`require('node:worker_threads').parentPort.ref(); ${code}`, {
        eval: true,
      })
      worker.once('online', () => {
        const end = ({ message }: Error) => {
          watchdog.stop()
          worker.terminate().then(() => resolve(message))
        }
        const watchdog = new Watchdog(worker, { ...limits, ...own }, end)
        watchdog.expect(false)
      })
    })

  for (const [what, code] of [
    [
      'waits for what does not come',
      'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
    ],
    ['has forgotten that it owes an answer', ''],
  ] as const) {
    it(`ends a thread that ${what}`, async () => {
      assert.match(await outcomeOf(code, {}), /stopped responding/)
    })
  }

  for (const [what, work] of [
    ['computes', ''],
    ['reads files', `require('node:fs').readFileSync('/dev/null')`],
  ] as const) {
    it(`lets a thread work that ${what}, up to databaseWorkMs`, async () => {
      // For a tenth of the time, as a thread does that shares the processor with others.
      const code = `for (;;) {
        for (const endMs = performance.now() + 3; performance.now() < endMs; ) { ${work} }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 27)
      }`
      assert.match(await outcomeOf(code, { databaseWorkMs: 2_000 }), /worked on one statement/)
    })
  }
})
