import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { readToken, writeToken } from '../../backend/src/models/changes/token.ts'
import { startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { startProxy } from '../../backend/tests/support/proxy.ts'
import { claims, forge, HS256, now } from '../../backend/tests/support/tokens.ts'
import {
  type ChangesOptions,
  type ClientOptions,
  ConnectionError,
  createClient,
  type FeedItem,
  type TodoClient,
  TodoError,
} from '../src/transport/client.ts'
import { manualClock } from './support/clock.ts'
import { standIn } from './support/stand-in.ts'

const CREATE = 'POST /api/{user_id}/tasks'
const DELETE = 'DELETE /api/{user_id}/tasks/{id}'

describe('the changes', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres')
  })
  after(async () => {
    // After an abort, Node's fetch keeps connections open on which it has sent nothing.
    test.app.server.closeAllConnections()
    await test.close()
  })

  const url = () => `http://127.0.0.1:${test.port}`
  const clientOf = (user: string, options: Partial<ClientOptions> = {}): TodoClient =>
    createClient({ baseUrl: url(), token: () => test.token(user), ...options })
  const create = async (user: string, title: string) =>
    (await clientOf(user).request(CREATE, { body: { title } })).body

  it('come in pages, then from the stream, with the token to store beside them', async () => {
    const client = clientOf('ann')
    for (const title of ['a', 'b', 'c']) await create('ann', title)
    const feed = read(client, { limit: 2 })
    assert.deepEqual(await feed.next(), { titles: ['a', 'b'], caughtUp: false, live: false })
    assert.deepEqual(await feed.next(), { titles: ['c'], caughtUp: true, live: false })
    assert.deepEqual(await feed.next(), { titles: [], caughtUp: true, live: true })
    const { id } = await create('ann', 'd')
    assert.deepEqual(await feed.next(), { titles: ['d'], caughtUp: true, live: true })
    await client.request(DELETE, { params: { id } })
    assert.deepEqual(await feed.next(), { titles: [`deleted ${id}`], caughtUp: true, live: true })
    await feed.end()

    const later = read(client, { since: feed.token() })
    assert.deepEqual(await later.next(), { titles: [], caughtUp: true, live: false })
    await later.end()
  })

  it('end after the pages without the stream, and where fetch cannot stream', async () => {
    await create('bea', 'a')
    const stored = read(clientOf('bea'), { stream: false })
    assert.deepEqual(await stored.next(), { titles: ['a'], caughtUp: true, live: false })
    assert.equal(await stored.next(), undefined)
    const noStream: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
      if (!isStream) return response
      await response.body?.cancel()
      return new Response(null)
    }
    const polled = read(clientOf('bea', { fetch: noStream }))
    assert.equal((await polled.next())?.live, false)
    assert.equal(await polled.next(), undefined)
  })

  it('go on with a new token when the old one expires in mid-stream, and miss nothing', async () => {
    const clock = manualClock()
    const tokens = [forge(HS256, claims({ sub: 'cy', exp: now() + 2 })), await test.token('cy')]
    let current = 0
    const client = clientOf('cy', { sleep: clock.sleep, token: () => String(tokens[current]) })
    const feed = read(client)
    await feed.next()
    assert.equal((await feed.next())?.live, true)
    const next = feed.next()
    // The server says in `retry` how long to wait: 1 to 10 s.
    await clock.pass(1_000, 10_000)
    current = 1
    await create('cy', 'while there was no stream')
    let item = await next
    if (item?.titles.length === 0) item = await feed.next()
    assert.deepEqual(item?.titles, ['while there was no stream'])
    await create('cy', 'afterwards')
    do item = await feed.next()
    while (item?.titles.length === 0)
    assert.deepEqual(item, { titles: ['afterwards'], caughtUp: true, live: true })
    await feed.end()
  })

  it('a stream that is cut throws, and the next call continues there', async () => {
    const proxy = await startProxy(url())
    const client = clientOf('dee', { baseUrl: proxy.url.replace(/\/$/, '') })
    const feed = read(client)
    await feed.next()
    await feed.next()
    const cut = assert.rejects(feed.next(), ConnectionError)
    proxy.cut()
    await cut
    await create('dee', 'meanwhile')
    const again = read(client, { since: feed.token() })
    assert.deepEqual((await again.next())?.titles, ['meanwhile'])
    await again.end()
    await proxy.close()
  })

  it('a stream without a sign of life for a minute throws', async () => {
    const clock = manualClock()
    const proxy = await startProxy(url())
    const client = clientOf('eve', { baseUrl: proxy.url, sleep: clock.sleep })
    const feed = read(client)
    await feed.next()
    await feed.next()
    proxy.freeze(true)
    const silent = assert.rejects(feed.next(), /The stream of changes is silent/)
    await clock.pass(60_000)
    await silent
    assert.deepEqual(clock.sleeping(), [])
    await proxy.close()
  })

  it('a reader that takes its time is not a silent stream', async () => {
    const clock = manualClock()
    const feed = read(clientOf('fay', { sleep: clock.sleep }))
    await feed.next()
    await feed.next()
    assert.deepEqual(clock.sleeping(), [])
    await feed.end()
  })

  it('410 sync_expired for a token of another epoch, and 422 for one that is no token', async () => {
    await create('gus', 'a')
    const feed = read(clientOf('gus'), { stream: false })
    await feed.next()
    const { epoch, ...position } = readToken(feed.token())
    for (const [since, status, code] of [
      [writeToken({ ...position, epoch: epoch ^ 1 }), 410, 'sync_expired'],
      ['no token', 422, 'validation_error'],
    ] as const) {
      await assert.rejects(read(clientOf('gus'), { since }).next(), (error) => {
        assert.ok(error instanceof TodoError)
        assert.deepEqual([error.status, error.code], [status, code])
        return true
      })
    }
  })

  it('an abort throws its reason, in the stream and while waiting to open it again', async () => {
    const controller = new AbortController()
    const feed = read(clientOf('hal'), { signal: controller.signal })
    await feed.next()
    await feed.next()
    const aborted = assert.rejects(feed.next(), /the page was closed/)
    controller.abort(new Error('the page was closed'))
    await aborted
    await assert.rejects(read(clientOf('hal'), { signal: controller.signal }).next(), /was closed/)

    const waiting = new AbortController()
    const clock = manualClock()
    const server = await standIn(streamOf('retry: 5000\n\n'))
    const again = read(createClient({ baseUrl: server, token: () => 'x', sleep: clock.sleep }), {
      signal: waiting.signal,
    })
    await again.next()
    const stopped = assert.rejects(again.next(), /stopped/)
    await clock.pass(5_000)
    waiting.abort(new Error('stopped'))
    await stopped
  })

  it('leaving the loop closes the stream: a user may have 20 at once', async () => {
    const closed = new EventEmitter()
    const watch = ({ headers }: IncomingMessage, response: ServerResponse) =>
      response.once('close', () => closed.emit(String(headers.accept)))
    test.app.server.on('request', watch)
    for (let n = 0; n < 21; n += 1) {
      const isClosed = once(closed, 'text/event-stream')
      for await (const { live } of clientOf('ida').changes()) if (live) break
      await isClosed
    }
    test.app.server.off('request', watch)
    const feeds = Array.from({ length: 20 }, () => read(clientOf('ida')))
    for (const feed of feeds) while (!(await feed.next())?.live);
    await assert.rejects(
      async () => {
        for await (const item of clientOf('ida').changes()) assert.equal(item.live, false)
      },
      (error) => error instanceof TodoError && error.status === 429 && error.retryAfterMs !== null,
    )
    for (const feed of feeds) await feed.end()
  })

  it('leave out changes of a type that this version does not know, and lines in parts', async () => {
    const task = { type: 'task', task: { title: 'ä' } }
    const events = [
      `id: 1\nevent: change\ndata: ${JSON.stringify({ type: 'list', list: {} })}\n\n`,
      `id: 2\nevent: change\ndata: ${JSON.stringify(task)}\n\n`,
      ': a comment\n\nid: 3\nevent: caught-up\ndata: {}\n\n',
    ]
    const server = await standIn(streamOf(...Buffer.from(events.join(''))))
    const feed = read(createClient({ baseUrl: server, token: () => 'x' }))
    await feed.next()
    const titles: string[] = []
    let item: Read | undefined
    do {
      item = await feed.next()
      titles.push(...(item?.titles ?? []))
    } while (item?.caughtUp === false)
    assert.deepEqual([titles, feed.token()], [['ä'], '3'])
    await feed.end()
  })
})

/** An empty page, and then a stream of these parts. */
function streamOf(...parts: (string | number)[]) {
  return (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.accept !== 'text/event-stream') {
      return response.end(JSON.stringify({ changes: [], token: '0', more: false }))
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const part of parts) response.write(typeof part === 'number' ? Buffer.of(part) : part)
    response.end()
  }
}

interface Read extends Pick<FeedItem, 'caughtUp' | 'live'> {
  readonly titles: string[]
}

function read(client: TodoClient, options: ChangesOptions = {}) {
  const items = client.changes(options)
  let latest = ''
  return {
    token: () => latest,
    async next(): Promise<Read | undefined> {
      const { value } = await items.next()
      if (value === undefined) return undefined
      const { changes, token, ...rest } = value
      latest = token
      const titles = changes.map((change) =>
        'task' in change ? change.task.title : `deleted ${change.id}`,
      )
      return { titles, ...rest }
    },
    end: () => items.return(),
  }
}
