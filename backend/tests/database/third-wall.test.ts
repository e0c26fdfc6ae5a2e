import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { AppError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { LONG_MS, PATIENT } from '../support/app.ts'
import { openTestDatabase, rawStatement, type TestDatabase } from '../support/databases.ts'
import { startProxy } from '../support/proxy.ts'
import {
  complete,
  error,
  message,
  READY,
  row,
  type ServerAnswer,
  type ServerMessage,
  type Tamper,
  TamperedAnswers,
} from '../support/tamper.ts'

const USERS = ['alice', 'bob', 'carol']
const ROUNDS = 3
/** Times in which a connection that is silent is given up. */
const SHORT = { databaseSilenceMs: 300, connectMs: 300 }
const LONG = { databaseSilenceMs: LONG_MS, connectMs: LONG_MS }
const TOGETHER = 8
/** One of so many answers is tampered with. */
const EVERY = 5

/** At a place among messages of one type, counted from 0, what stands there instead. */
const at = (answer: ServerAnswer, type: string, nth: number, by: readonly ServerMessage[]) => {
  let seen = -1
  return answer.flatMap((one) => {
    if (one.type === type) seen += 1
    return one.type === type && seen === nth ? by : [one]
  })
}
const after1 = (answer: ServerAnswer, type: string, nth: number, more: ServerMessage) => {
  const found = answer.filter((one) => one.type === type)[nth]
  return found === undefined ? answer : at(answer, type, nth, [found, more])
}

/** The place of the last message of a type, counted as in {@link at}. */
const lastOf = (answer: ServerAnswer, type: string) =>
  answer.filter((one) => one.type === type).length - 1

/** Gives each answer the place of the next, on whichever connection that is. */
const exchange = (): Tamper => {
  let held: ServerAnswer | undefined
  return (answer) => {
    const before = held
    held = answer
    return before ?? answer
  }
}

/** Lets each answer wait for the next, and sends that one first. */
const swap = (): Tamper => {
  let held: ServerAnswer | undefined
  return (answer) => {
    const both = held === undefined ? [] : [...answer, ...held]
    held = held === undefined ? answer : undefined
    return both
  }
}

const FAULTS: Record<string, () => Tamper> = {
  'says twice that it is ready': () => (answer) => [...answer, READY],
  'is ready before it answers': () => (answer) => [READY, ...answer],
  'says twice that it is ready, between scope and statement': () => (answer) =>
    after1(answer, 'C', 0, READY),
  'does not say that it is ready': () => (answer) => answer.filter(({ type }) => type !== 'Z'),
  'swaps two answers': swap,
  'gives the answer of another session': exchange,
  'gives an answer twice': () => (answer) => [...answer, ...answer],
  'drops an answer': () => () => [],
  'ends the statement twice': () => (answer) => after1(answer, 'C', 1, complete('SELECT 1')),
  'ends the statement twice, then without a row': () => (answer) =>
    after1(answer, 'C', 1, complete('SELECT 0')),
  'ends the scope twice': () => (answer) => after1(answer, 'C', 0, complete('SELECT 0')),
  'drops the end of the scope': () => (answer) => at(answer, 'C', 0, []),
  'drops the end of the statement': () => (answer) => at(answer, 'C', 1, []),
  'drops the row of the scope': () => (answer) => at(answer, 'D', 0, []),
  'drops the row of the statement': () => (answer) => at(answer, 'D', 1, []),
  'sets the scope of another user': () => (answer) => {
    const scope = answer.find(({ type }) => type === 'D')
    const number = scope?.bytes.subarray(-15).toString() ?? ''
    return at(answer, 'D', 0, [row('todo_user', 'mallory', number)])
  },
  'adds a row to the scope': () => (answer) => after1(answer, 'D', 0, row('todo_user', 'bob', '1')),
  'adds a row to the statement': () => (answer) => after1(answer, 'D', 1, row('bob 1')),
  'adds a row behind the statement': () => (answer) => after1(answer, 'C', 1, row('bob 1')),
  'sends a statement’s answer alone': () => (answer) => at(at(answer, 'D', 0, []), 'C', 0, []),
  'sends no statement’s answer': () => (answer) => at(at(answer, 'D', 1, []), 'C', 1, []),
  'drops the response of the last statement': () => (answer) =>
    at(at(answer, 'D', lastOf(answer, 'D'), []), 'C', lastOf(answer, 'C'), []),
  'gives the response of the last statement twice': () => (answer) => {
    const row = answer.findLast(({ type }) => type === 'D')
    const end = answer.findLast(({ type }) => type === 'C')
    return row === undefined || end === undefined
      ? answer
      : [...answer.slice(0, -1), row, end, READY]
  },
  'answers an empty statement': () => (answer) => at(answer, 'C', 1, [message('I')]),
  'answers in pieces': () => (answer) => at(answer, 'C', 1, [message('s')]),
  'wants data': () => (answer) => at(answer, 'C', 1, [message('G', Buffer.alloc(3))]),
  'says that another account is deleted': () => () => [error('TD401'), READY],
  'has the error of a lock, and nothing else': () => () => [error('55P03'), READY],
  'has the error of a lock before the response': () => (answer) => [error('55P03'), ...answer],
  'has two errors': () => (answer) => [error('TD401'), error('23505'), ...answer],
}

/** Asks for the own text, with one statement and with several; both must have it. */
const ASKED: Record<string, (pool: PipelinedPool, user: string, own: string) => Promise<unknown>> =
  {
    '': (pool, user, own) => pool.asUser(user, rawStatement('select $2::text', [own])),
    ', of several statements': async (pool, user, own) => {
      const whose = rawStatement(`select $1, $2::text, n from generate_series(1, 2) n`, [own])
      const text = rawStatement('select $2::text', [own])
      const [first, second, third] = await pool.asUser(user, [text, whose, text])
      assert.deepEqual(
        second,
        ['1', '2'].map((n) => [user, own, n]),
      )
      assert.deepEqual(third, first)
      return first
    },
  }

/** Accounts have one request at a time on a connection, so nobody waits for what follows its response. */
const HARMLESS = /^(says twice that it is ready|gives an answer twice)$/
/** Without a response, a request of accounts waits for as long as any statement may take. */
const SILENT = /^(drops an answer|does not say that it is ready|swaps two answers)$/

/** With the fault every now and then, once it is armed. */
function nowAndThen(make: () => Tamper) {
  let armed = false
  let seen = 0
  const tamper = make()
  // These have something to do with the next answer as well.
  const lasting = make === swap ? 2 : make === exchange ? EVERY : 1
  return {
    arm: (on: boolean) => {
      armed = on
    },
    tamper: (answer: ServerAnswer) => {
      if (!armed) return answer
      seen += 1
      return seen % EVERY < lasting ? tamper(answer) : answer
    },
  }
}

describe('a pooler that answers with what is another’s', () => {
  let test: TestDatabase
  let url: string
  before(async () => {
    test = await openTestDatabase('postgres')
    url = test.config.kind === 'postgres' ? test.config.url : ''
  })
  after(() => test.close())

  /** Asks for what only the own answer has, and returns how many were refused with 503. */
  async function refused(
    ask: (user: string, own: string) => Promise<unknown>,
    rounds = ROUNDS,
  ): Promise<number> {
    let failed = 0
    for (let round = 0; round < rounds; round += 1) {
      const asked = Array.from({ length: TOGETHER }, async (_, n) => {
        const user = USERS[n % USERS.length] ?? ''
        const own = `${user} ${round}-${n}`
        try {
          assert.deepEqual(await ask(user, own), [[own]])
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error
          assert.ok(error instanceof AppError)
          assert.equal(error.status, 503)
          failed += 1
        }
      })
      await Promise.all(asked)
    }
    return failed
  }

  for (const [what, make] of Object.entries(FAULTS)) {
    for (const [of, ask] of Object.entries(ASKED)) {
      // A silence is the same however many statements it follows, and takes its time.
      if (of !== '' && SILENT.test(what)) continue
      it(`503 where it ${what}${of}: no answer is another’s`, async () => {
        const { arm, tamper } = nowAndThen(make)
        const proxy = await startProxy(url, () => new TamperedAnswers(tamper))
        const reports: Error[] = []
        const limits = { ...LIMITS, ...PATIENT, ...LONG }
        const pool = new PipelinedPool(
          connectPostgres({ url: proxy.url, directUrl: url, poolMax: 2 }),
          limits,
          (report) => reports.push(report),
        )
        try {
          await pool.asUser('alice', rawStatement('select 1'))
          Object.assign(limits, SHORT)
          arm(true)
          const asked = (user: string, own: string) => ask(pool, user, own)
          const failed = await refused(asked)
          assert.ok(failed > 0)
          arm(false)
          await refused(asked, 1)
          // From here on nothing is silent, unless the machine is slow.
          Object.assign(limits, LONG)
          assert.equal(await refused(asked, 2), 0)
          // An error names no request, so it is no mismatch either.
          if (!/deleted|error/.test(what)) assert.ok(reports.length > 0)
          for (const report of reports) assert.equal(report.name, 'MismatchError')
        } finally {
          await proxy.close()
          await pool.close()
        }
      })
    }

    if (SILENT.test(what)) continue
    it(`503 where it ${what}, for accounts: no answer is another’s`, async () => {
      const { arm, tamper } = nowAndThen(make)
      const proxy = await startProxy(url, () => new TamperedAnswers(tamper))
      const connector = connectPostgres({ url: proxy.url, directUrl: url, poolMax: 2 })
      const pool = new AccountPool(connector)
      const asked = (_user: string, own: string) =>
        pool.run({ text: 'select $1::text', values: [own], read: (rows) => rows })
      try {
        await asked('', 'first')
        arm(true)
        const failed = await refused(asked)
        assert.ok(failed > 0 || HARMLESS.test(what))
      } finally {
        await proxy.close()
        await pool.close()
      }
    })
  }

  it('200 where notices and parameters come between', async () => {
    const notice = message('N', 'SNOTICE\0VNOTICE\0C00000\0Mhello\0\0')
    const parameter = message('S', 'TimeZone\0UTC\0')
    const between: Tamper = (answer) => answer.flatMap((one) => [notice, parameter, one])
    const { arm, tamper } = nowAndThen(() => between)
    const proxy = await startProxy(url, () => new TamperedAnswers(tamper))
    const connector = connectPostgres({ url: proxy.url, directUrl: url, poolMax: 2 })
    const pool = new PipelinedPool(connector)
    const accounts = new AccountPool(connector)
    arm(true)
    const tasks = await refused((user, own) =>
      pool.asUser(user, rawStatement('select $2::text', [own])),
    )
    const others = await refused((_user, own) =>
      accounts.run({ text: 'select $1::text', values: [own], read: (rows) => rows }),
    )
    assert.deepEqual([tasks, others], [0, 0])
    await Promise.all([pool.close(), accounts.close()])
    await proxy.close()
  })
})
