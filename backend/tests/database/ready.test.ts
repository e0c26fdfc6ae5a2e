import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '../../src/core/limits.ts'
import { PATIENT } from '../support/app.ts'
import { holdLock } from '../support/blocker.ts'
import { openTestDatabase, type TestDatabase } from '../support/databases.ts'
import { poolThrough, startProxy } from '../support/proxy.ts'
import { TamperedAnswers } from '../support/tamper.ts'

describe('whether the database is ready', () => {
  let test: TestDatabase
  let url: string
  before(async () => {
    test = await openTestDatabase('postgres')
    url = test.config.kind === 'postgres' ? test.config.url : ''
  })
  after(() => test.close())

  it('one query at a time, shared by concurrent requests', async () => {
    let answers = 0
    const count = () =>
      new TamperedAnswers((answer) => {
        answers += 1
        return answer
      })
    const proxy = await startProxy(url, count)
    const pool = poolThrough(proxy, 1, { ...LIMITS, ...PATIENT, statementsInProgress: 1 })
    await pool.ping()
    answers = 0
    await Promise.all(Array.from({ length: 5_000 }, () => pool.ping()))
    assert.equal(answers, 1)
    await pool.close()
    await proxy.close()
  })

  it('is answered though a user has all that users may, and though it waits', async () => {
    const blocker = await holdLock(url)
    const proxy = await startProxy(url)
    const limits = {
      ...LIMITS,
      statementsInProgress: 10,
      statementsOfOneUser: 10,
      // Nothing is sent after a statement that has been on its way for any time.
      behindMs: 0,
      ...PATIENT,
    }
    const pool = poolThrough(proxy, 4, limits)
    const heavy = Array.from({ length: 10 }, () => pool.asUser('heavy', blocker.statement))
    await blocker.waitFor(2)
    await assert.rejects(pool.asUser('bob', blocker.statement), { status: 503 })
    for (let n = 0; n < 10; n += 1) await pool.ping()
    assert.equal(await blocker.waiting(), 2)
    await blocker.release()
    await Promise.all(heavy)
    await pool.close()
    await proxy.close()
    await blocker.close()
  })
})
