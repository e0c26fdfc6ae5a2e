import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '../../src/core/limits.ts'
import type { Database } from '../../src/database/session.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { openLine, speak, statuses } from '../support/speak.ts'

/** A database that answers when it is told to, and says how often it was asked. */
class Gate extends EventEmitter {
  asked = 0
  #open = true
  #waiting: (() => void)[] = []

  readonly wrap = (database: Database): Database => ({
    description: '',
    failed: database.failed,
    ping: () => database.ping(),
    close: () => database.close(),
    asUser: async (userId, statement) => {
      this.asked += 1
      this.emit('asked')
      if (!this.#open) await new Promise<void>((resolve) => this.#waiting.push(resolve))
      return database.asUser(userId, statement)
    },
  })

  shut(): void {
    this.asked = 0
    this.#open = false
  }

  /** Lets one in, or from now on all. */
  letIn(all = false): void {
    this.#open = all
    for (const enter of this.#waiting.splice(0, all ? Number.POSITIVE_INFINITY : 1)) enter()
  }

  async until(asked: number): Promise<void> {
    while (this.asked < asked) await once(this, 'asked')
  }
}

const answersOf = (text: string) => text.split(/(?=HTTP\/1\.1 \d{3} )/)
/** One that waits and the 128 behind it. */
const TAKEN = LIMITS.pipelinedRequests + 1

describe('requests in one write', () => {
  const gate = new Gate()
  let test: TestApp
  let bearer: string
  before(async () => {
    test = await startApp('postgres', {}, gate.wrap, { lingerMs: 200 })
    bearer = `Authorization: Bearer ${await test.token('alice')}\r\n`
  })
  after(() => test.close())

  const get = (n: number, path = '/api/alice/tasks', more = '') =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nx-request-id: n${n}\r\n${bearer}${more}\r\n`
  const gets = (count: number) => Array.from({ length: count }, (_, n) => get(n)).join('')
  const ids = (text: string) => [...text.matchAll(/^x-request-id: (\S+)\r$/gim)].map(([, id]) => id)

  /** What was sent before is read by then: it was written first. */
  async function afterAll(): Promise<void> {
    for (let n = 0; n < 3; n += 1) assert.equal((await test.send('GET', '/livez')).status, 200)
  }

  it('are begun one at a time, in order, each when the previous response is written', async () => {
    gate.shut()
    const line = await openLine(test.port)
    line.socket.write(gets(50) + get(50, '/api/alice/tasks', 'Connection: close\r\n'))
    for (let begun = 1; begun <= 5; begun += 1) {
      await gate.until(begun)
      await afterAll()
      assert.equal(gate.asked, begun)
      gate.letIn()
    }
    gate.letIn(true)
    const text = await line.ended
    assert.deepEqual(
      ids(text),
      Array.from({ length: 51 }, (_, n) => `n${n}`),
    )
    assert.deepEqual(new Set(statuses(text)), new Set([200]))
  })

  it('beyond the limit are not read: the first are answered, and the connection is closed', async () => {
    gate.shut()
    const line = await openLine(test.port)
    line.socket.write(gets(400))
    await gate.until(1)
    await afterAll()
    assert.equal(gate.asked, 1)
    // What comes later is dropped as well.
    line.socket.write(gets(400))
    gate.letIn(true)
    const answers = answersOf(await line.ended)
    assert.equal(answers.length, TAKEN)
    assert.equal(gate.asked, TAKEN)
    assert.deepEqual(
      ids(answers.join('')),
      Array.from({ length: TAKEN }, (_, n) => `n${n}`),
    )
    const closed = answers.map((answer) => /^connection: close\r$/im.test(answer))
    assert.deepEqual(closed, [...Array(TAKEN - 1).fill(false), true])
  })

  for (const [what, request, status] of [
    ['the document', 'GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n', 200],
    ['/', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 200],
    ['the page', 'GET /docs HTTP/1.1\r\nHost: a\r\n\r\n', 200],
    ['HEAD', 'HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n', 200],
    ['OPTIONS', 'OPTIONS /livez HTTP/1.1\r\nHost: a\r\n\r\n', 204],
    ['no such path', 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n', 404],
    ['no such method', 'PROPFIND /livez HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    ['a path that cannot be decoded', 'GET /% HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['no token', 'GET /api/a/tasks HTTP/1.1\r\nHost: a\r\n\r\n', 401],
  ] as const) {
    it(`are bounded for ${what}, too`, async () => {
      const text = await speak(test.port, request.repeat(Math.floor(65_536 / request.length)))
      assert.deepEqual(statuses(text), Array(TAKEN).fill(status))
      const closed = text.match(/^connection: close\r$/gim)
      assert.equal(closed?.length, 1)
    })
  }

  const post = (body: string) =>
    `POST /api/alice/tasks HTTP/1.1\r\nHost: a\r\n${bearer}Content-Type: application/json\r\n${body}`
  for (const [what, junk] of [
    ['bytes that are no HTTP', 'no HTTP\r\n\r\n'],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a body in broken chunks', post('Transfer-Encoding: chunked\r\n\r\n5\r\n{"tit\r\nno length')],
  ] as const) {
    it(`are answered before the refusal of ${what} behind them`, async () => {
      gate.shut()
      const line = await openLine(test.port)
      line.socket.write(gets(3) + junk)
      await gate.until(1)
      await afterAll()
      line.socket.write('more of it\r\n\r\n')
      gate.letIn(true)
      const answers = answersOf(await line.ended)
      assert.deepEqual(ids(answers.join('')).slice(0, 3), ['n0', 'n1', 'n2'])
      assert.deepEqual(statuses(answers.join('')), [200, 200, 200, 400])
      const closed = answers.map((answer) => /^connection: close\r$/im.test(answer))
      assert.deepEqual(closed, [false, false, false, true])
      assert.equal(gate.asked, 3)
    })
  }

  it('with a bad or late body behind an early response get no second response', async () => {
    const head = 'POST /api/alice/tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
    const line = await openLine(test.port)
    line.socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`)
    await once(line.socket, 'data')
    line.socket.write('ZZ\r\n')
    assert.deepEqual(statuses(await line.ended), [401])
  })

  it('are never begun if the client disconnects before their turn', async () => {
    gate.shut()
    const { socket } = await openLine(test.port)
    socket.write(gets(20))
    await gate.until(1)
    socket.resetAndDestroy()
    await afterAll()
    gate.letIn(true)
    await afterAll()
    assert.equal(gate.asked, 1)
    assert.equal((await test.send('GET', '/api/alice/tasks')).status, 200)
  })

  it('with bodies, an expectation, without a body in the answer, and a closed side, in order', async () => {
    const body = JSON.stringify({ title: 'x', description: 'y'.repeat(12_000) })
    const post = (n: number, more = '') =>
      `POST /api/bodies/tasks HTTP/1.1\r\nHost: a\r\nx-request-id: n${n}\r\n${bearer.replace('alice', '')}Content-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`
    const token = await test.token('bodies')
    const as = (text: string) => text.replaceAll(bearer, `Authorization: Bearer ${token}\r\n`)
    const requests = [
      post(0),
      get(1, '/api/bodies/tasks').replace('GET', 'HEAD'),
      post(2, 'Expect: 100-continue\r\n'),
      get(3, '/api/bodies/tasks').replace('GET', 'OPTIONS'),
      ...Array.from({ length: 20 }, (_, n) => post(n + 4)),
      get(24, '/api/bodies/tasks?limit=1'),
    ]
    const text = await speak(test.port, as(requests.join('')), true)
    assert.deepEqual(statuses(text), [201, 200, 201, 204, ...Array(20).fill(201), 200])
    assert.deepEqual(
      ids(text),
      Array.from({ length: 25 }, (_, n) => `n${n}`),
    )
    assert.equal(text.match(/HTTP\/1\.1 100 /g)?.length, 1)
  })

  it('that wait are answered during a stop, and then the connection is closed', async () => {
    const stopping = await startApp('postgres', {}, gate.wrap)
    gate.shut()
    const line = await openLine(stopping.port)
    line.socket.write(gets(30))
    await gate.until(1)
    const closed = stopping.app.close()
    gate.letIn(true)
    const text = await line.ended
    assert.deepEqual(
      ids(text),
      Array.from({ length: 30 }, (_, n) => `n${n}`),
    )
    assert.match(answersOf(text).at(-1) ?? '', /^connection: close\r$/im)
    await closed
    await stopping.close()
  })
})
