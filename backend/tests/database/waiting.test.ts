import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test'
import { setImmediate as nextTick } from 'node:timers/promises'
import { Client } from 'pg'
import { LIMITS, type Limits } from '../../src/core/limits.ts'
import { Connection } from '../../src/database/pipeline/connection.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { Ticks } from '../../src/database/pipeline/ticks.ts'
import { detectScope, type ScopeChoice } from '../../src/database/scope.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { updateTask } from '../../src/models/tasks/update.ts'
import { type Blocker, holdLock } from '../support/blocker.ts'
import {
  KINDS,
  openTestDatabase,
  rawStatement,
  type TestDatabase,
  taskId,
} from '../support/databases.ts'
import { type DatabaseProxy, poolThrough, startProxy } from '../support/proxy.ts'

const now = rawStatement('select count(*) from todo.tasks')
const UNAVAILABLE = { code: 'service_unavailable', headers: { 'retry-after': '1' } }
/** Nothing in a test waits for so long, unless it waits for ever. */
const PATIENT = { statementStuckMs: 60_000, statementWaitMs: 60_000 }
/** A session in which PostgreSQL never ends a statement, however slow the machine is. */
const patientSession: ScopeChoice = async (client, timeoutMs) => {
  const scope = await detectScope(client, timeoutMs)
  await client.query('set statement_timeout = 0')
  return scope
}
const users = (count: number) => Array.from({ length: count }, (_, n) => `user-${n}`)
const failed = ({ status }: PromiseSettledResult<unknown>) => status === 'rejected'

for (const kind of KINDS) {
  describe(`the queues of users on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      test = await openTestDatabase(kind, 1)
    })
    after(() => test.close())

    it('are served round-robin: one user’s burst delays only that user', async () => {
      const limits = { ...LIMITS, ...PATIENT, statementsAhead: 1, statementsAheadMost: 1 }
      const pool = new PipelinedPool({ ...test.connector, close: async () => {} }, limits)
      await pool.ping()
      const order: string[] = []
      const ask = async (userId: string) => {
        await pool.asUser(userId, now)
        order.push(userId)
      }
      const heavy = Array.from({ length: 6 }, () => ask('heavy'))
      await Promise.all([...heavy, ask('bob'), ask('bob'), ask('carol')])
      const turns = ['heavy', 'heavy', 'bob', 'carol', 'heavy', 'bob', 'heavy', 'heavy', 'heavy']
      assert.deepEqual(order, turns)
      await pool.close()
    })
  })
}

describe('statements that no connection has room for', () => {
  let test: TestDatabase
  let url: string
  let proxy: DatabaseProxy
  let blocker: Blocker
  let pool: PipelinedPool
  let passedMs = 0
  let stoppedMs: number | undefined
  const realMs = performance.now.bind(performance)
  const clock = mock.method(performance, 'now', () => stoppedMs ?? realMs() + passedMs)
  before(async () => {
    test = await openTestDatabase('postgres')
    url = test.config.kind === 'postgres' ? test.config.url : ''
  })
  after(async () => {
    clock.mock.restore()
    await test.close()
  })
  beforeEach(async () => {
    stoppedMs = undefined
    proxy = await startProxy(url)
    blocker = await holdLock(url)
  })
  afterEach(async () => {
    await blocker.release()
    await pool.close()
    await blocker.close()
    await proxy.close()
  })
  /** @returns the limits of the pool, to be changed when it is open. */
  const open = async (poolMax: number, limits: Partial<Limits> = {}) => {
    const own: Record<keyof Limits, number> = { ...LIMITS, ...PATIENT, behindMs: 10, ...limits }
    pool = poolThrough(proxy, poolMax, own, patientSession)
    do await Promise.all(users(30).map((userId) => pool.asUser(userId, now)))
    while (proxy.connections() < poolMax)
    return own
  }
  const blocked = (userId: string) => pool.asUser(userId, blocker.statement)
  /** From then on, so much more time has passed for the pool. */
  const passTime = (ms: number) => {
    passedMs += ms
  }
  /** So many have run for longer than others are put behind them. */
  const runsForLong = async (count: number) => {
    await blocker.waitFor(count)
    passTime(50)
  }
  /** From then on it is known that statements of this user take long. */
  const showSlow = (userId: string) => takingLong(pool.asUser(userId, now))
  /** What was just sent takes 300 ms. Its response has a proxy in this process to pass, so that it comes later. */
  const takingLong = async (answer: Promise<unknown>) => {
    await nextTick()
    passTime(300)
    await answer
  }

  it('wait here: of a connection that is lost, those alone fail that it was given', async () => {
    await open(1)
    const given = Promise.allSettled([blocked('alice')])
    await runsForLong(1)
    const waiting = Promise.allSettled(users(40).map((userId) => pool.asUser(userId, now)))
    proxy.cut()
    assert.ok((await given).every(failed))
    assert.ok(!(await waiting).some(failed))
  })

  it('are not sent behind a slow one: a connection is opened for them', async () => {
    pool = poolThrough(proxy, 2, { ...LIMITS, ...PATIENT, behindMs: 10 })
    await pool.ping()
    // Nothing is sent after a statement that has to be parsed, either. This one is known.
    await blocker.release()
    await blocked('alice')
    await blocker.close()
    blocker = await holdLock(url)
    let done = false
    const slow = blocked('alice').then(() => {
      done = true
    })
    await runsForLong(1)
    for (let n = 0; n < 5; n += 1) {
      await Promise.all(users(40).map((userId) => pool.asUser(userId, now)))
    }
    assert.ok(!done)
    assert.equal(proxy.connections(), 2)
    await blocker.release()
    await slow
  })

  it('503 for a statement that has waited too long, which is not executed', async () => {
    const limits = await open(2)
    limits.statementWaitMs = 200
    const given = [blocked('waits')]
    await runsForLong(1)
    const waiting = Array.from({ length: 20 }, (_, n) =>
      pool.asUser('waits', insertTask(taskId(n), { title: 'waits' })),
    )
    passTime(201)
    for (const refused of await Promise.allSettled(waiting)) {
      assert.ok(refused.status === 'rejected')
      assert.partialDeepStrictEqual({ ...refused.reason }, UNAVAILABLE)
    }
    await blocker.release()
    await Promise.all(given)
    assert.deepEqual(await test.admin('select from todo.tasks'), [])
  })

  it('503 at once while the database is frozen, and service again when it is not', async () => {
    const limits = await open(1)
    proxy.freeze(true)
    limits.statementStuckMs = 50
    const given = users(8).map((userId) => pool.asUser(userId, now))
    passTime(51)
    // They would wait for a minute otherwise, as does the test.
    for (const userId of ['bob', 'carol', 'user-1']) {
      await assert.rejects(pool.asUser(userId, now), UNAVAILABLE)
    }
    proxy.freeze(false)
    for (const answer of await Promise.all(given)) assert.equal(answer.length, 1)
    assert.equal((await pool.asUser('alice', now)).length, 1)
  })

  it('while the first connection is opened, wait for it and no shorter', async (context) => {
    await open(1)
    await pool.close()
    while (proxy.connections() > 0) await nextTick()
    const { timers } = context.mock
    timers.enable({ apis: ['setInterval'] })
    pool = poolThrough(proxy, 1)
    const answers = users(30).map((userId) => pool.asUser(userId, now))
    while (proxy.connections() === 0) await nextTick()
    proxy.freeze(true)
    passTime(2 * LIMITS.statementWaitMs)
    timers.tick(2 * LIMITS.statementWaitMs)
    // Their time begins when there is one. It does not pass here, however slow the machine is.
    timers.reset()
    stoppedMs = performance.now()
    proxy.freeze(false)
    assert.ok(!(await Promise.allSettled(answers)).some(failed))
  })

  it('are answered before the pool is closed', async () => {
    await open(1)
    const answers = users(40).map((userId) =>
      pool.asUser(userId, rawStatement('select pg_sleep(0.002)')),
    )
    const closing = pool.close()
    assert.ok(!(await Promise.allSettled(answers)).some(failed))
    await closing
  })

  it('503 at once beyond statementsOfOneUser, and other users are served', async () => {
    await open(2, { statementsInProgress: 40, statementsOfOneUser: 20 })
    const heavy = Array.from({ length: 60 }, () => blocked('heavy'))
    const beyond = await Promise.allSettled(heavy.slice(20))
    assert.ok(beyond.every(failed))
    await runsForLong(1)
    for (let n = 0; n < 5; n += 1) await pool.asUser('bob', now)
    await blocker.release()
    assert.ok(!(await Promise.allSettled(heavy.slice(0, 20))).some(failed))
  })

  it('a user with slow statements has one of them in progress beside other users', async () => {
    await open(4)
    await showSlow('heavy')
    await pool.asUser('bob', now)
    const heavy = Array.from({ length: 10 }, () => blocked('heavy'))
    await blocker.waitFor(1)
    for (let n = 0; n < 20; n += 1) await pool.asUser('bob', now)
    assert.equal(await blocker.waiting(), 1)
    await blocker.release()
    await Promise.all(heavy)
  })

  it('many users whose statements are slow leave a quarter of the connections to others', async () => {
    await open(4)
    // One after the other: the time that one waits behind another is not its own.
    for (const userId of users(8)) await showSlow(userId)
    const slow = users(8).flatMap((userId) => [blocked(userId), blocked(userId)])
    await blocker.waitFor(3)
    for (let n = 0; n < 20; n += 1) await pool.asUser('bob', now)
    assert.equal(await blocker.waiting(), 3)
    await blocker.release()
    await Promise.all(slow)
  })

  it('a user whose changes wait for a lock holds up nobody else', async () => {
    await open(4)
    await pool.asUser('alice', insertTask(taskId(1), { title: 'x' }))
    for (let n = 0; n < 50; n += 1) await pool.asUser('alice', now)
    const write = rawStatement(
      `with wait as materialized (${blocker.statement.sql.text})
       update todo.tasks set title = 'y', seq = seq + 1 from wait where user_id = 'alice'`,
    )
    const writes = Array.from({ length: 30 }, () => pool.asUser('alice', write))
    await runsForLong(2)
    for (const userId of users(20)) await pool.asUser(userId, now)
    // Until then they were quick, so that more are with the database; but all on two of the connections.
    assert.equal(await blocker.waiting(), 2)
    await blocker.release()
    await Promise.all(writes)
    await test.admin('delete from todo.tasks')
  })

  for (const [what, lock] of [
    ['rows', `select from todo.tasks where user_id like 'locked%' for update`],
    ['users', `select from todo.users where id like 'locked%' for update`],
  ] as const) {
    it(`a quiet user is answered before those whose ${what} somebody has locked`, async () => {
      await open(2)
      const change = async (userId: string, title: string): Promise<void> => {
        if (what === 'users') await pool.asUser(userId, insertTask(randomUUID(), { title }))
        else await pool.asUser(userId, updateTask(taskId(1), { title }, undefined))
      }
      const locked = Array.from({ length: 8 }, (_, n) => `locked-${n}`)
      for (const userId of [...locked, 'quiet']) {
        await pool.asUser(userId, insertTask(taskId(1), { title: 'x' }))
      }
      // So many at once that both connections know the statements.
      for (const title of ['y', 'z']) await Promise.all(users(9).map((one) => change(one, title)))
      const client = new Client({ connectionString: url })
      await client.connect()
      await client.query(`begin; ${lock}`)
      let answered = 0
      const waiting = locked.map((userId) =>
        change(userId, 'z').finally(() => {
          answered += 1
        }),
      )
      const settled = Promise.allSettled(waiting)
      for (let n = 0; n < 5; n += 1) {
        await Promise.all([pool.asUser('quiet', now), change('quiet', `quiet-${n}`)])
      }
      assert.equal(answered, 0)
      await client.query('rollback')
      await client.end()
      // Those that were waiting for the lock then are done; others may have waited too long.
      assert.ok((await settled).some((answer) => !failed(answer)))
      await test.admin('delete from todo.tasks')
    })
  }

  it('a user who is alone may have slow statements on half of the connections', async () => {
    await open(4)
    await showSlow('alone')
    // As long as nobody else has asked.
    passTime(1_001)
    const slow = Array.from({ length: 6 }, () => blocked('alone'))
    await blocker.waitFor(2)
    await pool.ping()
    assert.equal(await blocker.waiting(), 2)
    await blocker.release()
    await Promise.all(slow)
  })

  it('a connection is given half as much at once after a slow answer, and more again little by little', async () => {
    await open(1)
    const connection = await Connection.open({
      config: { connectionString: proxy.url },
      chooseScope: detectScope,
      limits: LIMITS,
      ticks: new Ticks(),
      events: { lost: () => {}, mismatched: () => {} },
    })
    const services: number[] = []
    const note = (serviceMs: number) => services.push(serviceMs)
    const send = (statement: typeof now) =>
      connection.send({
        userId: 'alice',
        statements: [statement],
        patient: false,
        estimateMs: 0,
        note,
      })
    for (const expected of [8, 4, 2, 2]) {
      await takingLong(send(now))
      connection.giveMoreAhead()
      assert.equal(connection.ahead, expected)
    }
    assert.ok(services.every((serviceMs) => serviceMs > 50))
    while (connection.ahead < LIMITS.statementsAheadMost) {
      await send(now)
      const before = connection.ahead
      connection.giveMoreAhead()
      assert.ok(connection.ahead <= 2 * before)
    }
    assert.equal(connection.ahead, LIMITS.statementsAheadMost)
    await connection.end()
  })
})
