import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '../src/core/limits.ts'
import { exchange, PATIENT, startApp, type TestApp } from './support/app.ts'
import { emptyPostgres, KINDS } from './support/databases.ts'
import { type Answers, flood, getRequest } from './support/flood.ts'
import { type DatabaseProxy, startProxy } from './support/proxy.ts'
import { startServer } from './support/served.ts'

const NONE: Answers = { count: 0, withRetryAfter: 0 }

/**
 * Asks until the work is done: several times at once, as a slow machine has time for few, and then every now and
 * then. Each response is 200, and several come before the work is done.
 */
async function asking(
  port: number,
  path: string,
  token: string,
  done: Promise<unknown>,
): Promise<void> {
  let busy = true
  const end = done.finally(() => {
    busy = false
  })
  let answers = 0
  while (busy) {
    const headers = { authorization: `Bearer ${token}` }
    const { status } = await exchange(port, 'GET', path, { headers })
    assert.equal(status, 200, path)
    if (busy) answers += 1
    if (answers > 2) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await end
  assert.ok(answers > 2, `${answers} answers`)
}

for (const kind of KINDS) {
  describe(`more than ${kind} can do`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, {}, undefined, LIMITS)
      await test.send('POST', '/api/heavy/tasks', { body: { title: 'first' } })
      await test.admin(
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         select 'heavy', gen_random_uuid(), 'of many', false, now(), now(), 0 from generate_series(1, 2000)`,
      )
    })
    after(() => test.close())

    it('503 with Retry-After for what would wait long, and the next request is answered', async () => {
      const requests = [getRequest('/api/heavy/tasks?limit=1000', await test.token('heavy'))]
      const { port } = test
      const order = { port, requests, connections: 1_500, perSecond: null, seconds: 1, allBut: 0 }
      const { unanswered, answers } = await flood(order).result
      const { 200: answered = NONE, 503: refused = NONE, ...rest } = answers
      assert.deepEqual(rest, {})
      assert.equal(unanswered, 0)
      assert.ok(answered.count > 0 && refused.count > 0)
      assert.equal(refused.withRetryAfter, refused.count)
      assert.equal(answered.withRetryAfter, 0)
      assert.equal((await test.send('GET', '/api/light/tasks')).status, 200)
      assert.equal((await test.send('GET', '/api/heavy/tasks')).status, 200)
    })

    it('none of it is a fault of the server in its log', () => {
      const faults = test.log.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
      assert.deepEqual(faults, [])
    })
  })
}

describe('a user who floods', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', { RATE_LIMIT_PER_MINUTE: '300' }, undefined, PATIENT)
  })
  after(() => test.close())

  it('429 with RateLimit beyond the limit, and others are served meanwhile', async () => {
    const { port } = test
    const requests = [getRequest('/api/mallory/tasks', await test.token('mallory'))]
    const order = { port, requests, connections: 100, perSecond: 2_000, seconds: 1, allBut: 0 }
    const { result } = flood(order)
    await asking(port, '/api/alice/tasks', await test.token('alice'), result)
    const { 200: answered = NONE, 429: refused = NONE, ...rest } = (await result).answers
    assert.deepEqual(rest, {})
    assert.equal(answered.count, 300)
    assert.equal(refused.count, 1_700)
    assert.equal(refused.withRetryAfter, refused.count)
    const { status, headers } = await test.send('GET', '/api/mallory/tasks')
    assert.equal(status, 429)
    assert.equal(headers['ratelimit-policy'], '"user";q=300;w=60')
    assert.match(String(headers.ratelimit), /^"user";r=0;t=\d+$/)
  })
})

describe('a database that has stopped', () => {
  let database: Awaited<ReturnType<typeof emptyPostgres>>
  let proxy: DatabaseProxy
  let server: Awaited<ReturnType<typeof startServer>>
  before(async () => {
    database = await emptyPostgres()
    proxy = await startProxy(database.url)
    server = await startServer(proxy.url)
  })
  after(async () => {
    proxy.freeze(false)
    await server.close()
    await proxy.close()
    await database.drop()
  })

  it('503 at once beyond what it was given, and alive meanwhile', async () => {
    const { port } = server
    const token = await server.token('alice')
    const ask = () => server.send('GET', '/api/alice/tasks')
    // One user stays on a quarter of the connections.
    const askAs = (_: unknown, n: number) => server.send('GET', `/api/user-${n}/tasks`)
    while (proxy.connections() < 4) await Promise.all(Array.from({ length: 50 }, askAs))

    proxy.freeze(true)
    const requests = [getRequest('/api/alice/tasks', token)]
    const given = 4 * LIMITS.statementsAhead
    const order = { port, requests, connections: 1_500, perSecond: 300, seconds: 3, allBut: given }
    const { answered: others, result } = flood(order)
    await asking(port, '/livez', token, others)
    // Those that the connections were given wait until then: they may have been done.
    proxy.freeze(false)

    const { 200: answered = NONE, 503: refused = NONE, ...rest } = (await result).answers
    assert.deepEqual(rest, {})
    assert.ok(answered.count <= given, `${answered.count} answers`)
    assert.equal(answered.count + refused.count, 900)
    assert.equal(refused.withRetryAfter, refused.count)
    assert.equal((await ask()).status, 200)
  })
})
