import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Limits } from '../../src/core/limits.ts'
import { PATIENT, startApp, type TestApp } from '../support/app.ts'
import { isServed } from '../support/bystander.ts'
import { drip, type Line, openLine, speak, statuses } from '../support/speak.ts'

/** The server's own, shortened; that those are what they are is in limits.test.ts. */
const SHORT = { headersMs: 500, requestMs: 800, stalledMs: 900, keepAliveMs: 600 }
const MB = 1_048_576
/** Of an answer that nobody reads, the server has at most this much in its hands. */
const QUEUED_BYTES = 4 * MB

const openLines = (test: TestApp, count: number) =>
  Promise.all(Array.from({ length: count }, () => openLine(test.port)))

/** The server's ends of the connections from here on: a client that does not read cannot see their end. */
function serverSockets(test: TestApp) {
  const sockets = new Map<number, Socket>()
  const closed = new Map<number, Promise<void>>()
  let most = 0
  test.app.server.on('connection', (socket: Socket) => {
    const port = socket.remotePort ?? 0
    sockets.set(port, socket)
    const timer = setInterval(() => {
      most = Math.max(most, socket.writableLength)
    }, 10)
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.once('close', () => {
      clearInterval(timer)
      resolve()
    })
    closed.set(port, promise)
  })
  return {
    open: () => [...sockets.values()].filter(({ destroyed }) => !destroyed).length,
    /** When the server has seen all of them: a client may know of its connection first. */
    seen: async (lines: readonly Line[]) => {
      const isSeen = ({ socket }: Line) => sockets.has(socket.localPort ?? 0)
      while (!lines.every(isSeen)) await once(test.app.server, 'connection')
    },
    /** `stalledMs` for these connections alone: a bystander may wait longer where the machine is slow. */
    stallAfter: (ms: number, lines: readonly Line[]) => {
      for (const { socket } of lines) sockets.get(socket.localPort ?? 0)?.setTimeout(ms)
    },
    of: ({ socket }: Line) => closed.get(socket.localPort ?? 0),
    all: () => Promise.all(closed.values()),
    /** The most bytes that waited for one client. */
    most: () => most,
  }
}

/** The app with one time shortened, so that a slow machine runs into no other. */
const startWith = (limits: Partial<Limits>) =>
  startApp('postgres', {}, undefined, { ...PATIENT, overdueCheckMs: 50, ...limits })

/** 24 MB in a list, more than the system keeps for a connection. */
async function longList(test: TestApp): Promise<void> {
  await test.send('POST', '/api/alice/tasks', { body: { title: 'first' } })
  await test.admin(
    `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at, seq)
     select 'alice', gen_random_uuid(), 'long', repeat('x', 16000), false, now(), now(), 0
     from generate_series(1, 1500)`,
  )
}

const listOf = async (test: TestApp, query = '') =>
  `GET /api/alice/tasks${query} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await test.token('alice')}\r\n\r\n`

const slowBody = async (test: TestApp) =>
  `POST /api/slow/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await test.token('slow')}\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`

describe('clients of a long list that take their time', () => {
  let test: TestApp
  before(async () => {
    test = await startWith({})
    await longList(test)
  })
  after(() => test.close())

  it('hold up nobody, in their hundreds', async () => {
    const sockets = serverSockets(test)
    const lines = await openLines(test, 720)
    await sockets.seen(lines)
    const [heads, bodies, readers] = [
      lines.slice(0, 100),
      lines.slice(100, 200),
      lines.slice(200, 220),
    ]
    const [post, list] = await Promise.all([slowBody(test), listOf(test)])
    for (const { socket } of heads) socket.write('GET /livez HTTP/1.1\r\nx: ')
    for (const { socket } of bodies) socket.write(post)
    for (const { socket } of readers) {
      socket.pause()
      socket.write(list)
    }
    // Of the others half have asked something, and half never do.
    for (const { socket } of lines.slice(470))
      socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
    const dripping = [...heads, ...bodies].map((line) => drip(line, ' '))
    await isServed(test)
    assert.ok(sockets.open() >= 720, `${sockets.open()} of 720 are still there`)
    assert.ok(sockets.most() < QUEUED_BYTES, `${sockets.most() / MB} MB`)
    for (const { socket } of lines) socket.destroy()
    await Promise.all(dripping)
  })

  it('clients that read nothing of a long list are given up, and cost little until then', async () => {
    const list = await listOf(test)
    const sockets = serverSockets(test)
    const lines = await openLines(test, 20)
    await sockets.seen(lines)
    sockets.stallAfter(SHORT.stalledMs, lines)
    for (const { socket } of lines) {
      socket.pause()
      socket.write(list)
    }
    await isServed(test)
    await Promise.all(lines.map(sockets.of))
    assert.ok(sockets.most() < QUEUED_BYTES, `${sockets.most() / MB} MB`)
    for (const { socket } of lines) socket.destroy()
  })

  it('a client that asks on and on and reads nothing is given up as well', async () => {
    const page = await listOf(test, '?limit=30')
    const sockets = serverSockets(test)
    const line = await openLine(test.port)
    await sockets.seen([line])
    sockets.stallAfter(SHORT.stalledMs, [line])
    line.socket.pause()
    const asking = setInterval(() => {
      if (line.socket.writableLength < MB) line.socket.write(page.repeat(50))
    }, 5)
    line.socket.on('close', () => clearInterval(asking))
    await sockets.of(line)
    line.socket.destroy()
  })
})

describe('clients that take their time', () => {
  it('408 for headers that come a byte at a time, on a hundred connections', async () => {
    const test = await startWith({ headersMs: SHORT.headersMs })
    const lines = await openLines(test, 100)
    for (const { socket } of lines) socket.write('GET /livez HTTP/1.1\r\nx: ')
    for (const text of await Promise.all(lines.map((line) => drip(line, 'y')))) {
      assert.deepEqual(statuses(text), [408])
    }
    await test.close()
  })

  it('408 for bodies that come a byte at a time, and nothing is made of them', async () => {
    const test = await startWith({ headersMs: SHORT.requestMs, requestMs: SHORT.requestMs })
    const head = await slowBody(test)
    const lines = await openLines(test, 100)
    for (const { socket } of lines) socket.write(head)
    for (const text of await Promise.all(lines.map((line) => drip(line, ' ')))) {
      assert.deepEqual(statuses(text), [408])
      assert.match(text, /"error":"request_timeout"/)
    }
    assert.deepEqual(await test.admin(`select * from todo.tasks where user_id = 'slow'`), [])
    await test.close()
  })

  it('500 idle connections hold up nobody, and are closed after their time', async () => {
    const silent = await startWith({ headersMs: SHORT.headersMs, requestMs: SHORT.requestMs })
    const idle = await startWith({ keepAliveMs: SHORT.keepAliveMs })
    const [never, once] = await Promise.all([openLines(silent, 250), openLines(idle, 250)])
    for (const { socket } of once) socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
    await isServed(idle)
    for (const [lines, status] of [
      [never, '408'],
      [once, '200'],
    ] as const) {
      const texts = await Promise.all(lines.map(({ ended }) => ended))
      assert.deepEqual(new Set(texts.map((text) => `${statuses(text)}`)), new Set([status]))
    }
    await silent.close()
    await idle.close()
  })
})

describe('connections', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', {}, undefined, PATIENT)
  })
  after(() => test.close())

  it('100 requests of ten users in one write are answered in order, each to its own', async () => {
    const users = Array.from({ length: 10 }, (_, n) => `user-${n}`)
    for (const user of users) {
      await test.send('POST', `/api/${user}/tasks`, { body: { title: `of ${user}` } })
    }
    const asked = Array.from({ length: 100 }, (_, n) => users[(n * 7) % users.length] ?? '')
    const requests = await Promise.all(
      asked.map(async (user, n) => {
        // Each third one asks for what is another's, and is told nothing of it.
        const as = n % 3 === 0 ? 'mallory' : user
        const last = n === asked.length - 1 ? 'Connection: close\r\n' : ''
        return `GET /api/${user}/tasks HTTP/1.1\r\nHost: a\r\nx-request-id: ${n}-${user}\r\n${last}Authorization: Bearer ${await test.token(as)}\r\n\r\n`
      }),
    )
    const text = await speak(test.port, requests.join(''))
    const answers = text.split(/(?=HTTP\/1\.1 \d{3} )/)
    assert.equal(answers.length, asked.length)
    for (const [n, answer] of answers.entries()) {
      assert.match(answer, new RegExp(`^x-request-id: ${n}-${asked[n]}\r$`, 'im'))
      assert.deepEqual(statuses(answer), [n % 3 === 0 ? 403 : 200])
      const titles = answer.match(/of user-\d/g) ?? []
      assert.deepEqual(titles, n % 3 === 0 ? [] : [`of ${asked[n]}`])
    }
  })

  it('that are reset in mid-request and mid-answer leave nothing behind', async () => {
    await test.send('POST', '/api/reset/tasks', { body: { title: 'first' } })
    await test.admin(
      `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at, seq)
       select 'reset', gen_random_uuid(), 'long', repeat('x', 4000), false, now(), now(), 0
       from generate_series(1, 1000)`,
    )
    const authorization = `Host: a\r\nAuthorization: Bearer ${await test.token('reset')}\r\n`
    const closed = serverSockets(test)
    for (let round = 0; round < 5; round += 1) {
      const [half, early, late] = await Promise.all([1, 2, 3].map(() => openLines(test, 20)))
      for (const { socket } of half ?? []) {
        socket.write(
          `POST /api/reset/tasks HTTP/1.1\r\n${authorization}Content-Length: 50\r\n\r\n{`,
        )
        socket.resetAndDestroy()
      }
      const list = `GET /api/reset/tasks HTTP/1.1\r\n${authorization}\r\n`
      for (const { socket } of early ?? []) socket.write(list, () => socket.resetAndDestroy())
      await Promise.all(
        (late ?? []).map(async ({ socket }) => {
          socket.write(list)
          await once(socket, 'data')
          socket.resetAndDestroy()
        }),
      )
    }
    await isServed(test)
    await closed.all()
    const tasks = await test.send('GET', '/api/reset/tasks')
    assert.equal(tasks.json.length, 1_001)
    const faults = test.log.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
    assert.deepEqual(faults, [])
  })
})
