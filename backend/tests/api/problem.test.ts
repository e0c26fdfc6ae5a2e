import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { ERRORS } from '../../src/core/errors.ts'
import { unavailable } from '../../src/database/errors.ts'
import type { Database } from '../../src/database/session.ts'
import { serve, startApp, type TestApp } from '../support/app.ts'
import { assertProblem } from '../support/problem.ts'
import { drip, openLine, speak, statuses } from '../support/speak.ts'

function failing(error: () => Error): Database {
  const fail = () => Promise.reject(error())
  return {
    description: '',
    failed: new Promise(() => {}),
    asUser: fail,
    ping: fail,
    close: async () => {},
  }
}

describe('errors', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres')
  })
  after(() => test.close())

  it('every answer carries x-request-id, no-store and nosniff, and names no server', async () => {
    const requests: [string, string, object?][] = [
      ['GET', '/api/alice/tasks'],
      ['POST', '/api/alice/tasks', { body: { title: 'x' } }],
      ['GET', '/api/alice/tasks', { as: 'bob' }],
      ['GET', '/api/alice/tasks', { as: null }],
      ['PUT', '/api/alice/tasks'],
      ['OPTIONS', '/api/alice/tasks'],
      ['GET', '/nothing'],
      ['GET', '/%zz'],
      ['GET', '/docs'],
      ['GET', '/docs/static/nothing.js'],
      ['GET', '/openapi.json'],
      ['GET', '/health'],
      ['GET', '/'],
    ]
    for (const [method, path, sending] of requests) {
      const { headers } = await test.send(method, path, sending)
      assert.match(String(headers['x-request-id']), /^[\w.-]{8,}$/, path)
      assert.equal(headers['cache-control'], 'no-store', path)
      assert.equal(headers['x-content-type-options'], 'nosniff', path)
      assert.equal(headers.server, undefined)
      assert.equal(headers['x-powered-by'], undefined)
    }
  })

  it('a harmless x-request-id is kept, any other is replaced', async () => {
    const id = async (given: string) => {
      const answer = await test.send('GET', '/nothing', { headers: { 'x-request-id': given } })
      return answer.json.request_id
    }
    assert.equal(await id('trace-1.2_3'), 'trace-1.2_3')
    for (const given of ['a b', '<script>', 'x'.repeat(129), '{}'])
      assert.notEqual(await id(given), given)
  })

  it('each problem has the form of the contract', async () => {
    const send = test.send
    assertProblem(await send('GET', '/%zz'), 'bad_request')
    assertProblem(await send('GET', '/api/alice/tasks', { as: null }), 'unauthorized')
    assertProblem(await send('GET', '/api/alice/tasks', { as: 'bob' }), 'user_id_mismatch')
    assertProblem(await send('GET', '/api/alice/tasks/1'), 'not_found')
    assertProblem(await send('PUT', '/api/alice/tasks'), 'method_not_allowed')
    assertProblem(await send('POST', '/api/alice/tasks', { body: {} }), 'validation_error')
    const type = { 'content-type': 'application/json' }
    assertProblem(
      await send('POST', '/api/alice/tasks', { headers: type, raw: 'x'.repeat(70_000) }),
      'payload_too_large',
    )
    assertProblem(await send('POST', '/api/alice/tasks', { raw: 'x' }), 'unsupported_media_type')
  })

  it('503 with Retry-After when the database is away; alive, but not ready', async () => {
    const away = await serve(failing(() => unavailable(new Error('connect ECONNREFUSED /secret'))))
    for (const path of ['/api/alice/tasks', '/readyz', '/health']) {
      const answer = await away.send('GET', path)
      assertProblem(answer, 'service_unavailable')
      assert.equal(answer.headers['retry-after'], '1')
    }
    assert.equal((await away.send('GET', '/livez')).status, 200)
    await away.app.close()
  })

  it('500 tells nothing of the cause; the log has it under the request id', async () => {
    const broken = await serve(failing(() => new Error('select * from todo.tasks: secret detail')))
    const answer = await broken.send('GET', '/api/alice/tasks')
    assertProblem(answer, 'internal_error')
    assert.ok(!answer.text.includes('secret'))
    const line = await broken.lineOf('secret detail')
    assert.equal(JSON.parse(line).reqId, answer.json.request_id)
    await broken.app.close()
  })

  it('the log has no token', async () => {
    const token = await test.token('alice')
    await test.send('GET', '/api/alice/tasks')
    await test.send('GET', '/api/alice/tasks', { headers: { authorization: `Bearer ${token}x` } })
    await test.send('GET', `/api/alice/tasks?limit=1&access_token=${token}`)
    await test.send('GET', `/api/${token}/tasks`, { as: 'alice' })
    await test.lineOf('/api/…/tasks')
    assert.match(await test.lineOf('?…'), /"url":"\/api\/alice\/tasks\?…"/)
    for (const line of test.log) assert.ok(!/eyJ|bearer/i.test(line), line)
  })

  for (const [what, bytes, status] of [
    ['no HTTP at all', 'nonsense\r\n\r\n', 400],
    [
      'two Host headers',
      'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
      400,
    ],
    ['no Host header', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    [
      'two lengths of a body',
      'POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      400,
    ],
    [
      'a length and chunks',
      'POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['17 KB of headers', `GET /livez HTTP/1.1\r\nHost: a\r\nx: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
  ] as const) {
    it(`${status} in the same form for ${what}`, async () => {
      const answer = await speak(test.port, bytes)
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} `))
      assert.match(head, /^content-type: application\/problem\+json/im)
      assert.match(head, /^cache-control: no-store/im)
      assert.match(head, /^x-content-type-options: nosniff/im)
      const problem = JSON.parse(body)
      assert.equal(problem.status, status)
      assert.match(head, new RegExp(`^x-request-id: ${problem.request_id}`, 'im'))
    })
  }

  it('a proxy’s method keeps no connection, and no stop waits for one', async (t) => {
    const { app, port } = await serve(failing(() => new Error('no database')))
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    t.after(() => socket.destroy())
    socket.write('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n')
    await once(socket.resume(), 'end')
    // The client's end stays open, and Node no longer counts the connection as one of HTTP.
    await app.close()
  })

  it('garbage behind a request that is not answered yet is refused after the response to that', async () => {
    const token = await test.token('alice')
    const body = '{"title":"piped"}'
    const post = `POST /api/alice/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    assert.deepEqual(statuses(await speak(test.port, `${post}GARBAGE\r\n\r\n`)), [201, 400])
  })

  it('408 for headers that do not end, in the same form', async () => {
    const limits = { headersMs: 300, requestMs: 300, overdueCheckMs: 50 }
    const { port, close } = await serve(
      failing(() => new Error('no database')),
      {},
      { limits },
    )
    const line = await openLine(port)
    line.socket.write('GET /livez HTTP/1.1\r\n')
    const answer = await drip(line, 'x: y\r\n')
    assert.match(answer, /^HTTP\/1.1 408 Request Timeout\r\n/)
    assert.match(answer, /"error":"request_timeout"/)
    await close()
  })

  it('the table of codes is the table of docs/errors.md, both ways', async () => {
    const text = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
    const rows = [...text.matchAll(/^\| (\d{3}) \| `([a-z_]+)` \|/gm)].map(
      ([, status, code]) => `${status} ${code}`,
    )
    const table = Object.entries(ERRORS).map(([code, { status }]) => `${status} ${code}`)
    assert.deepEqual(rows.sort(), table.sort())
  })
})
