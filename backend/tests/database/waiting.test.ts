import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LIMITS } from '../../src/core/limits.ts'
import type { PipelinedPool } from '../../src/database/pool.ts'
import { insertTask } from '../../src/models/task.ts'
import { openTestDatabase, rawStatement, type TestDatabase, taskId } from '../support/databases.ts'
import { type DatabaseProxy, poolThrough, startProxy } from '../support/proxy.ts'

const now = rawStatement('select count(*) from todo.tasks')
const sleep = (seconds: number) => rawStatement(`select pg_sleep(${seconds})`)
const UNAVAILABLE = { code: 'service_unavailable', headers: { 'retry-after': '1' } }
const limits = { ...LIMITS, statementStuckMs: 300, statementWaitMs: 500 }
const { statementsAhead, statementStuckMs, statementWaitMs } = limits

/** Every attempt, with how long it took. */
function timed<Result>(attempts: Promise<Result>[]) {
  const startedMs = performance.now()
  return Promise.all(
    attempts.map(async (attempt) => {
      const [{ status }] = await Promise.allSettled([attempt])
      return { status, ms: performance.now() - startedMs }
    }),
  )
}

describe('statements that no connection has room for', () => {
  let test: TestDatabase
  let proxy: DatabaseProxy
  let pool: PipelinedPool
  let another: PipelinedPool | undefined
  before(async () => {
    test = await openTestDatabase('postgres')
  })
  after(() => test.close())
  beforeEach(async () => {
    proxy = await startProxy(test.config.kind === 'postgres' ? test.config.url : '')
    pool = open(1)
    await pool.ping()
  })
  afterEach(async () => {
    await Promise.all([pool.close(), another?.close()])
    another = undefined
    await proxy.close()
  })
  const open = (poolMax: number) => poolThrough(proxy, poolMax, limits)

  it('wait here: of a connection that is lost, those alone fail that it was given', async () => {
    const attempts = Array.from({ length: 3 * statementsAhead }, () =>
      pool.asUser('alice', sleep(0.02)),
    )
    const answers = Promise.allSettled(attempts)
    proxy.cut()
    const failed = (await answers).map(({ status }) => status === 'rejected')
    assert.deepEqual(
      failed,
      failed.map((_failed, n) => n < statementsAhead),
    )
  })

  it('go to whichever connection is free first, also to one that is opened meanwhile', async () => {
    const two = open(2)
    another = two
    await two.ping()
    let slowDone = false
    const slow = two.asUser('alice', sleep(1)).then(() => {
      slowDone = true
    })
    const behind = Array.from({ length: statementsAhead - 1 }, () => two.asUser('alice', now))
    while (proxy.connections() < 3) await nextTurn()
    await Promise.all(Array.from({ length: 50 }, () => two.asUser('bob', now)))
    assert.ok(!slowDone)
    await Promise.all([slow, ...behind])
  })

  it('have another connection opened for them, though nothing more comes and nothing is answered', async () => {
    another = open(2)
    const slow = another.asUser('alice', sleep(2 * (statementWaitMs / 1_000)))
    const all = Array.from({ length: statementsAhead + 10 }, () => another?.asUser('bob', now))
    const answered = (await Promise.allSettled(all)).filter(({ status }) => status === 'fulfilled')
    assert.equal(answered.length, all.length)
    await slow
  })

  it('503 for who has waited too long, and nothing of it was done', async () => {
    const given = [
      pool.asUser('given', sleep(1.2)),
      ...Array.from({ length: statementsAhead - 1 }, (_, n) =>
        pool.asUser('given', insertTask('given', taskId(n), { title: 'given' })),
      ),
    ]
    const waiting = Array.from({ length: 20 }, (_, n) =>
      pool.asUser('waits', insertTask('waits', taskId(n), { title: 'waits' })),
    )
    const refusals = await timed(waiting)
    for (const { status, ms } of refusals) {
      assert.equal(status, 'rejected')
      assert.ok(ms > statementWaitMs - 50 && ms < statementWaitMs + 1_000, `${ms} ms`)
    }
    await assert.rejects(waiting[0] ?? Promise.resolve(), UNAVAILABLE)
    await Promise.all(given)
    const tasks = `select user_id, count(*)::int as tasks from todo.tasks group by user_id`
    assert.deepEqual(await test.admin(tasks), [{ user_id: 'given', tasks: statementsAhead - 1 }])
  })

  it('503 at once while the database is frozen, and service again when it is not', async () => {
    proxy.freeze(true)
    const given = Array.from({ length: statementsAhead }, () => pool.asUser('alice', now))
    const first = timed([pool.asUser('alice', now)])
    await new Promise((resolve) => setTimeout(resolve, statementStuckMs + 100))
    for (let n = 0; n < 3; n += 1) {
      const [answer] = await timed([pool.asUser('alice', now)])
      assert.equal(answer?.status, 'rejected')
      assert.ok((answer?.ms ?? 0) < statementWaitMs / 2, `${answer?.ms} ms`)
    }
    assert.equal((await first)[0]?.status, 'rejected')
    proxy.freeze(false)
    for (const answer of await Promise.all(given)) assert.equal(answer.length, 1)
    assert.equal((await pool.asUser('alice', now)).length, 1)
  })

  it('while the first connection is opened, wait for it and no shorter', async () => {
    await pool.close()
    while (proxy.connections() > 0) await nextTurn()
    const late = open(1)
    another = late
    const answers = timed(
      Array.from({ length: 3 * statementsAhead }, () => late.asUser('alice', now)),
    )
    while (proxy.connections() === 0) await nextTurn()
    proxy.freeze(true)
    await new Promise((resolve) => setTimeout(resolve, statementWaitMs + 400))
    proxy.freeze(false)
    for (const { status } of await answers) assert.equal(status, 'fulfilled')
  })

  it('are answered before the pool is closed', async () => {
    const answers = timed(
      Array.from({ length: 3 * statementsAhead }, () => pool.asUser('alice', sleep(0.005))),
    )
    await pool.close()
    for (const { status } of await answers) assert.equal(status, 'fulfilled')
  })
})
