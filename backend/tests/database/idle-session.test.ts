import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely } from 'kysely'
import { accountDialect } from '../../src/database/accounts/account-dialect.ts'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { countAttempt } from '../../src/models/accounts/account.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { openTestDatabase, rawStatement, type TestDatabase, taskId } from '../support/databases.ts'
import { nameAnotherProcess, poolThrough, startProxy } from '../support/proxy.ts'
import { error, type Tamper, TamperedAnswers } from '../support/tamper.ts'

const TIMES = 30

/** Pauses about as long as a session may be idle, so that each comes as it ends. */
const pause = (n: number) => sleep(27 + (n % 7))

describe('a session that the database ends while it is idle', () => {
  let test: TestDatabase
  let url: string
  before(async () => {
    test = await openTestDatabase('postgres')
    url = test.config.kind === 'postgres' ? test.config.url : ''
    const { pathname } = new URL(url)
    const database = pathname.slice(1)
    await test.admin(
      `alter role current_user in database ${database} set idle_session_timeout = '30ms'`,
    )
  })
  after(() => test.close())

  for (const [what, answers] of [
    ['', undefined],
    [' behind a pooler', nameAnotherProcess],
  ] as const) {
    it(`no task request is 503, and each is done once${what}`, async () => {
      const user = `user${what.length}`
      const proxy = await startProxy(url, answers)
      const pool = poolThrough(proxy, 2)
      after(async () => {
        await proxy.close()
        await pool.close()
      })
      for (let n = 0; n < TIMES; n += 1) {
        await pause(n)
        const add = (id: number) =>
          pool.asUser(user, insertTask(taskId(1_000 * what.length + id), { title: 'x' }))
        const first = add(2 * n)
        // Behind a pooler, what follows may have gone to another session, so that it is not certain.
        if (answers !== undefined) await first
        await Promise.all([first, add(2 * n + 1)])
      }
      const count = rawStatement('select count(*) from todo.tasks')
      assert.deepEqual(await pool.asUser(user, count), [[String(2 * TIMES)]])
    })
  }

  it('no request of accounts is 503, and each is done once', async () => {
    const pool = new AccountPool(connectPostgres({ url, directUrl: url, poolMax: 4 }))
    after(() => pool.close())
    const db = new Kysely<{ user: { id: string } }>({ dialect: accountDialect(pool) }).withSchema(
      'todo_auth',
    )
    const limit = { max: 10 * TIMES, windowSeconds: 3_600 }
    for (let n = 0; n < TIMES; n += 1) {
      await pause(n)
      await pool.run(countAttempt('once', limit))
      await pause(n)
      await db
        .transaction()
        .execute((transaction) =>
          transaction.deleteFrom('user').where('id', '=', 'nobody').execute(),
        )
    }
    const [kept] = await test.admin(`select count from todo_auth.rate_limit where key = 'once'`)
    assert.equal(kept?.count, TIMES)
  })
})

describe('what may have been done', () => {
  let test: TestDatabase
  let url: string
  before(async () => {
    test = await openTestDatabase('postgres')
    url = test.config.kind === 'postgres' ? test.config.url : ''
  })
  after(() => test.close())

  const FAULTS: Record<string, Tamper> = {
    'the end of the session comes in its middle': (answer) => [
      ...answer.slice(0, -2),
      error('57P01', 'FATAL'),
    ],
    'the session ends without a word of the answer': () => [error('57P01', 'FATAL')],
    'it says that it was idle, in the middle': (answer) => [
      ...answer.slice(0, -2),
      error('57P05', 'FATAL'),
    ],
  }
  for (const [what, tamper] of Object.entries(FAULTS)) {
    it(`503, and it is not sent again, where ${what}`, async () => {
      let armed = false
      const proxy = await startProxy(
        url,
        () => new TamperedAnswers((answer) => (armed ? tamper(answer) : answer)),
      )
      const connector = connectPostgres({ url: proxy.url, directUrl: url, poolMax: 1 })
      const pool = new PipelinedPool(connector)
      const accounts = new AccountPool(connector)
      const limit = { max: 10, windowSeconds: 3_600 }
      await pool.ping()
      await accounts.run(countAttempt('warm', limit))
      armed = true
      const user = what.replaceAll(' ', '-')
      const task = pool.asUser(user, insertTask(taskId(what.length), { title: 'x' }))
      await assert.rejects(task, { status: 503 })
      await assert.rejects(accounts.run(countAttempt(what, limit)), { status: 503 })
      armed = false
      const count = rawStatement('select count(*) from todo.tasks')
      assert.deepEqual(await pool.asUser(user, count), [['1']])
      const kept = await test.admin('select count from todo_auth.rate_limit where key = $1', [what])
      assert.deepEqual(kept, [{ count: 1 }])
      await proxy.close()
      await Promise.all([pool.close(), accounts.close()])
    })
  }
})
