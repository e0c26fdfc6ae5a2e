import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { AppError } from '../../src/core/errors.ts'
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

const UNAVAILABLE = { code: 'service_unavailable', headers: { 'retry-after': '1' } }
const SLOW_S = 4
/** All of them shorter than the slow statement. */
const limits = { ...LIMITS, statementMs: 1_000, statementWaitMs: 300, databaseSilenceMs: 800 }

const ids = rawStatement('select id from todo.tasks order by id')
const slow = rawStatement(`select pg_sleep(${SLOW_S})`)
const add = (n: number) => insertTask(taskId(n), { title: 'x' })
const query = (text: string) => ({ text, values: [] })

interface Opened {
  readonly connector: Connector
  readonly pool: PipelinedPool
}

/** Works with an embedded database that has the tasks 1 and 2, closes it, and compares the tasks. */
async function withTasks(
  own: Partial<Limits>,
  work: (opened: Opened) => Promise<void>,
  kept: readonly number[],
): Promise<void> {
  const folder = await embeddedFolder('migrated')
  const connector = await connectPglite(folder, { limits: { ...limits, ...own } })
  const pool = new PipelinedPool(connector)
  try {
    for (const n of [1, 2]) await pool.asUser('alice', add(n))
    await work({ connector, pool })
  } finally {
    await pool.close()
  }
  const again = new PipelinedPool(await connectPglite(folder))
  const found = await again.asUser('alice', ids)
  await again.close()
  assert.deepEqual(
    found.map(([id]) => id),
    kept.map(taskId),
  )
}

/** Asks again and again. @returns how often it was refused before it was served. */
async function untilServed(pool: PipelinedPool): Promise<number> {
  for (let refused = 0; ; refused += 1) {
    try {
      await pool.asUser('alice', ids)
      return refused
    } catch (error) {
      assert.ok(error instanceof AppError && error.code === UNAVAILABLE.code)
    }
  }
}

async function assertLives(connector: Connector): Promise<void> {
  assert.equal(await Promise.race([connector.failed, 'it lives']), 'it lives')
}

describe('while the embedded database works on a statement for long', () => {
  it('503 for it and for others, which are not executed later; then requests are served as before', async () => {
    const work = async ({ connector, pool }: Opened) => {
      const begun = assert.rejects(pool.asUser('alice', slow), UNAVAILABLE)
      // A turn later, so that PGlite is not handed them together.
      await sleep(0)
      const behind = [3, 4, 5].map((n) => assert.rejects(pool.asUser('alice', add(n)), UNAVAILABLE))
      await Promise.all([begun, ...behind])
      const refused = await untilServed(pool)
      assert.ok(refused > 0)
      await assertLives(connector)
      await pool.asUser('alice', add(6))
    }
    await withTasks({}, work, [1, 2, 6])
  })

  it('503 for tasks while a statement on accounts is slow, and for accounts while one on tasks is', async () => {
    const work = async ({ connector, pool }: Opened) => {
      const accounts = new AccountPool(connector)
      await assert.rejects(accounts.once(query(slow.sql.text)), UNAVAILABLE)
      await assert.rejects(pool.asUser('alice', add(3)), UNAVAILABLE)
      await untilServed(pool)
      await assert.rejects(pool.asUser('alice', slow), UNAVAILABLE)
      await assert.rejects(accounts.once(query('select 1')), UNAVAILABLE)
      await untilServed(pool)
      assert.equal((await accounts.once(query('select 1'))).rows.length, 1)
      await assertLives(connector)
      await accounts.close()
    }
    await withTasks({}, work, [1, 2])
  })

  it('a transaction that is left open is no statement that is stuck', async () => {
    const work = async ({ connector, pool }: Opened) => {
      await withDirectClient(connector.direct, (client) =>
        inTransaction(client, async () => {
          await client.query('select 1')
          await assert.rejects(pool.asUser('alice', add(3)), UNAVAILABLE)
          await sleep(2 * limits.databaseSilenceMs)
        }),
      )
      await untilServed(pool)
      await assertLives(connector)
    }
    await withTasks({}, work, [1, 2])
  })

  it('a migration may take as long as it has to', async () => {
    const work = ({ connector }: Opened) =>
      withDirectClient(connector.direct, (client) =>
        inTransaction(client, async () => {
          await client.query(slow.sql.text)
        }),
      )
    await withTasks({ databaseWorkMs: 600 }, work, [1, 2])
  })

  it('one without an end ends the database, and nothing that was acknowledged is lost', async () => {
    const work = async ({ connector, pool }: Opened) => {
      let turns = 0
      const turning = setInterval(() => {
        turns += 1
      }, 10)
      const endless = rawStatement('select count(*) from generate_series(1, 1e12)')
      await assert.rejects(pool.asUser('alice', endless), UNAVAILABLE)
      assert.match((await connector.failed).message, /worked on one statement for 3000 ms/)
      clearInterval(turning)
      assert.ok(turns > 10, 'the event loop went on')
      await assert.rejects(pool.ping(), UNAVAILABLE)
    }
    await withTasks({ databaseWorkMs: 3_000 }, work, [1, 2])
  })

  it('a stuck statement ends it after databaseSilenceMs', async () => {
    // Opens, and never comes back from the first statement.
    const program = `import { parentPort } from 'node:worker_threads'
      parentPort.on('message', ({ kind }) => {
        if (kind === 'exchange') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
        parentPort.postMessage({ bytes: new Uint8Array(0) })
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

  for (const [what, code] of [
    ['computes', 'for (;;) {}'],
    ['reads files', `for (;;) require('node:fs').readFileSync('/dev/null')`],
  ] as const) {
    it(`lets a thread work that ${what}, up to databaseWorkMs`, async () => {
      assert.match(await outcomeOf(code, { databaseWorkMs: 2_000 }), /worked on one statement/)
    })
  }
})
