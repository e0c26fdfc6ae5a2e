import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setImmediate as nextTick } from 'node:timers/promises'
import { Client } from 'pg'
import { LIMITS, type Limits } from '../../src/core/limits.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { OWN_SESSION, POOLED, type Scope, SESSION_LIMITS } from '../../src/database/scope.ts'
import { sql } from '../../src/database/session.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { LONG_MS, PATIENT } from '../support/app.ts'
import { type Blocker, holdLock } from '../support/blocker.ts'
import {
  naming,
  openTestDatabase,
  rawStatement,
  type TestDatabase,
  taskId,
} from '../support/databases.ts'
import {
  type DatabaseProxy,
  nameAnotherProcess,
  poolThrough,
  startProxy,
} from '../support/proxy.ts'

const now = rawStatement('select count(*) from todo.tasks')
const UNAVAILABLE = { code: 'service_unavailable', headers: { 'retry-after': '1' } }

describe('the pool, when the database is cut off', () => {
  let test: TestDatabase
  let proxy: DatabaseProxy
  let pool: PipelinedPool
  let blocker: Blocker
  const patient: Record<keyof Limits, number> = {
    ...LIMITS,
    ...PATIENT,
    databaseSilenceMs: LONG_MS,
    connectMs: LONG_MS,
  }
  before(async () => {
    test = await openTestDatabase('postgres')
  })
  after(() => test.close())
  beforeEach(async () => {
    proxy = await startProxy(test.config.kind === 'postgres' ? test.config.url : '')
    pool = poolThrough(proxy, 3, patient)
    await pool.ping()
    blocker = await holdLock(test.config.kind === 'postgres' ? test.config.url : '')
  })
  afterEach(async () => {
    await blocker.close()
    await pool.close()
    await proxy.close()
  })

  it('a lost connection fails what was in progress on it, and is replaced', async () => {
    const inProgress = Array.from({ length: 10 }, () => pool.asUser('alice', blocker.statement))
    const settled = Promise.allSettled(inProgress)
    await blocker.waitFor(1)
    proxy.cut()
    await blocker.release()
    for (const answer of await settled) {
      if (answer.status === 'rejected') assert.equal(answer.reason.code, 'service_unavailable')
    }
    assert.ok((await settled).some(({ status }) => status === 'rejected'))
    assert.deepEqual(await pool.asUser('alice', now), [['0']])
  })

  it('an idle connection that dies is replaced, and nobody notices', async () => {
    proxy.cut()
    while (pool.load.connections > 0) await nextTick()
    assert.deepEqual(await pool.asUser('alice', now), [['0']])
  })

  it('a backend that is terminated fails its statement alone, with 503', async () => {
    const failing = assert.rejects(pool.asUser('alice', blocker.statement), UNAVAILABLE)
    await blocker.waitFor(1)
    await test.admin(
      `select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
       where locktype = 'advisory' and not granted and datname = current_database()`,
    )
    await failing
    assert.deepEqual(await pool.asUser('alice', now), [['0']])
  })

  it('503 at once while the database is away, and service again when it is back', async () => {
    proxy.away(true)
    for (let n = 0; n < 3; n += 1) {
      // No limit of the pool would refuse them within an hour.
      await assert.rejects(pool.asUser('alice', now), UNAVAILABLE)
      await assert.rejects(pool.ping(), UNAVAILABLE)
    }
    proxy.away(false)
    assert.deepEqual(await pool.asUser('alice', now), [['0']])
  })

  it('opens no more connections than it may, and shares them', async () => {
    await Promise.all(
      Array.from({ length: 60 }, () => pool.asUser('alice', rawStatement('select pg_sleep(0.01)'))),
    )
    assert.ok(proxy.connections() <= 3)
  })

  it('503 at once beyond what may be in progress; what is in progress is answered', async () => {
    const many = Array.from({ length: 1_024 + 50 }, (_, n) => pool.asUser(`user-${n % 100}`, now))
    const answers = await Promise.allSettled(many)
    const refused = answers.filter(({ status }) => status === 'rejected')
    assert.equal(refused.length, 50)
    for (const answer of refused) {
      assert.ok(answer.status === 'rejected')
      assert.equal(answer.reason.code, 'service_unavailable')
    }
  })

  it('an error in reading the rows is thrown as it is, not as 503', async () => {
    const read = () => {
      throw new TypeError('unreadable')
    }
    await assert.rejects(pool.asUser('alice', { ...now, read }), /^TypeError: unreadable$/)
    assert.deepEqual(await pool.asUser('alice', now), [['0']])
  })

  it('a connection that owes an answer and says nothing is given up', async () => {
    const limits = { ...patient }
    const impatient = poolThrough(proxy, 1, limits)
    assert.deepEqual(await impatient.asUser('alice', now), [['0']])
    proxy.freeze(true)
    limits.databaseSilenceMs = 50
    await assert.rejects(impatient.asUser('alice', now), UNAVAILABLE)
    limits.databaseSilenceMs = patient.databaseSilenceMs
    proxy.freeze(false)
    assert.deepEqual(await impatient.asUser('alice', now), [['0']])
    await impatient.close()
  })

  it('close lets what is in progress finish', async () => {
    const writing = pool.asUser(
      'closing',
      insertTask('00000000-0000-7000-8000-000000000001', { title: 'x' }),
    )
    await Promise.all([writing, pool.close()])
    await assert.rejects(pool.ping(), UNAVAILABLE)
    assert.deepEqual(await test.admin(`select title from todo.tasks where user_id = 'closing'`), [
      { title: 'x' },
    ])
  })
})

describe('the time limits of a statement', () => {
  let test: TestDatabase
  before(async () => {
    test = await openTestDatabase('postgres')
  })
  after(() => test.close())
  const url = () => (test.config.kind === 'postgres' ? test.config.url : '')

  it('are set for a session that is its own', async () => {
    const client = new Client({ connectionString: url() })
    await client.connect()
    const { rows } = await client.query('select pg_backend_pid() as pid')
    const { rows: answers } = await client.query({ ...SESSION_LIMITS, values: [rows[0].pid] })
    assert.equal(answers[0].own, true)
    assert.deepEqual(await limitsOf(client), { statement: '5s', lock: '50ms' })
    await client.end()
  })

  for (const [what, process] of [
    ['of a pooler', 1],
    ['of an unknown server', 0],
  ] as const) {
    it(`leave no trace in a session ${what}`, async () => {
      const client = new Client({ connectionString: url() })
      await client.connect()
      const { rows } = await client.query({ ...SESSION_LIMITS, values: [process] })
      assert.equal(rows[0].own, false)
      assert.deepEqual(await limitsOf(client), { statement: '0', lock: '0' })
      await client.end()
    })
  }

  for (const [what, answers] of [
    ['directly', undefined],
    ['behind a pooler', nameAnotherProcess],
  ] as const) {
    it(`hold for every statement, ${what}`, async () => {
      const proxy = await startProxy(url(), answers)
      const pool = poolThrough(proxy, 1)
      const limits = rawStatement(
        `select current_setting('statement_timeout'), current_setting('lock_timeout')`,
      )
      assert.deepEqual(await pool.asUser('bob', limits), [['5s', '50ms']])
      assert.deepEqual(await pool.asUser('alice', limits), [['5s', '50ms']])
      const prepared = rawStatement(`select statement from pg_prepared_statements order by 1`)
      const texts = (await pool.asUser('alice', prepared)).map(([text]) => text)
      const [own, other] = answers === undefined ? [OWN_SESSION, POOLED] : [POOLED, OWN_SESSION]
      assert.ok(texts.includes(own.behind.text))
      assert.ok(!texts.includes(own.patient.text))
      for (const { text } of [other.behind, other.patient]) assert.ok(!texts.includes(text))
      await pool.close()
      await proxy.close()
    })
  }
})

describe('the scope of a connection', () => {
  it('is the one that the connector chooses', async () => {
    const test = await openTestDatabase('postgres')
    const chosen: Scope = { ...POOLED, behind: sql(`${POOLED.behind.text} /* chosen */`) }
    const pool = new PipelinedPool({ ...test.connector, chooseScope: async () => chosen })
    const prepared = rawStatement(`select statement from pg_prepared_statements`)
    const texts = (await pool.asUser('alice', prepared)).map(([text]) => text)
    assert.ok(texts.includes(chosen.behind.text))
    assert.ok(!texts.includes(POOLED.behind.text) && !texts.includes(OWN_SESSION.behind.text))
    await pool.close()
    await test.close()
  })
})

describe('a table that is locked before a statement was ever sent', () => {
  it('503 for all that wait, within the limit of a lock, behind a pooler too', async () => {
    const test = await openTestDatabase('postgres')
    const { url } = test.config.kind === 'postgres' ? test.config : { url: '' }
    const locking = new Client({ connectionString: url })
    await locking.connect()
    await locking.query('begin; lock table todo.tasks')
    const waits = [undefined, nameAnotherProcess].map(async (answers) => {
      const proxy = await startProxy(url, answers)
      const pool = poolThrough(proxy, 1)
      await pool.ping()
      const attempts = await Promise.allSettled([
        pool.asUser('alice', now),
        pool.asUser('bob', now),
      ])
      for (const attempt of attempts) {
        assert.ok(attempt.status === 'rejected')
        assert.equal(attempt.reason.code, 'service_unavailable')
        // The other waited for the first one, and was not sent.
        assert.match(String(attempt.reason.cause?.code ?? 'unsent'), /^(55P03|26000|unsent)$/)
      }
      return { pool, proxy }
    })
    const waited = await Promise.all(waits)
    await locking.end()
    for (const { pool, proxy } of waited) {
      assert.deepEqual(await pool.asUser('alice', now), [['0']])
      await pool.close()
      await proxy.close()
    }
    await test.close()
  })
})

describe('behind a pooler, which gives each transaction a session that others use as well', () => {
  let test: TestDatabase
  let proxy: DatabaseProxy
  let pool: PipelinedPool
  before(async () => {
    test = await openTestDatabase('postgres')
    const { url } = test.config.kind === 'postgres' ? test.config : { url: '' }
    proxy = await startProxy(url, nameAnotherProcess)
    pool = poolThrough(proxy, 1)
  })
  after(async () => {
    await pool.close()
    await proxy.close()
    await test.close()
  })

  const add = (user: string, n: number) => pool.asUser(user, insertTask(taskId(n), { title: 'x' }))
  const prepared = rawStatement('select count(*) from pg_prepared_statements')

  it('what the session has not seen is sent anew, once, and nobody is told', async () => {
    await test.admin(
      `create function public.forget(really boolean) returns void language plpgsql
       as $$ begin if really then deallocate all; end if; end $$`,
    )
    const forgetting = (really: boolean) =>
      pool.asUser('alice', rawStatement('select public.forget($2)', [really]))
    await forgetting(false)
    await add('alice', 1)
    assert.deepEqual(await pool.asUser('alice', prepared), [['4']])
    const forget = forgetting(true)
    // In one write with it: they were promised a session that knows them.
    const made = [add('alice', 2), add('bob', 3), add('alice', 4)]
    await Promise.all([forget, ...made])
    assert.deepEqual(await pool.asUser('alice', now), [['3']])
    assert.deepEqual(await pool.asUser('bob', now), [['1']])
    assert.equal(proxy.connections(), 1)
  })

  it('from then on nothing is prepared, and the scope holds as before', async () => {
    assert.deepEqual(await pool.asUser('alice', prepared), [['0']])
    await add('bob', 5)
    const users = rawStatement('select distinct user_id from todo.tasks')
    for (const user of ['alice', 'bob']) assert.deepEqual(await pool.asUser(user, users), [[user]])
    const sees = rawStatement(`select current_user, current_setting('statement_timeout')`)
    assert.deepEqual(await pool.asUser('alice', sees), [['todo_user', '5s']])
    assert.deepEqual(await pool.asUser('bob', [sees, users, sees]), [
      [['todo_user', '5s']],
      [['bob']],
      [['todo_user', '5s']],
    ])
    const forBob = naming('bob', insertTask(taskId(6), { title: 'x' }))
    await assert.rejects(pool.asUser('alice', forBob))
    assert.deepEqual(await pool.asUser('alice', users), [['alice']])
  })

  it('a statement that somebody else has prepared in it already is no error either', async () => {
    const other = poolThrough(proxy, 1)
    const statement = insertTask(taskId(7), { title: 'x' })
    await other.asUser('carol', rawStatement(`prepare ${statement.sql.name} as select 1`))
    await other.asUser('carol', statement)
    assert.deepEqual(await other.asUser('carol', now), [['1']])
    await other.close()
  })
})

async function limitsOf(client: Client) {
  const { rows } = await client.query(
    `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`,
  )
  return rows[0]
}
