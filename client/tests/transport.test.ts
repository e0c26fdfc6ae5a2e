import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { taskId } from '../../backend/tests/support/databases.ts'
import {
  type ClientOptions,
  ConnectionError,
  createClient,
  etagOf,
  type TodoClient,
  TodoError,
} from '../src/transport/client.ts'
import { manualClock } from './support/clock.ts'
import { standIn } from './support/stand-in.ts'

const ONE = 'GET /api/{user_id}/tasks/{id}'
const CREATE = 'POST /api/{user_id}/tasks'
const UPDATE = 'PATCH /api/{user_id}/tasks/{id}'
const COMPLETE = 'PATCH /api/{user_id}/tasks/{id}/complete'
const DELETE = 'DELETE /api/{user_id}/tasks/{id}'
const LIST = 'GET /api/{user_id}/tasks'

describe('the transport', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', { RATE_LIMIT_PER_MINUTE: '50' })
  })
  after(() => test.close())

  const url = () => `http://127.0.0.1:${test.port}`
  const clientOf = (user: string, options: Partial<ClientOptions> = {}): TodoClient =>
    createClient({ baseUrl: url(), token: () => test.token(user), ...options })
  const todoError = async (promise: Promise<unknown>): Promise<TodoError> => {
    const error = await promise.then(
      () => assert.fail('the request succeeded'),
      (reason) => reason,
    )
    if (!(error instanceof TodoError)) throw error
    return error
  }

  it('creates, reads, changes, completes, lists and deletes, each with its type', async () => {
    const client = clientOf('ann')
    const made = await client.request(CREATE, { body: { title: 'Buy milk', tags: ['shop'] } })
    assert.equal(made.status, 201)
    const { id } = made.body
    assert.equal(made.headers.get('etag'), etagOf(made.body))
    const changed = await client.request(UPDATE, {
      params: { id },
      body: { priority: 'high' },
      headers: { 'if-match': etagOf(made.body) },
    })
    assert.equal(changed.body.priority, 'high')
    const done = await client.request(COMPLETE, { params: { id }, body: { completed: true } })
    assert.equal(done.body.completed, true)
    const read = await client.request(ONE, { params: { id } })
    assert.deepEqual(read.body, done.body)
    const query = { completed: true, tags: 'shop' }
    assert.deepEqual((await client.request(LIST, { query })).body, [read.body])
    assert.deepEqual((await client.request(LIST, { query: { completed: false } })).body, [])
    const gone = await client.request(DELETE, { params: { id } })
    assert.deepEqual([gone.status, gone.body], [204, undefined])
  })

  it('does not compile without what the OpenAPI document requires', () => {
    const neverRuns = (client: TodoClient) => [
      // @ts-expect-error: a title is required
      client.request(CREATE, { body: { description: 'x' } }),
      // @ts-expect-error: an id is required
      client.request(ONE, {}),
      // @ts-expect-error: there is no such operation
      client.request('GET /api/{user_id}/task'),
      // @ts-expect-error: this operation has no body
      client.request(ONE, { params: { id: '' }, body: {} }),
      // @ts-expect-error: a token does not reach accounts
      client.request('GET /api/auth/token'),
      client.request(LIST),
    ]
    assert.equal(typeof neverRuns, 'function')
  })

  it('reads lists page by page', async () => {
    const client = clientOf('bea')
    const titles = ['a', 'b', 'c', 'd', 'e']
    for (const title of titles) await client.request(CREATE, { body: { title } })
    const pages: string[][] = []
    for await (const page of client.pages(LIST, { query: { limit: 2, sort: 'title' } })) {
      pages.push(page.map(({ title }) => title))
    }
    assert.deepEqual(pages, [['a', 'b'], ['c', 'd'], ['e']])
    for await (const page of client.pages(LIST)) assert.equal(page.length, 5)
  })

  describe('errors', () => {
    it('each problem of the server is a TodoError with its code', async () => {
      const client = clientOf('cy')
      const { body: task } = await client.request(CREATE, { body: { title: 'x' } })
      const params = { id: task.id }
      await client.request(UPDATE, { params, body: { title: 'y' } })
      const { body: deleted } = await client.request(CREATE, { body: { title: 'z' } })
      await client.request(DELETE, { params: { id: deleted.id } })
      const stale = { params, body: { title: 'z' }, headers: { 'if-match': etagOf(task) } }
      const large = { title: 'x', description: 'x'.repeat(200_000) }
      const cases: [number, string, () => Promise<unknown>][] = [
        [401, 'unauthorized', () => clientOf('', { token: () => 'x' }).request(LIST)],
        [403, 'user_id_mismatch', () => clientOf('cy', { userId: 'dee' }).request(LIST)],
        [404, 'not_found', () => client.request(ONE, { params: { id: taskId(1) } })],
        [409, 'conflict', () => client.request(CREATE, { body: { id: deleted.id, title: 'z' } })],
        [412, 'precondition_failed', () => client.request(UPDATE, stale)],
        [413, 'payload_too_large', () => client.request(CREATE, { body: large })],
        [422, 'validation_error', () => client.request(CREATE, { body: { title: '' } })],
      ]
      for (const [status, code, act] of cases) {
        const error = await todoError(act())
        assert.deepEqual([error.status, error.code], [status, code])
        assert.equal(error.message, error.detail)
        assert.match(error.requestId ?? '', /\w/)
        assert.equal(error.retryAfterMs, null)
        assert.equal(error.errors.length, status === 422 ? 1 : 0)
      }
    })

    it('validation errors name the members', async () => {
      const { errors } = await todoError(
        clientOf('cy').request(CREATE, { body: { title: '', due_time: '09:30' } }),
      )
      assert.deepEqual(
        errors.map((error) => [error.in, error.path]),
        [
          ['body', '/title'],
          ['body', '/due_time'],
        ],
      )
    })

    it('a page of a proxy is unexpected_response, and one that answers for the server a ConnectionError', async () => {
      const proxy = await standIn((request, response) => {
        const status = request.url?.includes('/tags') ? 200 : 418
        response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>Sign in</h1>')
      })
      const client = createClient({ baseUrl: proxy, token: () => 'x' })
      const error = await todoError(client.request(LIST))
      assert.deepEqual(
        [error.status, error.code, error.requestId],
        [418, 'unexpected_response', null],
      )
      const tags = client.request('GET /api/{user_id}/tasks/tags', { attempts: 1 })
      await assert.rejects(tags, ConnectionError)
    })

    it('an unreachable server, a cut and a late response are ConnectionErrors', async () => {
      const clock = manualClock()
      const proxy = await standIn((request, response) => {
        if (request.url?.includes('late')) return
        response.writeHead(200, { 'content-length': '10' }).write('[')
        setImmediate(() => response.destroy())
      })
      const at = (baseUrl: string) =>
        createClient({ baseUrl, token: () => 'x', sleep: clock.sleep }).request(LIST, {
          attempts: 1,
        })
      await assert.rejects(at('http://127.0.0.1:1'), (error: Error) => {
        assert.ok(error instanceof ConnectionError && error.cause instanceof TypeError)
        return true
      })
      await assert.rejects(at(proxy), ConnectionError)
      const late = assert.rejects(at(`${proxy}/late`), /no response in time/)
      await clock.pass(30_000)
      await late
      assert.deepEqual(clock.sleeping(), [])
    })

    it('an abort throws the reason of the signal, before and during the request', async () => {
      const controller = new AbortController()
      const proxy = await standIn(() => controller.abort(new Error('no longer needed')))
      const client = createClient({ baseUrl: proxy, token: () => 'x' })
      for (const signal of [controller.signal, controller.signal]) {
        await assert.rejects(client.request(LIST, { signal }), /no longer needed/)
      }
    })
  })

  describe('attempts', () => {
    it('waits as long as Retry-After says, and at most three times', async () => {
      const clock = manualClock()
      const keys: unknown[] = []
      const proxy = await standIn((request, response) => {
        keys.push(request.headers['idempotency-key'])
        response.writeHead(503, { 'retry-after': '7' }).end()
      })
      const client = createClient({ baseUrl: proxy, token: () => 'x', sleep: clock.sleep })
      const error = todoError(client.request(CREATE, { body: { title: 'x' } }))
      await clock.pass(7_000)
      await clock.pass(7_000)
      assert.equal((await error).retryAfterMs, 7_000)
      assert.equal(keys.length, 3)
      assert.match(String(keys[0]), /^[0-9a-f-]{36}$/)
      assert.equal(new Set(keys).size, 1)
    })

    it('429: Retry-After is in the error, and a wait that is too long is left to the caller', async () => {
      const client = clientOf('eve')
      const untilRefused = async () => {
        for (;;) await client.request('GET /api/{user_id}/tasks/tags', { attempts: 1 })
      }
      const error = await todoError(untilRefused())
      assert.equal(error.code, 'too_many_requests')
      assert.ok(error.retryAfterMs !== null && error.retryAfterMs > 0)
      const proxy = await standIn((_, response) =>
        response.writeHead(429, { 'retry-after': '600' }).end(),
      )
      const patient = createClient({ baseUrl: proxy, token: () => 'x', sleep: manualClock().sleep })
      assert.equal((await todoError(patient.request(LIST))).retryAfterMs, 600_000)
    })

    it('a create whose response was lost is executed once', async () => {
      const clock = manualClock()
      let calls = 0
      const client = clientOf('fay', {
        sleep: clock.sleep,
        fetch: async (input, init) => {
          const response = await fetch(input, init)
          calls += 1
          if (calls === 1) throw new TypeError('the connection was lost')
          return response
        },
      })
      const made = client.request(CREATE, { body: { title: 'once' } })
      await clock.pass(1_000)
      assert.equal((await made).headers.get('idempotency-replayed'), 'true')
      assert.deepEqual((await client.request(LIST)).body, [(await made).body])
    })

    it('Retry-After may be a date', () => {
      const headers = new Headers({
        date: 'Sat, 28 Nov 2026 10:00:00 GMT',
        'retry-after': 'Sat, 28 Nov 2026 10:00:09 GMT',
      })
      assert.equal(new TodoError({ status: 503, headers }, {}).retryAfterMs, 9_000)
    })
  })

  describe('tokens', () => {
    it('one that the server refuses is renewed once, and the request is sent again', async () => {
      const asked: (string | undefined)[] = []
      const client = clientOf('gus', {
        token: (refused) => {
          asked.push(refused)
          return refused === undefined ? 'expired' : test.token('gus')
        },
      })
      assert.equal((await client.request(CREATE, { body: { title: 'x' } })).status, 201)
      assert.deepEqual(asked, [undefined, 'expired'])
    })

    it('a second refusal, and a source without another token, are 401', async () => {
      let count = 0
      const always = clientOf('gus', { token: () => `refused ${count++}`.replace(' ', '-') })
      assert.equal((await todoError(always.request(LIST))).status, 401)
      assert.equal(count, 2)
    })
  })

  it('works below a base path, for a user by name, and with a slash at the end of the address', async () => {
    const below = await startApp('postgres', { BASE_PATH: '/todo' })
    const baseUrl = `http://127.0.0.1:${below.port}/todo/`
    const client = createClient({ baseUrl, token: () => below.token('hal'), userId: 'hal' })
    const made = await client.request(CREATE, { body: { title: 'x' } })
    assert.equal(made.headers.get('location'), `/todo/api/hal/tasks/${made.body.id}`)
    for await (const { changes, caughtUp } of client.changes({ stream: false })) {
      assert.deepEqual([changes.length, caughtUp], [1, true])
    }
    await below.close()
  })
})
