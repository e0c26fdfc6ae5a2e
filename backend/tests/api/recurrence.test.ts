import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

const DAY_MS = 86_400_000
/** A calendar day, so many days from now in UTC. */
const day = (fromNow: number) => new Date(Date.now() + fromNow * DAY_MS).toISOString().slice(0, 10)
const WEEKLY = { rule: 'FREQ=WEEKLY', from: 'due' }
const DAILY = { rule: 'FREQ=DAILY', from: 'due' }

interface Task {
  readonly id: string
  readonly title: string
  readonly completed: boolean
  readonly due_date: string
  readonly series_id: string
  readonly parent_id: string | null
}

for (const kind of KINDS) {
  describe(`recurring tasks on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
    })
    after(() => test.close())

    const send = (method: string, user: string, path: string, body?: object, headers = {}) =>
      test.send(method, `/api/${user}/tasks${path}`, { as: user, headers, ...(body && { body }) })
    const create = async (user: string, body: object) => {
      const answer = await send('POST', user, '', { title: 'water', ...body })
      assert.equal(answer.status, 201, answer.text)
      return answer.json
    }
    const listOf = async (user: string): Promise<Task[]> => (await send('GET', user, '')).json
    const openOf = async (user: string) =>
      (await listOf(user)).filter(({ completed }) => !completed)
    const complete = (user: string, id: string, completed = true) =>
      send('PATCH', user, `/${id}/complete`, { completed })
    const nextOf = ({ headers }: { headers: Record<string, unknown> }) =>
      /^<(?:.*)\/([0-9a-f-]{36})>; rel="next-occurrence"$/.exec(String(headers.link))?.[1]

    it('completing one keeps it, makes the next with the same members, and links to it', async () => {
      const task = await create('ann', {
        ...{ description: 'd', priority: 'high', tags: ['home'], due_date: day(0) },
        ...{ due_time: '09:30', due_zone: 'Europe/Berlin', recurrence: WEEKLY },
      })
      assert.deepEqual(task.recurrence, WEEKLY)
      assert.match(task.series_id, /^[0-9a-f-]{36}$/)
      const done = await complete('ann', task.id)
      assert.equal(done.json.completed, true)
      const id = nextOf(done)
      const next = (await send('GET', 'ann', `/${id}`)).json
      const { id: _a, created_at: _b, updated_at: _c, due_date, due_at, ...members } = next
      const { id: _d, created_at: _e, updated_at: _f, due_date: _g, due_at: _h, ...before } = task
      assert.deepEqual(members, before)
      assert.equal(due_date, day(7))
      assert.equal(due_at.slice(0, 10), day(7))
      assert.deepEqual(
        (await listOf('ann')).map((one) => one.id),
        [id, task.id],
      )
    })

    it('in every way to complete a task, and once only', async () => {
      const ways: ((id: string) => ReturnType<typeof send>)[] = [
        (id) => send('PATCH', 'bea', `/${id}/complete`),
        (id) => send('PATCH', 'bea', `/${id}/complete`, { completed: true }),
        (id) => send('PUT', 'bea', `/${id}`, { completed: true }),
        (id) => send('PATCH', 'bea', `/${id}`, { completed: true, title: 'renamed' }),
        (id) => send('PATCH', 'bea', `/${id}/complete`, undefined, { 'idempotency-key': id }),
      ]
      for (const way of ways) {
        const task = await create('bea', { due_date: day(0), recurrence: DAILY })
        const answer = await way(task.id)
        assert.equal(answer.status, 200, answer.text)
        const [next, ...more] = (await openOf('bea')).filter(
          (one) => one.series_id === task.series_id,
        )
        assert.deepEqual([next?.id, more.length], [nextOf(answer), 0])
        assert.equal(next?.title, answer.json.title)
        // Nothing changes, so nothing is made.
        await complete('bea', task.id)
        const all = (await listOf('bea')).filter((one) => one.series_id === task.series_id)
        assert.equal(all.length, 2)
      }
    })

    it('from two devices at once there is one next occurrence', async () => {
      for (let round = 0; round < 5; round += 1) {
        const task = await create('cy', { due_date: day(-1), recurrence: DAILY })
        const answers = await Promise.all(Array.from({ length: 6 }, () => complete('cy', task.id)))
        for (const { status, text } of answers) assert.equal(status, 200, text)
        const series = (await listOf('cy')).filter((one) => one.series_id === task.series_id)
        assert.deepEqual(series.map(({ completed }) => completed).sort(), [false, true])
      }
    })

    it('open again: the next one goes if it is untouched, and stays if it is not', async () => {
      const task = await create('dan', { due_date: day(0), recurrence: DAILY })
      const { token } = (await send('GET', 'dan', '/changes')).json
      const next = nextOf(await complete('dan', task.id))
      assert.equal((await complete('dan', task.id, false)).status, 200)
      assert.deepEqual(
        (await listOf('dan')).map(({ id }) => id),
        [task.id],
      )
      assert.equal((await send('GET', 'dan', `/trash/${next}`)).status, 404)
      const { changes } = (await send('GET', 'dan', `/changes?since=${token}`)).json
      assert.deepEqual(
        changes.map((one: { id?: string; task?: Task }) => [one.id ?? one.task?.id]).sort(),
        [[task.id], [next]].sort(),
      )
      const touched = nextOf(await complete('dan', task.id)) ?? ''
      assert.notEqual(touched, next)
      await send('PATCH', 'dan', `/${touched}`, { title: 'touched' })
      await complete('dan', task.id, false)
      assert.equal((await openOf('dan')).length, 2)
      const again = await complete('dan', task.id)
      assert.deepEqual([again.status, nextOf(again)], [200, undefined])
      assert.deepEqual(
        (await openOf('dan')).map(({ id }) => id),
        [touched],
      )
    })

    it('a repeated request under a key has the same Link', async () => {
      const task = await create('dot', { due_date: day(0), recurrence: DAILY })
      const headers = { 'idempotency-key': 'k' }
      const flip = () => send('PATCH', 'dot', `/${task.id}/complete`, undefined, headers)
      const first = await flip()
      const again = await flip()
      assert.ok(nextOf(first))
      assert.deepEqual([again.text, nextOf(again)], [first.text, nextOf(first)])
      assert.equal((await listOf('dot')).length, 2)
      // Another next occurrence has taken its place, and then there is none.
      await complete('dot', task.id, false)
      const second = nextOf(await complete('dot', task.id))
      assert.ok(second !== undefined && second !== nextOf(first))
      assert.equal(nextOf(await flip()), nextOf(first))
      await send('DELETE', 'dot', `/${task.id}`)
      assert.deepEqual([nextOf(await flip()), (await flip()).text], [nextOf(first), first.text])
      // Completed again beside a next occurrence that was changed: the response has no Link, nor has a repeated one.
      await send('POST', 'dot', `/trash/${task.id}/restore`)
      await send('PATCH', 'dot', `/${second}`, { title: 'changed' })
      await complete('dot', task.id, false)
      const other = { 'idempotency-key': 'other' }
      const flipped = () => send('PATCH', 'dot', `/${task.id}/complete`, undefined, other)
      assert.deepEqual([nextOf(await flipped()), nextOf(await flipped())], [undefined, undefined])
    })

    it('a batch completes several, says what it made, also when it is repeated, and tries first', async () => {
      const tasks: Task[] = []
      for (let n = 0; n < 12; n += 1) {
        tasks.push(await create('ed', { title: `${n}`, due_date: day(0), recurrence: DAILY }))
      }
      const operations = [
        ...tasks.map(({ id }) => ({ op: 'complete', id, completed: true })),
        { op: 'create', task: { title: 'last' } },
      ]
      const tried = await send('POST', 'ed', '/batch?dry_run=true', { operations })
      assert.equal(tried.status, 200, tried.text)
      assert.equal((await listOf('ed')).length, 12)
      const headers = { 'idempotency-key': 'batch' }
      const batch = () => send('POST', 'ed', '/batch', { operations }, headers)
      const first = await batch()
      assert.equal(first.status, 200, first.text)
      const ids = first.json.results.map(({ next_id }: { next_id?: string }) => next_id)
      const open = await openOf('ed')
      assert.deepEqual(
        ids.slice(0, 12).sort(),
        open
          .slice(0)
          .map(({ id }) => id)
          .filter((id) => ids.includes(id))
          .sort(),
      )
      assert.deepEqual([new Set(ids).size, ids[12], open.length], [13, undefined, 13])
      // Another next occurrence takes the place of the one that the batch made.
      await complete('ed', tasks[0]?.id ?? '', false)
      await complete('ed', tasks[0]?.id ?? '')
      const again = await batch()
      assert.deepEqual([again.status, again.text], [200, first.text])
      // Another operation fails, and nothing is done.
      const more = open.slice(0, 2).map(({ id }) => ({ op: 'complete', id, completed: true }))
      const failed = await send('POST', 'ed', '/batch', {
        operations: [...more, { op: 'delete', id: '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90' }],
      })
      assert.deepEqual([failed.status, failed.json.errors[0].path], [404, '/operations/2'])
      assert.equal((await openOf('ed')).length, 13)
    })

    it('from two devices at once each Link leads to the one next occurrence', async () => {
      const task = await create('ivy', { due_date: day(0), recurrence: DAILY })
      const answers = await Promise.all(Array.from({ length: 6 }, () => complete('ivy', task.id)))
      const [next] = await openOf('ivy')
      for (const answer of answers) {
        const link = nextOf(answer)
        if (link !== undefined) assert.equal(link, next?.id)
      }
    })

    it('completed, opened and completed again in one batch makes one next occurrence', async () => {
      const task = await create('jan', { due_date: day(0), recurrence: DAILY })
      const operations = [true, false, true].map((completed) => ({
        ...{ op: 'complete', id: task.id, completed },
      }))
      const { status, json, text } = await send('POST', 'jan', '/batch', { operations })
      assert.equal(status, 200, text)
      const ids = json.results.map(({ next_id }: { next_id?: string }) => next_id)
      assert.deepEqual(ids, [undefined, undefined, (await openOf('jan'))[0]?.id])
      assert.equal((await listOf('jan')).length, 2)
    })

    it('a deleted next occurrence does not count, and one that becomes the parent stays', async () => {
      const task = await create('kay', { due_date: day(0), recurrence: DAILY })
      const deleted = nextOf(await complete('kay', task.id))
      await send('DELETE', 'kay', `/${deleted}`)
      await complete('kay', task.id, false)
      const next = nextOf(await complete('kay', task.id))
      assert.ok(next !== undefined && next !== deleted)
      const moved = await send('PATCH', 'kay', `/${task.id}`, { completed: false, parent_id: next })
      assert.equal(moved.status, 200)
      assert.equal((await send('GET', 'kay', `/${next}`)).status, 200)
    })

    it('of a child that recurs the last occurrence is copied', async () => {
      const task = await create('lea', { due_date: day(0), recurrence: DAILY })
      const child = await create('lea', {
        ...{ title: 'child', due_date: day(0), recurrence: DAILY, parent_id: task.id },
      })
      await complete('lea', child.id)
      const next = nextOf(await complete('lea', task.id))
      const copies = (await listOf('lea')).filter(({ parent_id }) => parent_id === next)
      assert.equal(copies.length, 1)
    })

    it('children come anew and open, and one that is touched keeps the next occurrence', async () => {
      const task = await create('eve', { due_date: day(0), recurrence: DAILY })
      const child = await create('eve', { title: 'can', parent_id: task.id })
      await complete('eve', child.id)
      const next = nextOf(await complete('eve', task.id))
      const copies = (await listOf('eve')).filter(({ parent_id }) => parent_id === next)
      assert.deepEqual(
        copies.map(({ title, completed }) => [title, completed]),
        [['can', false]],
      )
      await complete('eve', copies[0]?.id ?? '')
      await complete('eve', task.id, false)
      assert.equal((await send('GET', 'eve', `/${next}`)).status, 200)
    })

    it('missed weeks come back once; COUNT and UNTIL end the series', async () => {
      const late = await create('fay', { due_date: day(-21), recurrence: WEEKLY })
      await complete('fay', late.id)
      assert.deepEqual(
        (await openOf('fay')).map(({ due_date }) => due_date),
        [day(7)],
      )
      const twice = await create('gus', {
        due_date: day(0),
        recurrence: { rule: 'FREQ=DAILY;COUNT=2', from: 'due' },
      })
      const second = nextOf(await complete('gus', twice.id)) ?? ''
      const last = await complete('gus', second)
      assert.deepEqual([last.status, nextOf(last)], [200, undefined])
      assert.deepEqual(await openOf('gus'), [])
      await complete('gus', second, false)
      assert.deepEqual(
        (await openOf('gus')).map(({ id }) => id),
        [second],
      )
      const until = await create('gus', {
        due_date: day(0),
        recurrence: { rule: `FREQ=DAILY;UNTIL=${day(0).replaceAll('-', '')}`, from: 'due' },
      })
      assert.equal(nextOf(await complete('gus', until.id)), undefined)
    })

    it('null ends the series, and DELETE deletes one occurrence', async () => {
      const task = await create('hal', { due_date: day(0), recurrence: DAILY })
      const next = nextOf(await complete('hal', task.id)) ?? ''
      const ended = await send('PATCH', 'hal', `/${next}`, { recurrence: null })
      assert.deepEqual([ended.json.recurrence, ended.json.series_id], [null, task.series_id])
      assert.equal(nextOf(await complete('hal', next)), undefined)
      assert.equal((await send('DELETE', 'hal', `/${next}`)).status, 204)
      assert.deepEqual(
        (await listOf('hal')).map(({ id }) => id),
        [task.id],
      )
    })

    it('the 31st is the last day of a short month, and the 31st again afterwards', async () => {
      for (const day of ['BYMONTHDAY=31;', '']) {
        const rule = `FREQ=MONTHLY;${day}RSCALE=GREGORIAN;SKIP=BACKWARD`
        let task = await create('ida', {
          due_date: '2201-01-31',
          recurrence: { rule, from: 'due' },
        })
        const dates: string[] = []
        for (let n = 0; n < 3; n += 1) {
          const id = nextOf(await complete('ida', task.id))
          task = (await send('GET', 'ida', `/${id}`)).json
          dates.push(task.due_date)
        }
        assert.deepEqual(dates, ['2201-02-28', '2201-03-31', '2201-04-30'], rule)
      }
    })

    it('422 for a rule that is none or never comes, and for one without a due date', async () => {
      const paths = ({ json }: { json: { errors?: { path: string }[] } }) =>
        json.errors?.map(({ path }) => path)
      for (const [recurrence, path] of [
        [{ rule: 'FREQ=HOURLY', from: 'due' }, '/recurrence/rule'],
        [{ rule: 'freq=daily', from: 'due' }, '/recurrence/rule'],
        [{ rule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', from: 'due' }, '/recurrence/rule'],
        [{ rule: 'FREQ=DAILY' }, '/recurrence/from'],
        [{ rule: 'FREQ=DAILY', from: 'now' }, '/recurrence/from'],
        [{ ...DAILY, more: 1 }, '/recurrence/more'],
        ['FREQ=DAILY', '/recurrence'],
      ] as const) {
        const answer = await send('POST', 'jo', '', { title: 'x', due_date: day(0), recurrence })
        assert.deepEqual([answer.status, paths(answer)], [422, [path]])
      }
      const without = await send('POST', 'jo', '', { title: 'x', recurrence: DAILY })
      assert.deepEqual([without.status, paths(without)], [422, ['/recurrence']])
      const task = await create('jo', { due_date: day(0), recurrence: DAILY })
      const undated = await create('jo', {})
      const recurrence = { rule: 'FREQ=DAILY;INTERVAL=2', from: 'due' }
      const refused = await send('PATCH', 'jo', `/${undated.id}`, { completed: true, recurrence })
      assert.deepEqual([refused.status, paths(refused)], [422, ['/recurrence']])
      const hanging = await send('PATCH', 'jo', `/${task.id}`, { due_date: null })
      assert.deepEqual([hanging.status, paths(hanging)], [422, ['/recurrence']])
      const both = await send('PATCH', 'jo', `/${task.id}`, { due_date: null, recurrence: null })
      assert.equal(both.status, 200)
      const back = await send('PUT', 'jo', `/${task.id}`, both.json)
      assert.deepEqual([back.status, back.json], [200, both.json])
    })

    it('a rule is judged by its own first date, also in a batch and without that date', async () => {
      const due_date = '2026-02-10'
      const rule = (text: string) => ({ rule: text, from: 'due' })
      const quarterly = rule('FREQ=MONTHLY;INTERVAL=3;BYMONTH=2,5,8,11')
      const never = rule('FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29')
      const batch = (recurrence: object) =>
        send('POST', 'lou', '/batch', {
          operations: [{ op: 'create', task: { title: 'x', due_date, recurrence } }],
        })
      assert.equal((await batch(quarterly)).status, 200)
      const refused = await batch(never)
      assert.deepEqual(
        [refused.status, refused.json.errors[0].path],
        [422, '/operations/0/task/recurrence/rule'],
      )
      const task = await create('lou', { due_date })
      const changed = await send('PATCH', 'lou', `/${task.id}`, { recurrence: quarterly })
      assert.equal(changed.status, 200, changed.text)
    })

    it('a new rule begins to count again', async () => {
      const task = await create('kim', {
        due_date: day(0),
        recurrence: { rule: 'FREQ=DAILY;COUNT=1', from: 'due' },
      })
      await send('PATCH', 'kim', `/${task.id}`, {
        recurrence: { rule: 'FREQ=DAILY;COUNT=2', from: 'completion' },
      })
      const next = nextOf(await complete('kim', task.id)) ?? ''
      assert.equal((await send('GET', 'kim', `/${next}`)).json.due_date, day(1))
      assert.equal(nextOf(await complete('kim', next)), undefined)
    })

    it('a batch completes tasks that it makes itself, and one again after another due date', async () => {
      const made = Array.from({ length: 8 }, (_, n) => ({
        id: `00000000-0000-7000-8000-0000000001${n}0`,
        ...{ title: `made ${n}`, due_date: day(0), recurrence: DAILY },
      }))
      const { id } = await create('mia', { due_date: day(0), recurrence: DAILY })
      const operations = [
        ...made.flatMap((task) => [
          { op: 'create', task },
          { op: 'complete', id: task.id },
        ]),
        { op: 'complete', id },
        { op: 'update', id, task: { completed: false, due_date: day(3) } },
        { op: 'complete', id, completed: true },
      ]
      const answer = await send('POST', 'mia', '/batch', { operations })
      assert.equal(answer.status, 200, answer.text)
      const next = answer.json.results.flatMap((one: { next_id?: string }) => one.next_id ?? [])
      assert.equal(new Set(next).size, made.length + 1)
      const open = await openOf('mia')
      assert.deepEqual(
        open.map(({ title, due_date }) => [title, due_date]).sort(),
        [...made.map(({ title }) => [title, day(1)]), ['water', day(4)]].sort(),
      )
    })

    const addChildren = (user: string, parent: string, count: number) =>
      test.admin(
        `insert into todo.tasks (id, user_id, title, completed, created_at, updated_at, seq, parent_id)
         select gen_random_uuid(), $1, 'item', false, now(), now(), 0, $2::uuid from generate_series(1, $3::int)`,
        [user, parent, count],
      )

    it('413 for a batch that would copy more than 2000 children, and nothing is done', async () => {
      const parents: string[] = []
      for (let n = 0; n < 5; n += 1) {
        const { id } = await create('ned', { due_date: day(0), recurrence: DAILY })
        parents.push(id)
        await addChildren('ned', id, n === 0 ? 401 : 400)
      }
      const complete = (ids: string[]) =>
        send('POST', 'ned', '/batch', { operations: ids.map((id) => ({ op: 'complete', id })) })
      const refused = await complete(parents)
      assert.equal(refused.status, 413)
      assert.match(refused.json.detail, /more than 2000 children/)
      assert.equal((await listOf('ned')).length, 2006)
      const done = await complete(parents.slice(1))
      assert.equal(done.status, 200, done.text)
      assert.equal((await listOf('ned')).length, 2006 + 4 * 401)
    })

    it('409 for a recurring child of a parent with 500 children, until one is deleted', async () => {
      const parent = await create('oda', { title: 'parent' })
      const recurring = { due_date: day(0), recurrence: DAILY, parent_id: parent.id }
      const child = await create('oda', recurring)
      await addChildren('oda', parent.id, 499)
      const alone = await complete('oda', child.id)
      assert.equal(alone.status, 409)
      assert.match(alone.json.detail, /has 500 children/)
      const operations = [
        { op: 'complete', id: parent.id },
        { op: 'complete', id: child.id },
      ]
      const among = await send('POST', 'oda', '/batch', { operations })
      assert.deepEqual([among.status, among.json.detail], [409, alone.json.detail])
      assert.equal(among.json.errors[0].path, '/operations/1')
      assert.equal((await openOf('oda')).length, 501)
      const other = (await listOf('oda')).find(({ title }) => title === 'item')
      await send('DELETE', 'oda', `/${other?.id}`)
      assert.ok(nextOf(await complete('oda', child.id)))
    })
  })
}
