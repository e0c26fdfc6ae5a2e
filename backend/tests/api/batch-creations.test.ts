import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { type Database, withAsUser } from '../../src/database/session.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { batchesOf, refusal, statuses } from '../support/batches.ts'
import { KINDS, taskId } from '../support/databases.ts'

/** Ids that each user has at first: a task, a child of it, and one in the trash. The others are free. */
const [LIVING, CHILD, DELETED] = [taskId(1), taskId(2), taskId(3)]
const FREE = [4, 5, 6, 7].map(taskId)

/** Most tasks lack a member, so that most of them can be created. */
const rare = <Value>(...values: Value[]) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...values) },
  )
/** The last one is in the year 10000 in UTC, which the database refuses. */
const DUES = [
  { due_date: '2026-03-29' },
  { due_date: '2026-03-29', due_time: '02:30', due_zone: 'Europe/Berlin' },
  { due_date: '2026-03-29', recurrence: { rule: 'FREQ=DAILY', from: 'due' } },
  { due_date: '9999-12-31', due_time: '23:00', due_zone: 'America/New_York' },
]
const task = fc
  .record({
    title: fc.constantFrom('a', 'Äpfel', ' x '),
    id: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(undefined, ...FREE) },
      { weight: 1, arbitrary: fc.constantFrom(LIVING, DELETED) },
    ),
    description: rare(null, '', 'Straße\u0001"'),
    completed: rare(true, false),
    priority: rare('none', 'high'),
    tags: rare([], ['A b', 'c "d"'], ['{x}']),
    parent_id: rare(LIVING, taskId(4), taskId(5), CHILD),
    // Before the last one there is no other key.
    position: rare('a5', 'Zz', '0'),
    due: rare(...DUES),
  })
  .map(({ due, ...members }) => {
    // With two faults, a request and a batch may have another one first.
    return members.id === DELETED ? { id: DELETED, title: 'a' } : { ...members, ...due }
  })

/** Without the parts that differ between two users, of which ids of this test are none. */
const plain = (text: string) =>
  text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'then')
    .replace(/"user_id":"\w+"/g, '"user_id":""')
    .replace(/"(id|series_id)":"(?!00000000-)[^"]+"/g, '"$1":""')

interface Result {
  readonly task?: { readonly title: string }
}

/** The number of statements in each call of `asUser`. */
const calls: number[] = []
const counted = (database: Database): Database =>
  withAsUser(database, (userId, asked) => {
    calls.push('sql' in asked ? 1 : asked.length)
    return database.asUser(userId, asked)
  })

for (const kind of KINDS) {
  describe(`creations in a batch on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, {}, counted)
    })
    after(() => test.close())
    const { send, create, seqOf, keysOf } = batchesOf(() => test)
    const creations = (...tasks: object[]) => tasks.map((one) => ({ op: 'create', task: one }))

    const setUp = async (user: string) => {
      const ids = [{ id: LIVING }, { id: CHILD, parent_id: LIVING }, { id: DELETED }]
      const made = await send(user, [
        ...creations(...ids.map((members) => ({ title: 't', ...members }))),
        { op: 'delete', id: DELETED },
      ])
      assert.equal(made.status, 200, made.text)
    }
    /** All rows of a user, in the order of their numbers. */
    const rowsOf = async (user: string) => {
      const rows = await test.admin(
        `select t.seq::int, position, title, t.id::text like '0000%' as is_given, parent_id, series_number, folded_title,
           folded_description, folded_tags, t.created_at = updated_at as is_new, first_position
         from todo.tasks t join todo.users u on u.id = user_id where user_id = $1 order by t.seq`,
        [user],
      )
      return { rows, seq: await seqOf(user) }
    }

    it('do what the same requests do one by one up to the first that fails, or nothing', async () => {
      let users = 0
      const ended = new Map<number, number>()
      const property = fc.asyncProperty(
        fc.array(task, { minLength: 2, maxLength: 8 }),
        fc.boolean(),
        async (tasks, isKeyed) => {
          users += 1
          const [one, other] = [`one${users}`, `other${users}`]
          await Promise.all([setUp(one), setUp(other)])
          const before = await rowsOf(other)
          const answers: Answer[] = []
          for (const body of tasks) {
            answers.push(await test.send('POST', `/api/${one}/tasks`, { body }))
            if ((answers.at(-1)?.status ?? 0) >= 400) break
          }
          const headers: Record<string, string> = isKeyed ? { 'idempotency-key': 'k' } : {}
          const dry = await send(other, creations(...tasks), {}, '?dry_run=true')
          assert.deepEqual(await rowsOf(other), before)
          const answer = await send(other, creations(...tasks), headers)
          const last = answers.at(-1)
          const failed = (last?.status ?? 0) >= 400 ? last : undefined
          ended.set(answer.status, (ended.get(answer.status) ?? 0) + 1)
          assert.equal(answer.status, failed?.status ?? 200, answer.text)
          if (failed !== undefined) {
            const at = `/operations/${answers.length - 1}`
            const place = failed.json.errors === undefined ? at : `${at}/task`
            const path = failed.json.errors?.[0].path ?? ''
            assert.deepEqual(refusal(answer).slice(1), [failed.json.error, [place + path]])
            assert.deepEqual(refusal(dry), refusal(answer))
            assert.deepEqual([await rowsOf(other), await keysOf(other)], [before, []])
            return
          }
          const single = answers.map(({ status, json }) => ({ status, task: json }))
          const results = answer.json.results.map(
            ({ status, task: made }: { status: number; task: object }) => ({ status, task: made }),
          )
          assert.equal(plain(JSON.stringify(results)), plain(JSON.stringify(single)))
          assert.equal(plain(dry.text), plain(answer.text))
          const rows = await rowsOf(other)
          assert.deepEqual(rows, await rowsOf(one))
          assert.deepEqual(new Set(rows.rows.map(({ seq }) => seq)).size, rows.rows.length)
          if (!isKeyed) return
          assert.equal((await send(other, creations(...tasks), headers)).text, answer.text)
          assert.deepEqual(await rowsOf(other), rows)
        },
      )
      await fc.assert(property, { numRuns: 40, seed: 20_261_128 })
      assert.ok(
        [200, 409, 422].every((status) => (ended.get(status) ?? 0) > 2),
        [...ended].join(),
      )
    })

    it('are one statement if they follow each other, with all outcomes in their places', async () => {
      const { id } = await create('ann')
      calls.length = 0
      const operations = [
        { op: 'complete', id },
        ...creations({ title: 'a' }, { title: 'b', id: FREE[0] }),
        { op: 'update', id, task: { title: 'c' } },
        ...creations({ title: 'd' }),
        { op: 'delete', id },
        ...creations(
          { title: 'e' },
          { title: 'f', id: FREE[1] },
          { title: 'g', parent_id: FREE[1] },
        ),
      ]
      const headers = { 'idempotency-key': 'k' }
      const answer = await send('ann', operations, headers)
      // Those around it: the lock, the claim of the key, and the size of the response.
      assert.deepEqual(calls, [3 + 6])
      assert.deepEqual(statuses(answer), [200, 201, 201, 200, 201, 204, 201, 201, 201])
      const titles = answer.json.results.map(({ task: made }: Result) => made?.title)
      assert.deepEqual(titles, ['x', 'a', 'b', 'c', 'd', undefined, 'e', 'f', 'g'])
      const again = await send('ann', operations, headers)
      assert.deepEqual([again.text, again.headers['idempotency-replayed']], [answer.text, 'true'])
    })

    it('422 for the first child too many, with its place, and nothing is done', async () => {
      const { id } = await create('ben')
      const children = (count: number) =>
        creations(...Array.from({ length: count }, () => ({ title: 'x', parent_id: id })))
      for (const count of [100, 100, 100, 100, 97]) {
        assert.equal((await send('ben', children(count))).status, 200)
      }
      const seq = await seqOf('ben')
      const refused = await send('ben', [...creations({ title: 'y' }), ...children(4)])
      const place = '/operations/4/task/parent_id'
      assert.deepEqual(refusal(refused), [422, 'validation_error', [place]])
      assert.equal(await seqOf('ben'), seq)
      assert.equal((await send('ben', children(3))).status, 200)
    })

    it('of several requests at once get a number and a position each', async () => {
      const titles = ['a', 'b', 'c', 'd', 'e'].map((title) => ({ title }))
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => [send('cem', creations(...titles)), create('cem')]).flat(),
      )
      assert.equal(answers.length, 16)
      const { rows, seq } = await rowsOf('cem')
      assert.deepEqual(
        rows.map((row) => row.seq),
        Array.from({ length: 48 }, (_, at) => at + 1),
      )
      assert.equal(seq, 48)
      // Each is before all that have a smaller number.
      const positions = rows.map(({ position }) => String(position))
      assert.deepEqual(positions.toSorted().reverse(), positions)
      assert.equal(new Set(positions).size, 48)
    })
  })
}
