import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { readToken, writeToken } from '../../src/models/changes/token.ts'
import { auth, BEHIND_PROXY, signUp } from '../support/accounts.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { type EventStream, openStream } from '../support/event-stream.ts'
import { claims, forge, HS256, now } from '../support/tokens.ts'

const SETTINGS = { ...BEHIND_PROXY, REQUIRE_EMAIL_VERIFICATION: 'off' }
/** The server looks often, and sends comments at once. Nothing waits for a backstop but where a test says so. */
const SOON = { streamCheckMs: 10, streamCommentMs: 30, streamQuietMs: 3_600_000 }
const revocationTimes = { intervalMs: 10, idlePauses: 1_000, waitMs: 3_600_000 }

for (const kind of KINDS) {
  describe(`streams of changes on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, SETTINGS, undefined, SOON, { revocationTimes })
    })
    after(() => test.close())

    const open = async (
      user: string,
      { query = '', token = '', ...headers }: Record<string, string> = {},
    ): Promise<EventStream> => {
      const authorization = `Bearer ${token || (await test.token(user))}`
      return openStream(test.port, `/api/${user}/tasks/changes${query}`, {
        authorization,
        ...headers,
      })
    }
    const create = async (user: string, title: string): Promise<{ id: string }> =>
      (await test.send('POST', `/api/${user}/tasks`, { as: user, body: { title } })).json
    const change = (user: string, method: string, id: string, body?: object) =>
      test.send(method, `/api/${user}/tasks/${id}`, { as: user, body })
    const titles = (events: { data: { task?: { title: string } } }[]) =>
      events.map(({ data }) => data.task?.title)

    /** The server sends comments when it looks for streams that are to end. Several have then arrived. */
    const endsSoon = async (stream: EventStream, other: EventStream) => {
      const before = other.comments.count
      const looked = other.until(({ comments }) => comments.count > before + 20)
      const hasEnded = stream.ended.then(() => true)
      assert.ok(await Promise.race([hasEnded, looked.then(() => false)]))
      other.destroy()
      await looked.catch(() => {})
    }

    it('200 with all tasks, then caught-up, then each change as it happens', async () => {
      const a = await create('ann', 'a')
      const b = await create('ann', 'b')
      await change('ann', 'DELETE', (await create('ann', 'c')).id)
      const stream = await open('ann')
      assert.equal(stream.status, 200)
      assert.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8')
      assert.equal(stream.headers['cache-control'], 'no-store, no-transform')
      assert.equal(stream.headers['x-accel-buffering'], 'no')
      assert.match(String(stream.headers.vary), /accept/i)
      assert.equal(stream.headers['content-encoding'], undefined)
      assert.deepEqual(titles(await stream.untilCaughtUp()), ['a', 'b'])
      assert.match(stream.text(), /^retry: \d+\n\nid: \S+\nevent: change\ndata: \{"type":"task"/)
      const [retry = 0] = stream.retries
      assert.ok(retry >= 1_000 && retry <= 10_000)
      await change('ann', 'PUT', a.id, { title: 'a1' })
      const event = await stream.next()
      assert.deepEqual(
        [event.event, event.data],
        ['change', { type: 'task', task: (await change('ann', 'GET', a.id)).json }],
      )
      assert.equal((await stream.next()).event, 'caught-up')
      await change('ann', 'DELETE', b.id)
      const { data } = await stream.next()
      assert.deepEqual([data.id, data.deleted, data.type], [b.id, true, 'task'])
      // The feed continues at the id of an event.
      const { json } = await test.send('GET', `/api/ann/tasks/changes?since=${event.id}`)
      assert.deepEqual(json.changes, [data])
      stream.destroy()
    })

    it('caught-up alone where there are no tasks, and comments while nothing happens', async () => {
      const stream = await open('nobody')
      const { event, data, id } = await stream.next()
      assert.deepEqual([event, data], ['caught-up', {}])
      await stream.until(({ comments }) => comments.count > 1)
      assert.match(stream.text(), /\n\n:\n\n/)
      const { json } = await test.send('GET', `/api/nobody/tasks/changes?since=${id}`)
      assert.deepEqual(json.changes, [])
      stream.destroy()
    })

    it('a stream that is cut anywhere continues with Last-Event-ID, which counts before since', async () => {
      const made = Array.from({ length: 9 }, (_, n) => `task ${n}`)
      for (const title of made) await create('bea', title)
      const first = await open('bea')
      const events = await first.untilCaughtUp()
      assert.deepEqual(titles(events), made)
      first.destroy()
      for (const [at, { id }] of events.entries()) {
        const query = `?since=${events[at % 3]?.id}`
        const stream = await open('bea', { query, 'last-event-id': id })
        assert.deepEqual(titles(await stream.untilCaughtUp()), made.slice(at + 1))
        stream.destroy()
        const bySince = await open('bea', { query: `?since=${id}` })
        assert.deepEqual(titles(await bySince.untilCaughtUp()), made.slice(at + 1))
        bySince.destroy()
      }
    })

    it('the id of a change is good no longer than the token of the request, until it has caught up', async () => {
      for (const title of ['a', 'b']) await create('ike', title)
      const { json } = await test.send('GET', '/api/ike/tasks/changes')
      const position = readToken(json.token)
      const minute = position.minute - 29 * 24 * 60
      const stream = await open('ike', {
        query: `?since=${writeToken({ ...position, seq: '0', minute })}`,
      })
      const minutes = []
      for (let n = 0; n < 3; n += 1) minutes.push(readToken((await stream.next()).id ?? '').minute)
      assert.deepEqual(minutes.slice(0, 2), [minute, minute])
      assert.ok((minutes[2] ?? 0) >= position.minute)
      stream.destroy()
    })

    it('many changes of several writers: each reader has them once, in order', async () => {
      const readers = [await open('cy'), await open('cy'), await open('cy')]
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let n = 0; n < 15; n += 1) await create('cy', `${writer}.${n}`)
      })
      await Promise.all(writers)
      const list = (await test.send('GET', '/api/cy/tasks/changes')).json
      const all = list.changes.map(({ task }: { task: { title: string } }) => task.title)
      for (const reader of readers) {
        const found: (string | undefined)[] = []
        while (found.length < all.length) {
          const event = await reader.next()
          if (event.event === 'change') found.push(event.data.task.title)
        }
        assert.deepEqual(found, all)
        reader.destroy()
      }
    })

    it('another user’s change never arrives', async () => {
      const stream = await open('dan')
      const other = await open('eve')
      await create('eve', 'hers')
      assert.equal((await other.next()).event, 'caught-up')
      assert.equal((await other.next()).data.task.title, 'hers')
      await create('dan', 'his')
      assert.equal((await stream.next()).event, 'caught-up')
      assert.equal((await stream.next()).data.task.title, 'his')
      assert.doesNotMatch(stream.text(), /hers/)
      stream.destroy()
      other.destroy()
    })

    it('a statement of several announces its change as well', async () => {
      const stream = await open('fay')
      await stream.untilCaughtUp()
      const key = { 'idempotency-key': 'k' }
      await test.send('POST', '/api/fay/tasks', { body: { title: 'keyed' }, headers: key })
      assert.equal((await stream.next()).data.task.title, 'keyed')
      stream.destroy()
    })

    it('401, 403, 410 and 422 as problems, before a stream begins', async () => {
      const { json } = await test.send('GET', '/api/gus/tasks/changes')
      // The tolerance of 60 s is for requests alone.
      const expired = forge(HS256, claims({ sub: 'gus', exp: now() - 5 }))
      for (const [status, options] of [
        [401, { token: 'a.b.c' }],
        [401, { token: expired }],
        [403, { token: await test.token('hal') }],
        [410, { query: `?since=${json.token.replace(/^(A.).{4}/, '$1AAAA')}` }],
        [410, { 'last-event-id': json.token.replace(/^(A.).{4}/, '$1AAAA') }],
        [422, { query: '?since=x' }],
        [422, { 'last-event-id': 'x' }],
        [422, { 'last-event-id': '' }],
      ] as const) {
        const stream = await open('gus', options)
        assert.equal(stream.status, status, JSON.stringify(options))
        assert.equal(stream.headers['content-type'], 'application/problem+json; charset=utf-8')
      }
    })

    it('Accept decides: JSON unless the client prefers a stream', async () => {
      const types: unknown[] = []
      const accepts = [
        ...['*/*', 'application/json', 'text/html', 'text/event-stream;q=0, */*'],
        'application/json, text/event-stream;q=0.9',
        ...['text/event-stream', 'text/event-stream, */*', 'Text/Event-Stream; charset=utf-8'],
        'application/json;q=0.5, text/event-stream;q=0.9',
      ]
      for (const accept of accepts) {
        const { status, headers, text } = await test.send('HEAD', '/api/ann/tasks/changes', {
          headers: { accept },
        })
        assert.deepEqual([status, text], [200, ''])
        assert.match(String(headers.vary), /accept/i)
        types.push(headers['content-type'])
      }
      const json = 'application/json; charset=utf-8'
      const events = 'text/event-stream; charset=utf-8'
      assert.deepEqual(types, [json, json, json, json, json, events, events, events, events])
    })

    it('ends when its token expires', async (context) => {
      const { timers } = context.mock
      timers.enable({ apis: ['Date'], now: Date.now() })
      const exp = now() + 300
      const token = forge(HS256, claims({ sub: 'ian', exp }))
      const stream = await open('ian', { token })
      timers.setTime(exp * 1_000 - 1)
      const before = stream.comments.count
      // The server has looked at it since then.
      await stream.until(({ comments }) => comments.count > before + 2)
      timers.setTime(exp * 1_000)
      await endsSoon(stream, await open('jan'))
      assert.equal(stream.retries.length, 2)
    })

    it('ends when the account is deleted', async () => {
      const { id, session, token } = await signUp(test, 'joe@example.com')
      const stream = await open(id, { token })
      await stream.untilCaughtUp()
      const { status } = await auth(test, 'POST', '/delete-user', { session })
      assert.equal(status, 200)
      await endsSoon(stream, await open('jan'))
    })

    it('429 with Retry-After at the 21st stream of a user, and none for others', async () => {
      const streams: EventStream[] = []
      for (let n = 0; n < 20; n += 1) streams.push(await open('kim'))
      const { status, headers } = await open('kim')
      assert.equal(status, 429)
      assert.match(String(headers['retry-after']), /^\d+$/)
      const other = await open('lea')
      assert.equal(other.status, 200)
      for (const stream of [...streams, other]) stream.destroy()
    })

    it('a client that leaves has no open stream any more: 25 one after the other', async () => {
      const closed = new EventEmitter()
      const watch = (_: unknown, response: ServerResponse) =>
        response.once('close', () => closed.emit('close'))
      test.app.server.on('request', watch)
      for (let n = 0; n < 25; n += 1) {
        const stream = await open('ned')
        assert.equal(stream.status, 200)
        const isClosed = once(closed, 'close')
        stream.destroy()
        await isClosed
      }
      test.app.server.off('request', watch)
    })

    it('a client that does not read delays no other, and then has every change', async () => {
      await create('mia', 'first')
      const { json } = await test.send('GET', '/api/mia/tasks/changes')
      const count = 900
      await test.admin(`update todo.users set seq = 1 + $1 where id = 'mia'`, [count])
      await test.admin(
        `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at, seq)
         select 'mia', gen_random_uuid(), 'long', repeat('x', 16000), false, now(), now(), 1 + n
         from generate_series(1, $1::int) n`,
        [count],
      )
      const slow = await open('mia')
      slow.pause()
      const head = writeToken({ ...readToken(json.token), seq: String(1 + count) })
      const good = await open('mia', { query: `?since=${head}` })
      assert.deepEqual(await good.untilCaughtUp(), [])
      await create('mia', 'last')
      assert.deepEqual(titles(await good.untilCaughtUp()), ['last'])
      assert.equal((await test.send('GET', '/api/mia/tasks?limit=1')).status, 200)
      slow.resume()
      const ids = (await slow.untilCaughtUp()).map(({ data }) => data.task.id)
      assert.deepEqual([ids.length, new Set(ids).size], [count + 2, count + 2])
      slow.destroy()
      good.destroy()
    })
  })

  describe(`streams of changes of a server that stops, on ${kind}`, () => {
    const open = async (test: TestApp, user: string) =>
      openStream(test.port, `/api/${user}/tasks/changes`, {
        authorization: `Bearer ${await test.token(user)}`,
      })

    it('a change without a hint arrives; 503 beyond streamsOpen; a stop ends all at once', async () => {
      const limits = { streamCheckMs: 10, streamQuietMs: 50, streamsOpen: 2 }
      const test = await startApp(kind, {}, undefined, limits)
      await test.send('POST', '/api/ann/tasks', { body: { title: 'a' } })
      const stream = await open(test, 'ann')
      const other = await open(test, 'bea')
      const [first] = await stream.untilCaughtUp()
      await test.admin(
        `with turn as (update todo.users set seq = seq + 1 where id = 'ann' returning seq)
         update todo.tasks t set title = 'by hand', seq = turn.seq from turn`,
      )
      let event = await stream.next()
      // Where nothing was new, caught-up gives a new id.
      while (event.event === 'caught-up') event = await stream.next()
      assert.equal(event.data.task.title, 'by hand')
      assert.equal(event.data.task.id, first?.data.task.id)
      const third = await open(test, 'cy')
      assert.equal(third.status, 503)
      assert.match(String(third.headers['retry-after']), /^\d+$/)
      other.pause()
      await test.close()
      await stream.ended
      assert.equal(stream.retries.length, 2)
      other.resume()
      await other.ended
    })
  })
}
