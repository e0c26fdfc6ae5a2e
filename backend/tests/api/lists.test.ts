import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { caseless } from '../../src/core/caseless.ts'
import { fold } from '../../src/core/fold.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { assertProblem } from '../support/problem.ts'

interface Task {
  readonly id: string
  readonly title: string
  readonly description: string | null
  readonly completed: boolean
  readonly priority: string
  readonly tags: readonly string[]
  readonly due_date: string | null
  readonly due_time: string | null
  readonly updated_at: string
  readonly position: string
}

const PRIORITIES = ['none', 'low', 'medium', 'high']
const MANY = 70

/** Values of a generator with a fixed seed. */
function values(seed: number) {
  let state = seed
  const below = (most: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % most
  }
  return { below, of: <T>(items: readonly T[]): T => items[below(items.length)] as T } // not empty
}

const WORDS = [
  'Milk',
  'milk',
  'MÍLK',
  'eggs',
  'Äpfel',
  'apfel',
  '100%',
  'a_b',
  'a\\b',
  'ΟΔΟΣ',
  'x"y',
  'été',
]

/** Tasks in which every member has ties and, where it may be, nulls. */
function randomTask(random: ReturnType<typeof values>) {
  const words = (most: number) =>
    Array.from({ length: 1 + random.below(most) }, () => random.of(WORDS)).join(' ')
  const due = random.of([
    null,
    '2026-11-30',
    '2026-12-01',
    '2026-12-02',
    '0001-01-01',
    '9999-12-31',
  ])
  return {
    title: words(2),
    position: random.of(['a', 'a0', 'Z', 'b1', '0V']),
    description: random.of([null, '', words(4)]),
    completed: random.of([true, false]),
    priority: random.of(PRIORITIES),
    tags: random.of([[], ['work'], ['Work', 'home'], ['HOME', 'Straße'], ['x"\\y']]),
    due_date: due,
    due_time: due === null ? null : random.of([null, '00:00', '09:30', '23:59']),
  }
}

type Compare = (a: Task, b: Task) => number
const text = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const byId: Compare = (a, b) => text(a.id, b.id)
const dueOf = ({ due_date, due_time }: Task) => `${due_date} ${due_time ?? '24:00'}`
const nullsLast =
  (compare: Compare): Compare =>
  (a, b) => {
    if (a.due_date !== null && b.due_date !== null) return compare(a, b)
    return Number(a.due_date === null) - Number(b.due_date === null)
  }
const priority: Compare = (a, b) => PRIORITIES.indexOf(b.priority) - PRIORITIES.indexOf(a.priority)
const reverse =
  (compare: Compare): Compare =>
  (a, b) =>
    compare(b, a)

const SORTS: Record<string, Compare> = {
  '': reverse(byId),
  '-created_at': reverse(byId),
  created_at: byId,
  updated_at: (a, b) => text(a.updated_at, b.updated_at),
  '-updated_at': (a, b) => text(b.updated_at, a.updated_at),
  due: nullsLast((a, b) => text(dueOf(a), dueOf(b))),
  '-due': nullsLast((a, b) => text(dueOf(b), dueOf(a))),
  priority,
  '-priority': reverse(priority),
  position: (a, b) => text(a.position, b.position),
  title: (a, b) => text(fold(a.title), fold(b.title)) || text(a.title, b.title),
}

const hasTags = (task: Task, tags: string[]) =>
  tags.every((tag) => task.tags.map(caseless).includes(caseless(tag)))
const hasWords = ({ title, description }: Task, words: string[]) =>
  words.every((word) => [title, description ?? ''].some((part) => fold(part).includes(fold(word))))

/** Queries, and which tasks they show. The instant is that of a task in the middle. */
const filters = (instant: string): [query: string, shows: (task: Task) => boolean][] => [
  ['', () => true],
  ['completed=true', (task) => task.completed],
  ['completed=false', (task) => !task.completed],
  ['priority=high', (task) => task.priority === 'high'],
  ['priority=none,medium', (task) => ['none', 'medium'].includes(task.priority)],
  ['tags=work', (task) => hasTags(task, ['work'])],
  ['tags=HOME,%20work', (task) => hasTags(task, ['home', 'work'])],
  ['tags=strasse', (task) => hasTags(task, ['strasse'])],
  [`tags=${encodeURIComponent('x"\\y')}`, (task) => hasTags(task, ['x"\\y'])],
  ['tags=nothing', () => false],
  ['due=none', (task) => task.due_date === null],
  ['due=any', (task) => task.due_date !== null],
  ['due_from=2026-12-01', (task) => task.due_date !== null && task.due_date >= '2026-12-01'],
  ['due_before=2026-12-01', (task) => task.due_date !== null && task.due_date < '2026-12-01'],
  [
    'due_from=2026-12-01&due_before=2026-12-02&completed=false',
    (task) => task.due_date === '2026-12-01' && !task.completed,
  ],
  [`updated_since=${instant}`, (task) => task.updated_at >= instant],
  // Go writes nanoseconds.
  [
    `updated_since=${instant.replace('Z', '999999')}${'9'.repeat(200)}Z`,
    (task) => task.updated_at > instant,
  ],
  ...['milk', 'MILK eggs', 'apfel', 'ete', '%', '_', '\\', 'οδος', 'x"y', '100% milk'].map(
    (words): [string, (task: Task) => boolean] => [
      `q=${encodeURIComponent(words)}`,
      (task) => hasWords(task, words.split(' ')),
    ],
  ),
  [
    'q=milk&priority=high,low&due=any',
    (task) =>
      hasWords(task, ['milk']) && ['high', 'low'].includes(task.priority) && task.due_date !== null,
  ],
]

const REFUSED: [query: string, names: RegExp][] = [
  ['sort=none', /must be one of -created_at, created_at, updated_at.*title/],
  ['sort=due&sort=due', /must be given once|must be one of/],
  ['priority=highest', /none, low, medium, high/],
  ['priority=', /none, low, medium, high/],
  ['tags=', /1 to 20 tags/],
  ['tags=a,,b', /1 to 20 tags/],
  [`tags=${Array.from({ length: 21 }, (_, n) => n).join()}`, /1 to 20 tags/],
  ['due=2026-12-01', /any or none/],
  ['due_from=2026-02-30', /YYYY-MM-DD/],
  ['due_before=tomorrow', /YYYY-MM-DD/],
  ['q=', /1 to 8 words/],
  ['q=%20', /1 to 8 words/],
  ['q=a%00b', /1 to 8 words/],
  ['q=1+2+3+4+5+6+7+8+9', /1 to 8 words/],
  [`q=${'x'.repeat(201)}`, /200 characters/],
  ['limit=abc', /limit must be a whole number from 1 to 1000"/],
  ['updated_since=2026-12-01', /RFC 3339/],
  ['updated_since=2026-02-30T00:00:00Z', /RFC 3339/],
  ['updated_since=2026-12-01T00:00:00%2B15:00', /RFC 3339/],
  [
    'due_form=2026-12-01',
    /is unknown: the query parameters here are completed, priority, .*cursor/,
  ],
  ['cursor=AAAAAAAAAAAAAAAAAAAAAAAAA', /must be the cursor/],
]

/** @returns the problem of a 422. */
function problemOf(answer: Answer): { detail: string } {
  assertProblem(answer, 'validation_error')
  return answer.json
}

for (const kind of KINDS) {
  describe(`lists on ${kind}`, () => {
    let test: TestApp
    let tasks: Task[]
    let authorization: string
    before(async () => {
      test = await startApp(kind)
      authorization = `Bearer ${await test.token('alice')}`
      const random = values(7)
      for (let made = 0; made < MANY; made += 20) {
        await Promise.all(
          Array.from({ length: 20 }, async () => {
            const answer = await test.send('POST', '/api/alice/tasks', { body: randomTask(random) })
            assert.equal(answer.status, 201, answer.text)
          }),
        )
      }
      await test.send('POST', '/api/bob/tasks', { body: { title: 'Milk of bob', tags: ['work'] } })
      // Equal times, and tasks in the trash.
      await test.admin(`update todo.users set seq = seq + 1 where id = 'alice'`)
      await test.admin(
        `update todo.tasks set updated_at = date_trunc('second', updated_at), seq = seq + 1 where user_id = 'alice' and completed`,
      )
      const all: Task[] = (await test.send('GET', '/api/alice/tasks')).json
      for (const { id } of all.slice(0, 10)) {
        const answer = await test.send('DELETE', `/api/alice/tasks/${id}`)
        assert.equal(answer.status, 204, answer.text)
      }
      tasks = all.slice(10)
    })
    after(() => test.close())

    const ids = (some: readonly { id: string }[]) => some.map(({ id }) => id)
    const list = (query: string, user = 'alice') => test.send('GET', `/api/${user}/tasks?${query}`)
    /** As alice, with one token for all lists, as a client has it. */
    const get = (path: string, headers: Record<string, string> = {}) =>
      test.send('GET', path, { as: null, headers: { authorization, ...headers } })
    const next = ({ headers }: Answer) =>
      /^<([^>]+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1]

    async function pages(query: string): Promise<Task[][]> {
      const found: Task[][] = []
      for (let path: string | undefined = `/api/alice/tasks?${query}`; path; ) {
        const answer: Answer = await get(path)
        assert.equal(answer.status, 200, answer.text)
        found.push(answer.json)
        path = next(answer)
      }
      return found
    }

    const order = (compare: Compare, shown: readonly Task[]) =>
      shown.toSorted((a, b) => compare(a, b) || byId(a, b))

    for (const [sort, compare] of Object.entries(SORTS)) {
      it(`sort=${sort}: as the model for every filter, whole, in pages and counted`, async () => {
        const middle = tasks[tasks.length >> 1]?.updated_at ?? ''
        for (const [index, [query, shows]] of filters(middle).entries()) {
          const asked = [sort && `sort=${sort}`, query].filter(Boolean).join('&')
          const expected = ids(order(compare, tasks.filter(shows)))
          if (query !== 'tags=nothing') assert.ok(expected.length > 0, query)
          const whole = await get(`/api/alice/tasks?${asked}`, { prefer: 'count=exact' })
          assert.deepEqual(ids(whole.json), expected, asked)
          assert.equal(whole.headers['total-count'], String(expected.length), asked)
          assert.equal(whole.headers['preference-applied'], 'count=exact')
          const limit = [25, 7, 1000, 20][index % 4] ?? 1
          const found = await pages(`${asked}&limit=${limit}`)
          assert.deepEqual(ids(found.flat()), expected, `${asked}&limit=${limit}`)
          assert.ok(found.slice(0, -1).every((page) => page.length === limit))
        }
      })

      it(`sort=${sort}: pages of one task`, async () => {
        const found = await pages(`sort=${sort || '-created_at'}&priority=high&limit=1`)
        const expected = order(
          compare,
          tasks.filter((task) => task.priority === 'high'),
        )
        assert.deepEqual(ids(found.flat()), ids(expected))
      })
    }

    it('a list of another user has none of these tasks', async () => {
      for (const sort of Object.keys(SORTS).filter(Boolean)) {
        const page = await list(`sort=${sort}&limit=5&q=milk`)
        const cursor = page.headers['next-cursor']
        for (const query of [`sort=${sort}&q=milk`, `sort=${sort}&q=milk&cursor=${cursor}`]) {
          const answer = await list(query, 'bob')
          assert.equal(answer.status, 200)
          for (const task of answer.json) assert.equal(task.user_id, 'bob')
        }
        assert.equal((await list(`sort=${sort}&q=milk`, 'bob')).json.length, 1)
        assert.equal((await list(`sort=${sort}`, 'nobody')).text, '[]')
      }
    })

    it('422 for a cursor of another order or filter, or a changed one', async () => {
      const cursors = new Map<string, string>()
      const lists = ['', 'completed=true', 'q=milk', 'priority=high', 'priority=low']
      for (const sort of Object.keys(SORTS).filter(Boolean)) {
        for (const query of lists) {
          const asked = `sort=${sort}${query && `&${query}`}`
          cursors.set(asked, String((await list(`${asked}&limit=1`)).headers['next-cursor']))
        }
      }
      for (const [index, [asked, cursor]] of [...cursors].entries()) {
        assert.ok(cursor.length < 200)
        assert.equal((await list(`${asked}&limit=1&cursor=${cursor}`)).status, 200)
        // Every twelfth, so that each cursor is tried with several lists and each list with several cursors.
        const others = [...cursors.keys()].filter((_, n) => n % 12 === index % 12)
        for (const other of others.filter((each) => each !== asked)) {
          const answer = await list(`${other}&limit=1&cursor=${cursor}`)
          const problem = problemOf(answer)
          assert.match(String(problem.detail), /must be the cursor/)
        }
        const bytes = Buffer.from(cursor, 'base64url')
        if (bytes.length <= 16) continue
        for (const key of ['x', '2026-02-30T00:00:00', '\0', '9'.repeat(30)]) {
          const forged = Buffer.concat([bytes.subarray(0, 24), Buffer.from(key)])
          const answer = await list(`${asked}&cursor=${forged.toString('base64url')}`)
          assert.ok([200, 422].includes(answer.status), answer.text)
        }
      }
    })

    for (const [query, names] of REFUSED) {
      it(`422 for ${query.slice(0, 60)}, and says what is allowed`, async () => {
        const problem = problemOf(await list(query))
        assert.match(JSON.stringify(problem), names)
      })
    }

    it('continues after a task that was deleted, and shows each of the others once', async () => {
      for (const sort of Object.keys(SORTS).filter(Boolean)) {
        const user = `moving-${sort}`
        const path = `/api/${user}/tasks`
        for (const title of ['a', 'b', 'c', 'd']) {
          await test.send('POST', path, { body: { title, due_date: '2026-12-01' } })
        }
        const all: Task[] = (await list(`sort=${sort}`, user)).json
        const page = await list(`sort=${sort}&limit=2`, user)
        for (const index of [1, 2]) await test.send('DELETE', `${path}/${all[index]?.id}`)
        const rest = await test.send('GET', next(page) ?? '')
        assert.deepEqual(ids(rest.json), ids(all.slice(3)), sort)
      }
    })

    it('finds a task by its changed text, and no longer by the former', async () => {
      const made = await test.send('POST', '/api/edits/tasks', { body: { title: 'Crème' } })
      const found = async (q: string) => (await list(`q=${q}`, 'edits')).json.length
      assert.deepEqual([await found('creme'), await found('brulee')], [1, 0])
      const body = { title: 'Tarte', description: 'BRÛLÉE' }
      await test.send('PUT', `/api/edits/tasks/${made.json.id}`, { body })
      assert.deepEqual([await found('creme'), await found('brulee')], [0, 1])
      await test.send('PUT', `/api/edits/tasks/${made.json.id}`, { body: { description: null } })
      assert.deepEqual([await found('tarte'), await found('brulee')], [1, 0])
    })

    it('overwrites the folded text of a task that is deleted permanently', async () => {
      const made = await test.send('POST', '/api/purged/tasks', {
        body: { title: 'Secret', description: 'Secret', tags: ['Secret'] },
      })
      const path = `/api/purged/tasks/${made.json.id}`
      await test.send('DELETE', path)
      await test.send('DELETE', path.replace('/tasks/', '/tasks/trash/'))
      const rows = await test.admin(`select * from todo.tasks where user_id = 'purged'`)
      assert.equal(rows.length, 1)
      assert.doesNotMatch(JSON.stringify(rows), /secret/i)
    })

    it('tags: every tag once, by name, in the first spelling', async () => {
      const counted = new Map<string, { tag: string; open: number; completed: number }>()
      for (const { tags, completed } of order(byId, tasks)) {
        for (const tag of tags) {
          const count = counted.get(caseless(tag)) ?? { tag, open: 0, completed: 0 }
          counted.set(caseless(tag), count)
          count[completed ? 'completed' : 'open'] += 1
        }
      }
      const expected = [...counted].toSorted(([a], [b]) => text(a, b)).map(([, count]) => count)
      assert.ok(expected.length > 2)
      assert.deepEqual((await test.send('GET', '/api/alice/tasks/tags')).json, expected)
      assert.deepEqual((await test.send('GET', '/api/bob/tasks/tags')).json, [
        { tag: 'work', open: 1, completed: 0 },
      ])
      assert.equal((await test.send('GET', '/api/nobody/tasks/tags')).text, '[]')
    })

    it('summary: counts as the model, and completed_today in a time zone', async () => {
      const today = '2026-12-01'
      await test.admin(`update todo.users set seq = seq + 1 where id = 'alice'`)
      await test.admin(
        `update todo.tasks set completed_at = case when priority > 1 then '2026-12-01T22:59:59Z' else '2026-12-01T23:00:00Z' end::timestamptz, seq = seq + 1
         where user_id = 'alice' and completed`,
      )
      const open = tasks.filter(({ completed }) => !completed)
      const completed = tasks.filter((task) => task.completed)
      const due = (shows: (day: string) => boolean) =>
        open.filter(({ due_date }) => due_date !== null && shows(due_date)).length
      const early = completed.filter(({ priority }) => ['medium', 'high'].includes(priority))
      const expected = {
        open: open.length,
        completed: completed.length,
        overdue: due((day) => day < today),
        due_today: due((day) => day === today),
        due_next_7_days: due((day) => day > today && day <= '2026-12-08'),
        without_due_date: open.filter(({ due_date }) => due_date === null).length,
        by_priority: Object.fromEntries(
          PRIORITIES.map((name) => [name, open.filter(({ priority }) => priority === name).length]),
        ),
      }
      const summary = async (query: string) =>
        (await test.send('GET', `/api/alice/tasks/summary?today=${today}${query}`)).json
      assert.deepEqual(await summary(''), { ...expected, completed_today: completed.length })
      assert.deepEqual(await summary('&time_zone=Europe/Berlin'), {
        ...expected,
        completed_today: early.length,
      })
      const nobody = await test.send('GET', `/api/nobody/tasks/summary?today=${today}`)
      assert.equal(nobody.json.open, 0)
      for (const query of [
        '',
        '?today=today',
        '?today=2026-12-01&time_zone=GMT%2B2',
        '?today=2026-12-01&limit=1',
      ]) {
        problemOf(await test.send('GET', `/api/alice/tasks/summary${query}`))
      }
      const last = await test.send('GET', '/api/alice/tasks/summary?today=9999-12-31')
      assert.equal(last.status, 200)
    })
  })
}
