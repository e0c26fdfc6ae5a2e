import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { readPackage } from '../../../scripts/lockfile.ts'
import { withAsUser } from '../../src/database/session.ts'
import { exchange, startApp, type TestApp } from '../support/app.ts'

const ORIGIN = 'https://app.example.com'
/** The headers that pages may send. */
const ACCEPTED =
  'authorization, baggage, content-type, idempotency-key, if-match, if-none-match, last-event-id, prefer, sentry-trace, traceparent, tracestate, x-request-id'

describe('the limit of a user', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', { RATE_LIMIT_PER_MINUTE: '5' })
  })
  after(() => test.close())

  it('429 with Retry-After and RateLimit beyond it, for that user alone', async () => {
    const statuses = []
    for (let n = 0; n < 7; n += 1)
      statuses.push((await test.send('GET', '/api/alice/tasks')).status)
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429])
    const answer = await test.send('GET', '/api/alice/tasks')
    assert.equal(answer.json.error, 'too_many_requests')
    assert.equal(answer.headers['ratelimit-policy'], '"user";q=5;w=60')
    assert.match(String(answer.headers.ratelimit), /^"user";r=0;t=\d+$/)
    const seconds = Number(answer.headers['retry-after'])
    assert.ok(seconds > 0 && seconds <= 60)
    assert.equal((await test.send('GET', '/api/bob/tasks')).status, 200)
  })

  it('says what is left on every answer', async () => {
    const { headers } = await test.send('GET', '/api/carol/tasks')
    assert.match(String(headers.ratelimit), /^"user";r=4;t=\d+$/)
  })

  it('requests with another user’s token, or none, use up nothing', async () => {
    for (let n = 0; n < 10; n += 1) {
      await test.send('GET', '/api/dave/tasks', { as: 'mallory' })
      await test.send('GET', '/api/dave/tasks', { as: null })
    }
    assert.equal((await test.send('GET', '/api/dave/tasks')).status, 200)
  })

  it('health and docs are not limited', async () => {
    for (let n = 0; n < 10; n += 1) assert.equal((await test.send('GET', '/livez')).status, 200)
  })
})

describe('pages of trusted origins', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', { TRUSTED_ORIGINS: `${ORIGIN}, http://localhost:3000` })
  })
  after(() => test.close())

  it('may read answers, errors too, and the headers they need', async () => {
    for (const [path, as] of [
      ['/api/alice/tasks', 'alice'],
      ['/api/alice/tasks', null],
      ['/api/alice/task', 'alice'],
      ['/nothing', null],
    ] as const) {
      const { headers } = await test.send('GET', path, { as, headers: { origin: ORIGIN } })
      assert.equal(headers['access-control-allow-origin'], ORIGIN)
      assert.equal(headers['access-control-allow-credentials'], 'true')
      assert.match(String(headers.vary), /origin/i)
      assert.equal(
        headers['access-control-expose-headers'],
        'allow, etag, idempotency-replayed, link, location, next-cursor, preference-applied, ratelimit, ratelimit-policy, retry-after, set-auth-jwt, set-auth-token, total-count, www-authenticate, x-request-id',
      )
    }
  })

  it('get the methods of the path and the headers it takes from a preflight, without a token', async () => {
    const headers = { origin: ORIGIN, 'access-control-request-method': 'PUT' }
    const path = '/api/alice/tasks/019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'
    const answer = await exchange(test.port, 'OPTIONS', path, { headers })
    assert.equal(answer.status, 204)
    assert.equal(answer.headers['access-control-allow-origin'], ORIGIN)
    assert.equal(answer.headers['access-control-allow-methods'], answer.headers.allow)
    assert.match(String(answer.headers.allow), /PUT/)
    assert.equal(answer.headers['access-control-allow-headers'], ACCEPTED)
    assert.equal(answer.headers['access-control-allow-credentials'], 'true')
    assert.equal(answer.headers['access-control-max-age'], '86400')
  })

  it('get 204 for a preflight on every path, so that they can read the 404', async () => {
    const headers = { origin: ORIGIN, 'access-control-request-method': 'DELETE' }
    for (const path of ['/nothing', '/api/alice/task', '/api/alice/tasks/', '/api/auth/nothing']) {
      const answer = await exchange(test.port, 'OPTIONS', path, { headers })
      assert.deepEqual([answer.status, answer.text], [204, ''], path)
      assert.equal(answer.headers.allow, undefined)
      assert.equal(answer.headers['access-control-allow-origin'], ORIGIN)
      assert.equal(
        answer.headers['access-control-allow-methods'],
        'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
      )
      assert.equal(answer.headers['access-control-allow-headers'], ACCEPTED)
      assert.equal(answer.headers['access-control-max-age'], '86400')
      const { status } = await exchange(test.port, 'DELETE', path, { headers: { origin: ORIGIN } })
      assert.equal(status, 404, path)
    }
    // Without a method it is no preflight, and another origin has no use for one.
    for (const others of [{ origin: ORIGIN }, { ...headers, origin: 'https://evil.example.com' }]) {
      const answer = await exchange(test.port, 'OPTIONS', '/nothing', { headers: others })
      assert.equal(answer.status, 404)
      assert.equal(answer.headers['access-control-max-age'], undefined)
    }
  })

  it('reach no task with a cookie alone', async () => {
    const token = await test.token('alice')
    const cookie = `better-auth.session_token=${token}; token=${token}; authorization=${token}`
    const headers = { origin: ORIGIN, cookie }
    const { status } = await test.send('GET', '/api/alice/tasks', { as: null, headers })
    assert.equal(status, 401)
  })

  it('no other origin is named', async () => {
    for (const origin of [
      'https://evil.example.com',
      'null',
      `${ORIGIN}.evil.com`,
      'http://app.example.com',
      ORIGIN.toUpperCase(),
    ]) {
      for (const method of ['GET', 'OPTIONS']) {
        const { headers } = await test.send(method, '/api/alice/tasks', { headers: { origin } })
        assert.equal(headers['access-control-allow-origin'], undefined)
        assert.equal(headers['access-control-allow-credentials'], undefined)
      }
    }
  })
})

describe('health', () => {
  it('200 while alive, with the version, and while ready; / names the way', async () => {
    const test = await startApp('postgres')
    for (const path of ['/readyz', '/health']) {
      const answer = await test.send('GET', path)
      assert.deepEqual([answer.status, answer.text], [200, '{"status":"ok"}'])
    }
    const live = await test.send('GET', '/livez')
    const { version } = readPackage()
    assert.deepEqual([live.status, live.json], [200, { status: 'ok', version }])
    const { links } = (await test.send('GET', '/')).json
    for (const link of Object.values(links))
      assert.equal((await test.send('GET', String(link))).status, 200)
    await test.close()
  })

  /** Starts an app in which the given statement of a user waits until it is released. */
  async function startHeld(nth: number) {
    const held = Promise.withResolvers<void>()
    const inProgress = Promise.withResolvers<void>()
    let statements = 0
    const test = await startApp('postgres', {}, (database) =>
      withAsUser(database, async (userId, statement) => {
        statements += 1
        if (statements === nth) {
          inProgress.resolve()
          await held.promise
        }
        return database.asUser(userId, statement)
      }),
    )
    /** The socket is closed in a later turn of the event loop; what came before that is answered. */
    const stop = async () => {
      const closing = test.app.close()
      while (test.app.server.listening) await nextTurn()
      await assert.rejects(test.send('GET', '/readyz'), { code: 'ECONNREFUSED' })
      return { closing }
    }
    return { test, inProgress: inProgress.promise, release: held.resolve, stop }
  }

  it('requests under way are answered while the server stops, with Connection: close, and no others are taken', async () => {
    const { test, inProgress, release, stop } = await startHeld(1)
    const writing = test.send('POST', '/api/alice/tasks', { body: { title: 'under way' } })
    await inProgress
    const { closing } = await stop()
    release()
    const { status, headers } = await writing
    assert.deepEqual([status, headers.connection], [201, 'close'])
    await closing
    await test.close()
  })

  it('a stop closes the connection of a client that keeps it, after a response that had begun', async () => {
    const { test, inProgress, release, stop } = await startHeld(2)
    const count = 3_000
    await test.admin(`insert into todo.users (id, seq) values ('alice', 1)`)
    await test.admin(
      `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
       select 'alice', gen_random_uuid(), 'x', false, now(), now(), 1 from generate_series(1, $1::int)`,
      [count],
    )
    const reading = test.send('GET', '/api/alice/tasks')
    await inProgress
    const { closing } = await stop()
    release()
    const { headers, json } = await reading
    assert.deepEqual([headers.connection, json.length], ['keep-alive', count])
    await closing
    await test.close()
  })
})
