import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startApp, type TestApp } from '../support/app.ts'
import { startBystander } from '../support/bystander.ts'
import { type Line, openLine, speak, statuses } from '../support/speak.ts'

/** The server's own, shortened; that those are what they are is in limits.test.ts. */
const TIMES = {
  headersMs: 500,
  requestMs: 800,
  overdueCheckMs: 100,
  stalledMs: 900,
  keepAliveMs: 600,
}
const MB = 1_048_576
/** Others share the machine. */
const SLACK_MS = 3_000

const openLines = (test: TestApp, count: number) =>
  Promise.all(Array.from({ length: count }, () => openLine(test.port)))
const memory = () => process.memoryUsage().rss
const connections = (test: TestApp) =>
  new Promise<number>((resolve) =>
    test.app.server.getConnections((_error, count) => resolve(count)),
  )

/**
 * What happens meanwhile delays nobody else for two seconds, and takes no more memory than that. The
 * hostile clients are in the thread of the server, so a second of it is theirs.
 */
async function whileOthersAreServed<Result>(
  test: TestApp,
  mostBytes: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const earlier = memory()
  let most = 0
  const look = setInterval(() => {
    most = Math.max(most, memory() - earlier)
  }, 20)
  const bystander = startBystander(test)
  try {
    return await work()
  } finally {
    clearInterval(look)
    const { slowestMs, answers } = await bystander.leave()
    assert.ok(answers >= 2, `${answers} answers`)
    assert.ok(slowestMs < 2_000, `${slowestMs} ms`)
    assert.ok(most < mostBytes, `${most / MB} MB`)
  }
}

/** Sends a byte now and then until the server has had enough. */
function drip({ socket, ended }: Line, byte: string): Promise<string> {
  const timer = setInterval(() => socket.write(byte), 20)
  return ended.finally(() => clearInterval(timer))
}

describe('clients that take their time', () => {
  let test: TestApp
  let token: string
  before(async () => {
    test = await startApp('postgres', {}, undefined, TIMES)
    token = await test.token('alice')
    // 64 MB in a list, more than the system keeps for a connection.
    await test.send('POST', '/api/alice/tasks', { body: { title: 'first' } })
    await test.admin(
      `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at)
       select 'alice', gen_random_uuid(), 'long', repeat('x', 16000), false, now(), now()
       from generate_series(1, 4000)`,
    )
  })
  after(() => test.close())

  /** How long it takes until nobody is connected but who asks properly. */
  async function untilGivenUp(): Promise<number> {
    const startedMs = performance.now()
    for (;;) {
      const tookMs = performance.now() - startedMs
      if ((await connections(test)) <= 1 && tookMs > 500) return tookMs
      assert.ok(tookMs < TIMES.stalledMs + 3 * SLACK_MS, `${await connections(test)} connections`)
      await sleep(20)
    }
  }

  it('408 for headers that come a byte at a time, on a hundred connections', async () => {
    await whileOthersAreServed(test, 64 * MB, async () => {
      const startedMs = performance.now()
      const lines = await openLines(test, 100)
      for (const { socket } of lines) socket.write('GET /livez HTTP/1.1\r\nx: ')
      for (const text of await Promise.all(lines.map((line) => drip(line, 'y')))) {
        assert.deepEqual(statuses(text), [408])
      }
      const tookMs = performance.now() - startedMs
      assert.ok(tookMs > TIMES.headersMs - 50 && tookMs < TIMES.headersMs + SLACK_MS, `${tookMs}`)
    })
  })

  it('408 for bodies that come a byte at a time, and nothing is made of them', async () => {
    const head = `POST /api/slow/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await test.token('slow')}\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`
    await whileOthersAreServed(test, 64 * MB, async () => {
      const startedMs = performance.now()
      const lines = await openLines(test, 100)
      for (const { socket } of lines) socket.write(head)
      for (const text of await Promise.all(lines.map((line) => drip(line, ' ')))) {
        assert.deepEqual(statuses(text), [408])
        assert.match(text, /"error":"request_timeout"/)
      }
      const tookMs = performance.now() - startedMs
      assert.ok(tookMs > TIMES.requestMs - 50 && tookMs < TIMES.requestMs + SLACK_MS, `${tookMs}`)
    })
    assert.deepEqual((await test.send('GET', '/api/slow/tasks')).json, [])
  })

  it('clients that read nothing of a long list are given up, and cost little until then', async () => {
    const list = `GET /api/alice/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`
    await whileOthersAreServed(test, 300 * MB, async () => {
      const lines = await openLines(test, 20)
      while ((await connections(test)) < lines.length) await sleep(5)
      for (const { socket } of lines) {
        socket.pause()
        socket.write(list)
      }
      const tookMs = await untilGivenUp()
      assert.ok(tookMs > TIMES.stalledMs - 50, `${tookMs} ms`)
      for (const { socket } of lines) socket.destroy()
    })
  })

  it('a client that asks on and on and reads nothing is given up as well', async () => {
    const page = `GET /api/alice/tasks?limit=30 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`
    await whileOthersAreServed(test, 300 * MB, async () => {
      const { socket } = await openLine(test.port)
      while ((await connections(test)) < 1) await sleep(5)
      socket.pause()
      const asking = setInterval(() => {
        if (socket.writableLength < MB) socket.write(page.repeat(50))
      }, 5)
      await untilGivenUp()
      clearInterval(asking)
      socket.destroy()
    })
  })

  it('500 idle connections hold up nobody, and are closed after their time', async () => {
    await whileOthersAreServed(test, 100 * MB, async () => {
      const lines = await openLines(test, 500)
      const startedMs = performance.now()
      // Half of them have asked something, and half of them never do.
      for (const { socket } of lines.slice(250)) {
        socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
      }
      const texts = await Promise.all(lines.map(({ ended }) => ended))
      assert.deepEqual(
        new Set(texts.slice(0, 250).map((text) => `${statuses(text)}`)),
        new Set(['408']),
      )
      assert.deepEqual(
        new Set(texts.slice(250).map((text) => `${statuses(text)}`)),
        new Set(['200']),
      )
      const tookMs = performance.now() - startedMs
      assert.ok(tookMs < TIMES.keepAliveMs + SLACK_MS, `${tookMs} ms`)
    })
  })
})

describe('connections', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres')
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
      `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at)
       select 'reset', gen_random_uuid(), 'long', repeat('x', 4000), false, now(), now()
       from generate_series(1, 1000)`,
    )
    const authorization = `Host: a\r\nAuthorization: Bearer ${await test.token('reset')}\r\n`
    await whileOthersAreServed(test, 200 * MB, async () => {
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
    })
    const deadlineMs = performance.now() + 5_000
    while ((await connections(test)) > 0) {
      assert.ok(performance.now() < deadlineMs)
      await sleep(20)
    }
    const tasks = await test.send('GET', '/api/reset/tasks')
    assert.equal(tasks.json.length, 1_001)
    const faults = test.log.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
    assert.deepEqual(faults, [])
  })
})
