import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { withDirectClient } from '../../src/database/direct.ts'
import { findBatch } from '../../src/models/tasks/batch.ts'
import { COLUMNS } from '../../src/models/tasks/columns.ts'
import { forgetExpiredKeys } from '../../src/models/tasks/once.ts'
import { type Answer, type Sending, startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

const MISSING = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'

for (const kind of KINDS) {
  describe(`Idempotency-Key on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
    })
    after(() => test.close())

    const withKey = (key: string, sending: Sending = {}): Sending => ({
      ...sending,
      headers: { 'idempotency-key': key, ...sending.headers },
    })
    const create = (key: string, body: object, user = 'alice') =>
      test.send('POST', `/api/${user}/tasks`, withKey(key, { body }))
    const flip = (id: string, key: string, sending: Sending = {}) =>
      test.send('PATCH', `/api/alice/tasks/${id}/complete`, withKey(key, sending))
    const newTask = async () =>
      (await test.send('POST', '/api/alice/tasks', { body: { title: 'x' } })).json
    const titled = async (title: string) =>
      (await test.admin('select user_id from todo.tasks where title = $1', [title])).length
    /** What of an answer is the same each time. */
    const lasting = ({ status, text, headers }: Answer) => {
      const {
        date: _date,
        'x-request-id': _id,
        'idempotency-replayed': replayed,
        ...rest
      } = headers
      return { first: { status, text, headers: rest }, replayed }
    }

    // The first request with a key of this server, which forgets at most once a minute.
    it('a request with a key has the expired ones forgotten', async () => {
      const path = '/api/alice/tasks'
      await test.send('POST', path, { body: { title: 'x' } })
      await test.admin(
        `insert into todo.idempotency_keys (user_id, key, request_hash, answer, created_at)
         select 'alice', 'old-' || n, '', '{}', now() - interval '25 hours' from generate_series(1, 600) n`,
      )
      await create('new', { title: 'x' })
      let kept: unknown
      do {
        ;[kept] = await test.admin('select count(*)::int, min(key) from todo.idempotency_keys')
      } while ((kept as { count: number }).count > 1)
      assert.deepEqual(kept, { count: 1, min: 'new' })
    })

    it('201 once: the same POST again has the first answer, and there is one task', async () => {
      const key = randomUUID()
      const body = { title: 'once', description: 'ñ "quoted" \\ 𝄞', completed: true }
      const first = lasting(await create(key, body))
      assert.equal(first.first.status, 201)
      assert.equal(first.replayed, undefined)
      for (let n = 0; n < 3; n += 1) {
        const again = lasting(await create(key, body))
        assert.deepEqual(again.first, first.first)
        assert.equal(again.replayed, 'true')
      }
      assert.equal(await titled('once'), 1)
    })

    it('200 once: the same flip again has the first answer, and flips nothing', async () => {
      const { id } = await newTask()
      const key = randomUUID()
      const first = lasting(await flip(id, key))
      assert.equal(JSON.parse(first.first.text).completed, true)
      const again = lasting(await flip(id, key, { body: {} }))
      assert.deepEqual(again.first, first.first)
      assert.equal(again.replayed, 'true')
      assert.equal((await test.send('GET', `/api/alice/tasks/${id}`)).json.completed, true)
      assert.equal((await flip(id, randomUUID())).json.completed, false)
    })

    it('the first answer is kept when the task has changed, and when it is gone', async () => {
      const key = randomUUID()
      const first = await create(key, { title: 'short-lived' })
      const path = String(first.headers.location)
      await test.send('PUT', path, { body: { title: 'changed' } })
      assert.equal((await create(key, { title: 'short-lived' })).text, first.text)
      await test.send('DELETE', path)
      assert.equal((await create(key, { title: 'short-lived' })).text, first.text)
      assert.equal(await titled('short-lived'), 0)
    })

    it('200 for a repeated flip with If-Match, which the first one has made stale', async () => {
      const { id, updated_at } = await newTask()
      const key = randomUUID()
      const headers = { 'if-match': `"${updated_at}"` }
      const first = await flip(id, key, { headers })
      assert.equal(first.status, 200)
      assert.equal((await flip(id, key, { headers })).text, first.text)
    })

    it('422 for another request under the same key, and nothing is done', async () => {
      const { id, updated_at } = await newTask()
      const key = randomUUID()
      await create(key, { title: 'first' })
      const others = [
        await create(key, { title: 'second' }),
        await create(key, { title: 'first', description: 'more' }),
        await create(key, { title: 'first', completed: true }),
        await flip(id, key),
      ]
      const flipKey = randomUUID()
      await flip(id, flipKey)
      others.push(await flip((await newTask()).id, flipKey))
      others.push(await flip(id, flipKey, { headers: { 'if-match': `"${updated_at}"` } }))
      for (const { status, json } of others) {
        assert.equal(status, 422)
        assert.equal(json.error, 'validation_error')
        const message = 'was used for a different request; use a new key'
        assert.deepEqual(json.errors, [{ in: 'header', path: '/idempotency-key', message }])
      }
      assert.equal(await titled('second'), 0)
      assert.equal((await test.send('GET', `/api/alice/tasks/${id}`)).json.completed, true)
    })

    it('what is written otherwise and asks for the same is the same request', async () => {
      const key = randomUUID()
      const { text } = await create(key, { title: 'same' })
      const raw =
        '{ "completed": false, "description": null, "user_id": "alice", "title": "  same " }'
      const headers = { 'content-type': 'application/json' }
      const sending = withKey(`"${key}"`, { raw, headers })
      const again = await test.send('POST', '/api/alice/tasks', sending)
      assert.equal(again.text, text)
      assert.equal(again.headers['idempotency-replayed'], 'true')
    })

    it('422 for a request under the same key that differs in any one member', async () => {
      const body: Record<string, unknown> = {
        ...{ title: 'whole', description: 'd', completed: false, priority: 'none', tags: ['a'] },
        ...{ due_date: '2027-07-01', due_time: '09:30', due_zone: 'UTC' },
        ...{ recurrence: null, parent_id: null, position: 'a0' },
      }
      const others: Record<string, unknown> = {
        ...{ title: 'other', description: null, completed: true, priority: 'low', tags: ['b'] },
        ...{ due_date: '2027-07-02', due_time: '09:31', due_zone: null },
        ...{ recurrence: { rule: 'FREQ=DAILY', from: 'due' }, parent_id: randomUUID() },
        position: 'a1',
      }
      const clients = COLUMNS.filter(({ setBy }) => setBy === 'client').map(({ name }) => name)
      assert.deepEqual(Object.keys(body), clients)
      const key = randomUUID()
      await create(key, body)
      for (const name of clients) {
        assert.equal((await create(key, { ...body, [name]: others[name] })).status, 422, name)
      }
      const again = await create(key, body)
      assert.equal(again.headers['idempotency-replayed'], 'true')
      assert.equal(await titled('whole'), 1)
    })

    it('422 and nothing done for a key that an older version stored', async () => {
      const key = randomUUID()
      const body = { title: 'stored earlier', description: null, completed: false }
      const hash = createHash('sha256').update(JSON.stringify(['POST', ...Object.values(body)]))
      await create(randomUUID(), { title: 'so that there is a user' })
      await test.admin(
        `insert into todo.idempotency_keys (user_id, key, request_hash, answer) values ('alice', $1, $2, '{}')`,
        [key, hash.digest('base64url')],
      )
      assert.equal((await create(key, body)).status, 422)
      assert.equal(await titled('stored earlier'), 0)
    })

    it('a user’s key is no other user’s', async () => {
      const key = randomUUID()
      const body = { title: 'the same words' }
      const alices = await create(key, body, 'alice')
      const bobs = await create(key, body, 'bob')
      assert.equal(bobs.status, 201)
      assert.equal(bobs.headers['idempotency-replayed'], undefined)
      assert.equal(bobs.json.user_id, 'bob')
      assert.notEqual(bobs.json.id, alices.json.id)
      const crossed = await test.send('PATCH', `/api/bob/tasks/${alices.json.id}/complete`, {
        headers: { 'idempotency-key': randomUUID() },
      })
      assert.equal(crossed.status, 404)
    })

    it('what changed nothing is not kept: the next try counts', async () => {
      const key = randomUUID()
      assert.equal((await create(key, { title: '' })).status, 422)
      assert.equal((await flip(MISSING, key)).status, 404)
      const { id } = await newTask()
      const stale = { headers: { 'if-match': '"2000-01-01T00:00:00.000Z"' } }
      assert.equal((await flip(id, key, stale)).status, 412)
      assert.equal((await create(key, { title: 'at last' })).status, 201)
      assert.equal(await titled('at last'), 1)
    })

    it('of many at once with one key, one is done, and each 2xx has its answer', async () => {
      const key = randomUUID()
      const user = `new-${kind}` // whose row is made by the same statement
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => create(key, { title: 'rush' }, user)),
      )
      const done = answers.filter(({ status }) => status === 201)
      assert.ok(done.length >= 1)
      assert.deepEqual(new Set(done.map(({ text }) => text)).size, 1)
      for (const { status, headers } of answers) {
        if (status === 201) continue
        assert.equal(status, 409)
        assert.equal(headers['retry-after'], '1')
      }
      assert.equal(await titled('rush'), 1)
      const { id } = await newTask()
      await Promise.all(Array.from({ length: 12 }, () => flip(id, `flip-${key}`)))
      assert.equal((await test.send('GET', `/api/alice/tasks/${id}`)).json.completed, true)
    })

    it('422 for a key that is none', async () => {
      const keys = ['', ' ', '""', '"', 'a b', 'a,b', 'é', 'x'.repeat(256), '"a";p=1', '"a\\b"']
      for (const key of [...keys, ['one', 'two']]) {
        const headers = { 'idempotency-key': key }
        const answer = await test.send('POST', '/api/alice/tasks', {
          headers,
          body: { title: 'no key' },
        })
        assert.equal(answer.status, 422, String(key))
        assert.equal(answer.json.errors[0].path, '/idempotency-key')
      }
      assert.equal(await titled('no key'), 0)
      const longest = ['x'.repeat(255), `"${'x'.repeat(254)}\\""`, '"with space, comma"']
      for (const key of longest) {
        assert.equal((await create(key, { title: key.slice(0, 9) })).status, 201, key)
      }
    })

    it('a change that can be repeated anyway takes no key', async () => {
      const { id } = await newTask()
      const key = 'not looked at'
      const path = `/api/alice/tasks/${id}`
      for (const completed of [true, false]) {
        const set = await flip(id, key, { body: { completed } })
        assert.deepEqual([set.status, set.json.completed], [200, completed])
      }
      const put = await test.send('PUT', path, withKey(key, { body: { title: 'put' } }))
      assert.equal(put.status, 200)
      assert.equal((await test.send('DELETE', path, withKey(key))).status, 204)
      const kept = await test.admin('select from todo.idempotency_keys where key = $1', [key])
      assert.equal(kept.length, 0)
    })

    it('keys older than 24 hours are forgotten in small steps, those of now are not', async () => {
      const fresh = randomUUID()
      await create(fresh, { title: 'fresh' })
      await test.admin(
        `insert into todo.idempotency_keys (user_id, key, request_hash, answer, created_at)
         select 'alice', 'old-' || n, '', '{}', now() - interval '24 hours 1 second' from generate_series(1, 5) n`,
      )
      const forget = (most: number) =>
        test.test.database.asUser('somebody else', forgetExpiredKeys(most))
      assert.equal(await forget(2), 2)
      assert.equal(await forget(500), 3)
      assert.equal(await forget(500), 0)
      assert.equal(
        (await create(fresh, { title: 'fresh' })).headers['idempotency-replayed'],
        'true',
      )
    })
  })
}

describe('a request in progress', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres')
  })
  after(() => test.close())

  it('409 for the same one, at once, and 201 with its answer when it is done', async () => {
    const send = (key: string) =>
      test.send('POST', '/api/alice/tasks', {
        body: { title: 'slow' },
        headers: { 'idempotency-key': key },
      })
    // On the connection of the first one the second would wait behind it, so there are two.
    const connections = `select from pg_stat_activity
      where datname = current_database() and application_name = 'todo-backend'`
    do {
      await Promise.all([1, 2].map(() => test.send('GET', '/api/bob/tasks')))
    } while ((await test.admin(connections)).length < 2)
    const done = await withDirectClient(test.test.connector.direct, async (holder) => {
      // A first task waits for its user's row, and so does not end.
      await holder.query('begin')
      await holder.query(`insert into todo.users (id) values ('alice')`)
      const first = send('held')
      const waiting = `select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`
      while ((await test.admin(waiting)).length === 0);
      const second = await send('held')
      assert.equal(second.status, 409)
      assert.equal(second.json.error, 'conflict')
      await holder.query('rollback')
      return first
    })
    assert.equal(done.status, 201)
    const third = await send('held')
    assert.deepEqual([third.status, third.text], [201, done.text])
    assert.equal((await test.admin(`select from todo.tasks where title = 'slow'`)).length, 1)
  })

  it('409 and nothing done where it ended behind the back of a statement that had begun', async () => {
    await test.send('POST', '/api/alice/tasks', { body: { title: 'so that there is a user' } })
    // What a statement that began before another's end sees: no key, and then a key.
    await test.admin(`
      create function todo.key_of_another() returns trigger language plpgsql security definer as $$
      begin
        insert into todo.idempotency_keys (user_id, key, request_hash, answer)
        select new.user_id, 'raced', '', '{}' where new.title = 'raced';
        return new;
      end $$;
      create trigger key_of_another before insert or update on todo.tasks
        for each row execute function todo.key_of_another()`)
    const headers = { 'idempotency-key': 'raced' }
    const body = { title: 'raced' }
    const { status, headers: told } = await test.send('POST', '/api/alice/tasks', { headers, body })
    assert.deepEqual([status, told['retry-after']], [409, '1'])
    assert.equal((await test.admin(`select from todo.tasks where title = 'raced'`)).length, 0)
    await test.admin('drop trigger key_of_another on todo.tasks')
    const { json } = await test.send('POST', '/api/alice/tasks', { body })
    await test.admin(`
      create trigger key_of_another before insert or update on todo.tasks
        for each row execute function todo.key_of_another()`)
    const path = `/api/alice/tasks/${json.id}/complete`
    const flipped = await test.send('PATCH', path, { headers })
    assert.deepEqual([flipped.status, flipped.headers['retry-after']], [409, '1'])
    const [task] = await test.admin(`select completed from todo.tasks where title = 'raced'`)
    assert.deepEqual(task, { completed: false })
  })

  for (const [what, change] of [
    [
      'changed',
      `update todo.tasks set updated_at = updated_at + interval '1 second', seq = seq + 1 where id = $1`,
    ],
    ['deleted', 'delete from todo.tasks where id = $1'],
  ] as const) {
    it(`the key counts, not that the task is ${what}, where both came from a request that was waited for`, async () => {
      const { json } = await test.send('POST', '/api/dave/tasks', { body: { title: 'x' } })
      const headers = { 'idempotency-key': what, 'if-match': `"${json.updated_at}"` }
      await withDirectClient(test.test.connector.direct, async (other) => {
        await other.query('begin')
        await other.query(change, [json.id])
        await other.query(
          `insert into todo.idempotency_keys (user_id, key, request_hash, answer) values ('dave', $1, '', '{}')`,
          [what],
        )
        let answered = false
        const flip = test
          .send('PATCH', `/api/dave/tasks/${json.id}/complete`, { headers })
          .finally(() => {
            answered = true
          })
        const waiting =
          'select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))'
        while (!answered && (await other.query(waiting)).rowCount === 0);
        await other.query('commit')
        const { status, json: problem } = await flip
        assert.deepEqual([status, problem.errors?.[0].path], [422, '/idempotency-key'])
      })
    })
  }

  it('an account that is deleted takes its keys along, and its token makes nothing', async () => {
    const headers = { 'idempotency-key': 'kept' }
    const body = { title: 'before' }
    await test.send('POST', '/api/carol/tasks', { headers, body })
    await test.admin(
      `insert into todo_auth."user" (id, name, email, "emailVerified") values ('carol', '', 'c@example.com', true)`,
    )
    await test.admin(`delete from todo_auth."user" where id = 'carol'`)
    const kept = await test.admin(`select from todo.idempotency_keys where user_id = 'carol'`)
    assert.equal(kept.length, 0)
    assert.equal((await test.send('POST', '/api/carol/tasks', { headers, body })).status, 401)
    const path = `/api/carol/tasks/${MISSING}/complete`
    assert.equal((await test.send('PATCH', path, { headers })).status, 401)
  })

  it('401 for a deleted account also while another request holds the lock of the key', async () => {
    const headers = { 'idempotency-key': 'held' }
    await test.admin(
      `insert into todo_auth."user" (id, name, email, "emailVerified") values ('erin', '', 'e@example.com', true)`,
    )
    await withDirectClient(test.test.connector.direct, async (holder) => {
      await holder.query(
        `select pg_advisory_lock(hashtextextended('held', hashtextextended('erin', 0)))`,
      )
      const body = { title: 'x' }
      const requests: readonly [method: string, path: string, body?: object][] = [
        ['POST', '', body],
        ['POST', '', { ...body, id: MISSING }],
        ['PATCH', `/${MISSING}/complete`],
        ['POST', '/batch', { operations: [{ op: 'create', task: body }] }],
      ]
      const statuses = async () => {
        const answers = requests.map(([method, path, asked]) =>
          test.send(method, `/api/erin/tasks${path}`, {
            headers,
            ...(asked && { body: asked }),
          }),
        )
        return (await Promise.all(answers)).map(({ status }) => status)
      }
      assert.deepEqual(await statuses(), [409, 409, 409, 409])
      await test.admin(`delete from todo_auth."user" where id = 'erin'`)
      assert.deepEqual(await statuses(), [401, 401, 401, 401])
    })
  })

  it('401 for the stored response to a batch of an account that was deleted since', async () => {
    await test.admin(
      `insert into todo_auth."user" (id, name, email, "emailVerified") values ('frank', '', 'f@example.com', true)`,
    )
    const find = () => test.test.database.asUser('frank', findBatch('unknown'))
    assert.equal(await find(), undefined)
    await test.admin(`delete from todo_auth."user" where id = 'frank'`)
    await assert.rejects(find, { code: 'unauthorized' })
  })
})
