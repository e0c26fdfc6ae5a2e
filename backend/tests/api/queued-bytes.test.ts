import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTick, setTimeout as sleep } from 'node:timers/promises'
import { readPage } from '../../src/api/web/page.ts'
import type { Database } from '../../src/database/session.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { builtPage } from '../support/built-page.ts'
import { taskId } from '../support/databases.ts'
import { openLine } from '../support/speak.ts'

/** 8 MB of tasks, more than the system keeps for a connection. */
async function fill(test: TestApp, user: string): Promise<void> {
  await test.send('POST', `/api/${user}/tasks`, { body: { title: 'first' } })
  await test.admin(
    `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at, seq)
     select $1, gen_random_uuid(), 'long', repeat('x', 16000), false, now(), now(), 0
     from generate_series(1, 1500)`,
    [user],
  )
}

/** Asks until the answer has that status. */
async function until(status: number, ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask()
    if (answer.status === status) return answer
  }
}

/** A client that asks for its list and reads nothing of it. */
async function stall(test: TestApp, user: string) {
  const { socket } = await openLine(test.port)
  socket.pause()
  const token = await test.token(user)
  socket.write(
    `GET /api/${user}/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  return socket
}

/** From now on the sockets write nothing, as if the system accepted nothing. @returns what undoes that. */
function holdWrites(sockets: readonly Socket[]): () => void {
  const held: (() => void)[] = []
  for (const socket of sockets) {
    const { _write, _writev } = socket
    socket._write = (...given) => held.push(() => _write.apply(socket, given))
    socket._writev = (...given) => held.push(() => _writev?.apply(socket, given))
    held.push(() => Object.assign(socket, { _write, _writev }))
  }
  return () => {
    for (const next of held) next()
  }
}

const asked = (test: TestApp) => (path: string) => () => test.send('GET', path)

describe('response bytes that clients have not read', () => {
  it('503 with Retry-After beyond queuedBytes, except for /livez, until clients read', async () => {
    const test = await startApp('postgres', {}, undefined, { queuedBytes: 20_000 })
    const ask = asked(test)
    await fill(test, 'alice')
    const socket = await stall(test, 'alice')
    const { headers, json } = await until(503, ask('/api/bob/tasks?limit=1'))
    assert.deepEqual([json.error, headers['retry-after']], ['service_unavailable', '1'])
    for (const path of ['/', '/nothing', '/api/auth/get-session', '/readyz']) {
      assert.equal((await ask(path)()).status, 503, path)
    }
    assert.equal((await ask('/livez')()).status, 200)
    socket.destroy()
    await until(200, ask('/api/bob/tasks?limit=1'))
    await test.close()
  })

  it('429 with Retry-After beyond queuedBytesOfUser, and other users are served', async () => {
    const test = await startApp('postgres', {}, undefined, { queuedBytesOfUser: 20_000 })
    const ask = asked(test)
    await fill(test, 'alice')
    const sockets = [await stall(test, 'alice'), await stall(test, 'alice')]
    const { headers, json } = await until(429, ask('/api/alice/tasks?limit=1'))
    assert.deepEqual([json.error, headers['retry-after']], ['too_many_requests', '1'])
    assert.equal((await ask('/api/bob/tasks')()).status, 200)
    assert.equal((await ask('/livez')()).status, 200)
    for (const socket of sockets) socket.destroy()
    await until(200, ask('/api/alice/tasks?limit=1'))
    await test.close()
  })

  it('429 for a user’s pages beyond queuedBytesOfUser that began at the same moment', async () => {
    const { promise: gate, resolve: letIn } = Promise.withResolvers<void>()
    const progress = new EventEmitter()
    let asked = 0
    const wrap = (database: Database): Database => ({
      ...{ description: '', failed: database.failed },
      ping: () => database.ping(),
      close: () => database.close(),
      asUser: async (userId, statement) => {
        asked += 1
        progress.emit('asked')
        await gate
        return database.asUser(userId, statement)
      },
    })
    const test = await startApp('postgres', {}, wrap, { queuedBytesOfUser: 17_000 })
    const long = { title: 'long', description: 'é'.repeat(9_000) }
    await test.test.unscoped('alice', insertTask(taskId(1), long))
    const sockets: Socket[] = []
    test.app.server.on('connection', (socket) => sockets.push(socket))
    const paths = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? '?limit=9' : `/${taskId(1)}`))
    const answers = paths.map((path) => test.send('GET', `/api/alice/tasks${path}`))
    while (asked < paths.length) await once(progress, 'asked')
    const release = holdWrites(sockets)
    letIn()
    while (!sockets.every(({ writableLength }) => writableLength > 0)) await nextTick()
    release()
    const all = await Promise.all(answers)
    const refused = all.filter(({ status }) => status === 429)
    assert.equal(all.filter(({ status }) => status === 200).length, 2)
    assert.equal(refused.length, paths.length - 2)
    for (const { headers, json } of refused) {
      assert.equal(json.error, 'too_many_requests')
      assert.deepEqual(
        [headers['retry-after'], headers.etag, headers.link],
        ['1', undefined, undefined],
      )
    }
    await test.close()
  })

  it('counts no bytes that are the same for all: many that read nothing of the page stop nobody', async () => {
    const folder = await builtPage()
    await writeFile(join(folder, 'assets/large-1.js'), 'x'.repeat(1_400_000))
    const page = await readPage('', folder)
    const test = await startApp('postgres', {}, undefined, { queuedBytes: 20_000 }, { page })
    for (const bundle of ['/docs/static/swagger-ui-bundle.js', '/assets/large-1.js']) {
      const size = Number((await test.send('HEAD', bundle)).headers['content-length'])
      assert.ok(size > 1_000_000)
      const sockets = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const { socket } = await openLine(test.port)
          socket.pause()
          socket.write(`GET ${bundle} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(50))
          return socket
        }),
      )
      for (let n = 0; n < 10; n += 1) {
        assert.equal((await test.send('GET', '/api/bob/tasks')).status, 200)
        assert.equal((await test.send('GET', bundle)).text.length > size / 2, true)
      }
      for (const socket of sockets) socket.destroy()
    }
    await test.close()
  })
})

describe('a client that reads too slowly', () => {
  const limits = { slowestOverMs: 300, slowestBytesPerSecond: 200_000 }
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', {}, undefined, limits)
    await fill(test, 'alice')
  })
  after(() => test.close())

  /** Resolves when the server has closed the next connection. */
  async function nextIsCut(): Promise<void> {
    const [socket] = await once(test.app.server, 'connection')
    if (!socket.destroyed) await once(socket, 'close')
  }

  it('is disconnected, though it reads a little all the time', async () => {
    const cut = nextIsCut()
    const socket = await stall(test, 'alice')
    const dripping = setInterval(() => socket.read(2_000), 20)
    socket.on('readable', () => {})
    socket.on('error', () => {})
    let taken = 0
    const original = socket.read.bind(socket)
    socket.read = (size) => {
      const chunk = original(size)
      taken += chunk?.length ?? 0
      return chunk
    }
    await cut
    clearInterval(dripping)
    socket.destroy()
    assert.ok(taken < 8_000_000)
  })

  it('is disconnected when it reads many small responses slowly', async () => {
    const cut = nextIsCut()
    const { socket } = await openLine(test.port)
    socket.pause()
    const token = await test.token('alice')
    const page = `GET /api/alice/tasks?limit=4 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`
    socket.write(page.repeat(120))
    await cut
    socket.destroy()
  })

  it('is not disconnected if it reads fast enough, or has nothing to read', async () => {
    const { socket } = await openLine(test.port)
    const token = await test.token('alice')
    const ask = `GET /api/alice/tasks?limit=4 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`
    for (let round = 0; round < 3; round += 1) {
      await sleep(limits.slowestOverMs)
      socket.write(ask)
      await once(socket, 'data')
    }
    const whole = await test.send('GET', '/api/alice/tasks')
    assert.equal(whole.json.length, 1_501)
    assert.equal(socket.destroyed, false)
    socket.destroy()
  })
})
