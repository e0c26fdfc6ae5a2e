import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '../../src/core/limits.ts'
import { type Database, withAsUser } from '../../src/database/session.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { batchesOf, refusal, statuses } from '../support/batches.ts'
import { KINDS } from '../support/databases.ts'

const MISSING = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'

/** The number of calls of `asUser`. */
let calls = 0
const counted = (database: Database): Database =>
  withAsUser(database, (userId, asked) => {
    calls += 1
    return database.asUser(userId, asked)
  })

for (const kind of KINDS) {
  describe(`a batch on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, {}, counted)
    })
    after(() => test.close())
    const { send, create, listOf, trashOf, seqOf, keysOf } = batchesOf(() => test)

    it('200 with the result of each operation, as the task is afterwards', async () => {
      const [one, two, three, four] = await Promise.all([1, 2, 3, 4].map(() => create('ann')))
      await test.send('DELETE', `/api/ann/tasks/${four.id}`)
      calls = 0
      const answer = await send('ann', [
        { op: 'create', task: { title: '  new  ', description: 'd' } },
        { op: 'update', id: one.id, task: { title: 'changed' } },
        { op: 'complete', id: two.id, completed: true },
        { op: 'complete', id: two.id.toUpperCase() },
        { op: 'delete', id: three.id },
        { op: 'restore', id: four.id },
      ])
      assert.equal(calls, 1)
      assert.equal(answer.status, 200, answer.text)
      assert.match(String(answer.headers['content-type']), /^application\/json/)
      assert.deepEqual(statuses(answer), [201, 200, 200, 200, 204, 200])
      const { results } = answer.json
      assert.deepEqual(results[4], { status: 204 })
      assert.deepEqual([results[0].task.title, results[0].task.description], ['new', 'd'])
      assert.equal(results[1].task.title, 'changed')
      assert.deepEqual([results[2].task.completed, results[3].task.completed], [true, false])
      for (const { task, etag } of results) {
        if (task) assert.equal(etag, `"${task.updated_at}"`)
      }
      const tasks = await listOf('ann')
      for (const at of [0, 1, 3, 5]) {
        const { task } = results[at]
        assert.deepEqual(
          tasks.find(({ id }: { id: string }) => id === task.id),
          task,
        )
        const { headers } = await test.send('GET', `/api/ann/tasks/${task.id}`)
        assert.equal(headers.etag, results[at].etag)
      }
      assert.equal(tasks.length, 4)
      assert.deepEqual(
        (await trashOf('ann')).map(({ id }: { id: string }) => id),
        [three.id],
      )
    })

    it('later operations on a task see the earlier ones', async () => {
      const id = randomUUID()
      const answer = await send('ben', [
        { op: 'create', task: { id, title: 'one' } },
        { op: 'create', task: { id: id.toUpperCase(), title: 'two' } },
        { op: 'update', id, task: { title: 'three' } },
        { op: 'delete', id },
        { op: 'restore', id },
        { op: 'complete', id },
      ])
      assert.deepEqual(statuses(answer), [201, 200, 200, 204, 200, 200])
      const titles = answer.json.results.map(
        ({ task }: { task?: { title: string } }) => task?.title,
      )
      assert.deepEqual(titles, ['one', 'one', 'three', undefined, 'three', 'three'])
      assert.deepEqual(answer.json.results[1].task, answer.json.results[0].task)
      assert.deepEqual(await listOf('ben'), [answer.json.results[5].task])
    })

    it('each change has a number of its own, so that the feed has every task once', async () => {
      const first = await create('bob')
      const { json: start } = await test.send('GET', '/api/bob/tasks/changes')
      const answer = await send('bob', [
        { op: 'create', task: { title: 'a' } },
        { op: 'update', id: first.id, task: { title: 'b' } },
        { op: 'update', id: first.id, task: { title: 'b' } },
        { op: 'delete', id: first.id },
      ])
      assert.equal(answer.status, 200)
      assert.equal(await seqOf('bob'), 4)
      const { json } = await test.send('GET', `/api/bob/tasks/changes?since=${start.token}`)
      assert.deepEqual(
        json.changes.map((change: { id?: string; task?: { id: string } }) =>
          change.task ? change.task.id : change.id,
        ),
        [answer.json.results[0].task.id, first.id],
      )
    })

    const OLD = '"2001-01-01T00:00:00.000Z"'
    const REFUSED: [
      what: string,
      operation: (living: string, deleted: string) => object,
      refused: readonly [status: number, error: string],
      single: (living: string, deleted: string) => readonly [string, string, object?],
    ][] = [
      [
        'an update of a missing task',
        () => ({ op: 'update', id: MISSING, task: { title: 'x' } }),
        [404, 'not_found'],
        () => ['PUT', `/${MISSING}`, { body: { title: 'x' } }],
      ],
      [
        'an update of a deleted task',
        (_living, id) => ({ op: 'update', id, task: { title: 'x' } }),
        [404, 'not_found'],
        (_living, id) => ['PUT', `/${id}`, { body: { title: 'x' } }],
      ],
      [
        'a malformed id',
        () => ({ op: 'complete', id: 'nonsense' }),
        [404, 'not_found'],
        () => ['PATCH', '/nonsense/complete'],
      ],
      [
        'a missing task at a version',
        () => ({ op: 'complete', id: MISSING, if_match: OLD }),
        [404, 'not_found'],
        () => ['PATCH', `/${MISSING}/complete`, { headers: { 'if-match': OLD } }],
      ],
      [
        'a stale version',
        (id) => ({ op: 'delete', id, if_match: OLD }),
        [412, 'precondition_failed'],
        (id) => ['DELETE', `/${id}`, { headers: { 'if-match': OLD } }],
      ],
      [
        'a tag that is not one of ours',
        (id) => ({ op: 'complete', id, completed: true, if_match: 'x' }),
        [412, 'precondition_failed'],
        (id) => [
          'PATCH',
          `/${id}/complete`,
          { body: { completed: true }, headers: { 'if-match': 'x' } },
        ],
      ],
      [
        'the restoring of a living task',
        (id) => ({ op: 'restore', id }),
        [404, 'not_found'],
        (id) => ['POST', `/trash/${id}/restore`],
      ],
      [
        'a create with the id of a deleted task',
        (_living, id) => ({ op: 'create', task: { id, title: 'x' } }),
        [409, 'conflict'],
        (_living, id) => ['POST', '', { body: { id, title: 'x' } }],
      ],
    ]
    it('a failure is that of the operation alone, with its place, and nothing is done', async () => {
      const living = await create('flo')
      const { id: deleted } = await create('flo')
      await test.send('DELETE', `/api/flo/tasks/${deleted}`)
      const [tasks, trash, seq] = [await listOf('flo'), await trashOf('flo'), await seqOf('flo')]
      for (const [what, operation, [status, error], single] of REFUSED) {
        const [method, path, sending] = single(living.id, deleted)
        const alone = await test.send(method, `/api/flo/tasks${path}`, sending)
        assert.deepEqual([alone.status, alone.json.error], [status, error], what)
        for (const headers of [{}, { 'idempotency-key': what.replaceAll(' ', '-') }]) {
          for (const query of ['', '?dry_run=true']) {
            const operations = [
              { op: 'create', task: { title: 'undone' } },
              { op: 'complete', id: living.id },
              operation(living.id, deleted),
              { op: 'delete', id: MISSING },
            ]
            const answer = await send('flo', operations, headers, query)
            assert.deepEqual(refusal(answer), [status, error, ['/operations/2']], what)
            const { detail, title } = answer.json
            assert.deepEqual(
              { detail, title },
              { detail: alone.json.detail, title: alone.json.title },
            )
          }
        }
      }
      assert.deepEqual([await listOf('flo'), await trashOf('flo')], [tasks, trash])
      assert.deepEqual([await seqOf('flo'), await keysOf('flo')], [seq, []])
    })

    it('a dry run has the response of the batch, and changes nothing', async () => {
      const task = await create('hal')
      const { json: start } = await test.send('GET', '/api/hal/tasks/changes')
      const id = randomUUID()
      const operations = [
        { op: 'create', task: { id, title: 'new' } },
        { op: 'update', id: task.id, task: { title: 'changed' } },
        { op: 'delete', id: task.id },
        { op: 'restore', id: task.id },
        { op: 'delete', id },
      ]
      const key = { 'idempotency-key': 'k' }
      // A malformed key is not looked at either.
      const dry = [key, key, { 'idempotency-key': 'a b' }].map((headers) =>
        send('hal', operations, headers, '?dry_run=true'),
      )
      const withoutTimes = ({ text }: Answer) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'then')
      for (const answer of await Promise.all(dry)) {
        assert.equal(answer.status, 200, answer.text)
        assert.equal(answer.headers['idempotency-replayed'], undefined)
        assert.deepEqual(statuses(answer), [201, 200, 204, 200, 204])
      }
      assert.deepEqual([await listOf('hal'), await trashOf('hal')], [[task], []])
      assert.deepEqual([await seqOf('hal'), await keysOf('hal')], [1, []])
      const { json: changes } = await test.send(
        'GET',
        `/api/hal/tasks/changes?since=${start.token}`,
      )
      assert.deepEqual(changes.changes, [])
      const done = await send('hal', operations, key, '?dry_run=false')
      assert.equal(withoutTimes(done), withoutTimes((await dry[0]) as Answer))
      assert.equal(done.headers['idempotency-replayed'], undefined)
      // What a user of an empty list tries leaves no row either.
      const [operation] = operations
      assert.equal((await send('nobody', [operation], {}, '?dry_run=true')).status, 200)
      assert.equal(await seqOf('nobody'), undefined)
    })

    it('with an Idempotency-Key it is done once: the first response again, whatever came after', async () => {
      const task = await create('ida')
      const chosen = randomUUID()
      const operations = [
        { op: 'create', task: { title: 'new' } },
        { op: 'create', task: { id: chosen, title: 'chosen' } },
        { op: 'create', task: { id: chosen, title: 'again' } },
        { op: 'complete', id: task.id },
        { op: 'delete', id: task.id },
        { op: 'restore', id: task.id },
      ]
      const key = { 'idempotency-key': '"the key"' }
      const first = await send('ida', operations, key)
      assert.deepEqual(statuses(first), [201, 201, 200, 200, 204, 200])
      assert.equal(first.headers['idempotency-replayed'], undefined)
      await send('ida', [
        { op: 'update', id: chosen, task: { title: 'later' } },
        { op: 'delete', id: task.id },
      ])
      const [tasks, seq] = [await listOf('ida'), await seqOf('ida')]
      // Defaults, white space around a title and the case of an id do not make another request.
      const same = structuredClone(operations)
      Object.assign(same[0]?.task ?? {}, { title: ' new ', completed: false })
      Object.assign(same[1]?.task ?? {}, { id: chosen.toUpperCase() })
      for (const repeated of [operations, same]) {
        const again = await send('ida', repeated, key)
        assert.deepEqual([again.status, again.text], [200, first.text])
        assert.equal(again.headers['idempotency-replayed'], 'true')
      }
      assert.deepEqual([await listOf('ida'), await seqOf('ida')], [tasks, seq])
      const reused = await send('ida', operations.slice(1), key)
      assert.deepEqual(refusal(reused), [422, 'validation_error', ['/idempotency-key']])
      const single = { body: { title: 'new' }, headers: key }
      assert.equal((await test.send('POST', '/api/ida/tasks', single)).status, 422)
      assert.equal((await send('ida', operations, { 'idempotency-key': 'a b' })).status, 422)
    })

    it('a key is not used up by a batch that fails, and each user has their own', async () => {
      const key = { 'idempotency-key': 'k' }
      const operations = (id: string) => [{ op: 'complete', id }]
      assert.equal((await send('jan', operations(MISSING), key)).status, 404)
      const body = { id: MISSING, title: 'x' }
      for (const user of ['jan', 'jon']) await create(user, body)
      for (const user of ['jan', 'jon']) {
        const answer = await send(user, operations(MISSING), key)
        assert.deepEqual([answer.status, answer.json.results[0].task.user_id], [200, user])
        assert.equal(answer.headers['idempotency-replayed'], undefined)
        assert.equal((await send(user, operations(MISSING), key)).text, answer.text)
      }
    })

    it('the text of a purged task is overwritten in the stored response as well', async () => {
      const key = { 'idempotency-key': 'k' }
      const operations = ['secret', 'public'].map((title) => ({ op: 'create', task: { title } }))
      const first = await send('kim', operations, key)
      const [{ task }, other] = first.json.results
      await send('kim', [{ op: 'delete', id: task.id }])
      await test.send('DELETE', `/api/kim/tasks/trash/${task.id}`)
      assert.ok(!JSON.stringify(await keysOf('kim')).includes('secret'))
      const again = await send('kim', operations, key)
      assert.equal(again.json.results[0].task.title, '')
      assert.deepEqual(again.json.results[1], other)
    })

    it('413 for a response that is too long to store, and without a key it is sent', async () => {
      // Control characters take six bytes each in JSON.
      const task = { title: 'x', description: '\u0001'.repeat(16_384) }
      const [{ id }] = (await send('lea', [{ op: 'create', task }])).json.results.map(
        (result: { task: { id: string } }) => result.task,
      )
      const operations = Array.from({ length: 30 }, () => ({ op: 'complete', id }))
      const seq = await seqOf('lea')
      const refused = await send('lea', operations, { 'idempotency-key': 'k' })
      assert.deepEqual([refused.status, refused.json.error], [413, 'payload_too_large'])
      assert.match(refused.json.detail, /2097152 bytes; send fewer operations/)
      assert.deepEqual([await seqOf('lea'), await keysOf('lea')], [seq, []])
      const sent = await send('lea', operations)
      assert.equal(sent.status, 200)
      assert.ok(sent.text.length > LIMITS.batchStoredBytes)
      assert.equal(
        (await send('lea', operations.slice(0, 20), { 'idempotency-key': 'k' })).status,
        200,
      )
    })

    it('one batch for many of the same key at once', async () => {
      for (let round = 0; round < 5; round += 1) {
        const user = `mia${round}`
        const operations = [{ op: 'create', task: { title: 'once' } }]
        const answers = await Promise.all(
          Array.from({ length: 6 }, () => send(user, operations, { 'idempotency-key': 'k' })),
        )
        for (const { status } of answers) assert.ok(status === 200 || status === 409, `${status}`)
        assert.equal((await listOf(user)).length, 1)
        const done = answers.filter(({ status }) => status === 200)
        assert.equal(new Set(done.map(({ text }) => text)).size, 1)
      }
    })

    it('beside single requests each batch is done as a whole or not at all', async () => {
      const id = randomUUID()
      await create('ned', { id, title: 'shared' })
      const { id: second } = await create('ned')
      const batches = Array.from({ length: 10 }, (_, n) =>
        send('ned', [
          { op: 'create', task: { title: `first of ${n}` } },
          // In either order, since the user is locked before any task.
          { op: 'complete', id: n % 2 ? id : second },
          { op: 'complete', id: n % 2 ? second : id },
          { op: 'create', task: { id: randomUUID(), title: `last of ${n}` } },
        ]),
      )
      const singles = Array.from({ length: 10 }, (_, n) =>
        n % 3 === 0
          ? test.send('DELETE', `/api/ned/tasks/${id}`)
          : test.send('POST', `/api/ned/tasks/trash/${id}/restore`),
      )
      const answers = await Promise.all(batches)
      for (const { status } of await Promise.all(singles))
        assert.ok([200, 204, 404].includes(status))
      const titles = (await listOf('ned')).map(({ title }: { title: string }) => title)
      for (const [n, { status }] of answers.entries()) {
        assert.ok(status === 200 || status === 404, `${status}`)
        for (const end of ['first', 'last']) {
          assert.equal(titles.includes(`${end} of ${n}`), status === 200, `${end} of ${n}`)
        }
      }
      const seqs = await test.admin(`select seq::int from todo.tasks where user_id = 'ned'`)
      assert.equal(new Set(seqs.map(({ seq }) => seq)).size, seqs.length)
    })

    it('one new task for an id that batches and single requests create at once', async () => {
      for (let round = 0; round < 5; round += 1) {
        const user = `oda${round}`
        const id = randomUUID()
        const task = { id, title: 'once' }
        const answers = await Promise.all([
          ...Array.from({ length: 4 }, () => send(user, [{ op: 'create', task }])),
          ...Array.from({ length: 4 }, () =>
            test.send('POST', `/api/${user}/tasks`, { body: task }),
          ),
        ])
        const found = answers.map((answer, n) => (n < 4 ? statuses(answer)[0] : answer.status))
        assert.deepEqual(found.sort(), [200, 200, 200, 200, 200, 200, 200, 201])
      }
    })

    it('foreign ids are as missing ones, and a chosen id of another user is free', async () => {
      const theirs = await create('pat', { title: 'secret' })
      const operations = (id: string): object[] => [
        { op: 'update', id, task: { title: 'taken' } },
        { op: 'update', id, task: { title: 'taken' }, if_match: `"${theirs.updated_at}"` },
        { op: 'complete', id },
        { op: 'complete', id, completed: true, if_match: '*' },
        { op: 'delete', id },
        { op: 'restore', id },
      ]
      const refused = async (id: string) =>
        Promise.all(
          operations(id).map(async (operation) => {
            const own = { op: 'create', task: { title: 'undone' } }
            const headers = { 'x-request-id': 'same' }
            const { status, text } = await send('quin', [own, operation], headers)
            assert.equal(status, 404)
            return text
          }),
        )
      assert.deepEqual(await refused(theirs.id), await refused(randomUUID()))
      assert.deepEqual([await listOf('pat'), await listOf('quin')], [[theirs], []])
      const free = await send('quin', [{ op: 'create', task: { id: theirs.id, title: 'own' } }])
      assert.deepEqual([statuses(free), free.json.results[0].task.user_id], [[201], 'quin'])
      assert.deepEqual(await listOf('pat'), [theirs])
    })

    it('401 for a deleted account', async () => {
      const task = await create('rex')
      await test.admin(`insert into todo_auth.deleted_user (id) values ('rex')`)
      await test.admin(`update todo.users set deleted_at = now() where id = 'rex'`)
      for (const query of ['', '?dry_run=true']) {
        for (const headers of [{}, { 'idempotency-key': 'k' }]) {
          const operations = [
            { op: 'complete', id: task.id },
            { op: 'create', task: { title: 'x' } },
          ]
          const answer = await send('rex', operations, headers as Record<string, string>, query)
          assert.deepEqual(refusal(answer), [401, 'unauthorized', undefined])
        }
      }
    })
  })
}
