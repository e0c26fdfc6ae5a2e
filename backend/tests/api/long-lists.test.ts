import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { NIL_UUID } from '../../src/core/uuid.ts'
import { mergePositions } from '../../src/models/tasks/positions.ts'
import { SCANNED_TASKS } from '../../src/models/tasks/scan.ts'
import { type KeySort, SORTS } from '../../src/models/tasks/sorts.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

/** More than two statements examine. */
const MANY = 2 * SCANNED_TASKS + 200
/** Titles that only differ in case and accents, and some whose UTF-16 and UTF-8 are in different orders. */
const TITLES = [
  'milk',
  'Milk',
  'MÍLK',
  'eggs',
  '\u{1f95b} milk',
  '\uff4d\uff49lk',
  '\ufffd milk',
  'ζ',
]
const FILTERS = [
  '',
  'completed=true',
  'priority=high,low&due=any',
  'q=milk',
  'q=tea&completed=false',
]

const SQL_ORDER: Record<KeySort, string> = {
  updated_at: 'updated_at',
  '-updated_at': 'updated_at desc',
  due: `due_date + coalesce(due_time, '23:59:59') nulls last`,
  '-due': `due_date + coalesce(due_time, '23:59:59') desc nulls last`,
  priority: 'priority desc',
  '-priority': 'priority',
  position: 'position collate "C"',
  title: 'folded_title collate "C", title collate "C"',
}
const SQL_FILTER: Record<string, string> = {
  '': 'true',
  'completed=true': 'completed',
  'priority=high,low&due=any': 'priority in (1, 3) and due_date is not null',
  'q=milk': `folded_title || coalesce(folded_description, '') like '%milk%'`,
  'q=tea&completed=false': `folded_description like '%tea%' and not completed`,
}

for (const kind of KINDS) {
  describe(`long lists on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
      await test.admin(`insert into todo.users (id, seq) values ('many', $1)`, [MANY])
      await test.admin(
        `insert into todo.tasks (user_id, id, title, description, completed, completed_at, priority,
           due_date, due_time, position, created_at, updated_at, seq)
         select 'many', gen_random_uuid(), ($2::text[])[1 + n % $3::int], case when n % 500 = 0 then 'Tea' end,
           n % 3 = 0, case when n % 3 = 0 then now() end, n % 4,
           case when n % 5 > 0 then date '2026-11-01' + n % 30 end, case when n % 5 = 1 then time '09:30' end,
           'b' || n % 7, now(), now() + n % 11 * interval '1 second', n
         from generate_series(1, $1::int) n`,
        [MANY, TITLES, TITLES.length],
      )
    })
    after(() => test.close())

    const ids = ({ json }: Answer) => json.map(({ id }: { id: string }) => id)
    /** The ids of the first tasks, and the number of all. */
    const expected = async (sort: KeySort, filter: string, limit = MANY) => {
      const rows = await test.admin(
        `select id, count(*) over ()::int as count from todo.tasks
         where user_id = 'many' and ${SQL_FILTER[filter]} order by ${SQL_ORDER[sort]}, id limit $1`,
        [limit],
      )
      return { first: rows.map(({ id }) => String(id)), count: Number(rows[0]?.count) }
    }

    for (const [index, sort] of (Object.keys(SORTS) as KeySort[]).entries()) {
      it(`sort=${sort}: pages and counts of many tasks`, async () => {
        for (const filter of ['', FILTERS[index % FILTERS.length] ?? '']) {
          const { first, count } = await expected(sort, filter, 300)
          let path: string | undefined = `/api/many/tasks?sort=${sort}&limit=150&${filter}`
          for (let from = 0; from < 300 && path !== undefined; from += 150) {
            const page: Answer = await test.send('GET', path, {
              headers: { prefer: 'count=exact' },
            })
            assert.deepEqual(ids(page), first.slice(from, from + 150), `${filter} from ${from}`)
            assert.equal(page.headers['total-count'], String(count))
            path = /^<([^>]+)>/.exec(String(page.headers.link ?? ''))?.[1]
            assert.equal(path !== undefined, from + 150 < count)
          }
        }
      })
    }

    it('sends a long list whole and in order', async () => {
      const whole = await test.send('GET', '/api/many/tasks?sort=-due')
      assert.deepEqual(ids(whole), (await expected('-due', '')).first)
    })

    it('sends a list with long titles whole and in order', async () => {
      const many = SCANNED_TASKS + 100
      await test.admin(`insert into todo.users (id, seq) values ('wordy', $1)`, [many])
      await test.admin(
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         select 'wordy', gen_random_uuid(), repeat(md5(n::text), 9), false, now(), now(), n from generate_series(1, $1::int) n`,
        [many],
      )
      const rows = await test.admin(
        `select id from todo.tasks where user_id = 'wordy' order by title collate "C"`,
      )
      const whole = await test.send('GET', '/api/wordy/tasks?sort=title')
      assert.deepEqual(
        ids(whole),
        rows.map(({ id }) => id),
      )
    })

    it('a list of another user has none of these tasks', async () => {
      const page = await test.send('GET', '/api/many/tasks?sort=title&limit=5')
      for (const query of ['', `&cursor=${page.headers['next-cursor']}`]) {
        const answer = await test.send('GET', `/api/nobody/tasks?sort=title&limit=5${query}`)
        assert.equal(answer.text, '[]')
      }
    })

    it('the server merges titles as the database sorts them', async () => {
      const rows = await test.admin(
        `select distinct folded_title collate "C" as folded, title collate "C" as title from todo.tasks
         where user_id = 'many' order by folded, title`,
      )
      const titles = rows.map(({ title }) => `${NIL_UUID}${title}`)
      const merged = titles.reduce<ReturnType<typeof mergePositions>>(
        (sorted, title) => mergePositions('title', sorted, [title], 100),
        [],
      )
      assert.deepEqual(
        merged.map(({ text }) => text),
        titles,
      )
      assert.equal(new Set(titles).size, TITLES.length)
      const backwards = titles.toReversed()
      assert.deepEqual(
        backwards
          .reduce<ReturnType<typeof mergePositions>>(
            (sorted, title) => mergePositions('title', sorted, [title], 3),
            [],
          )
          .map(({ text }) => text),
        titles.slice(0, 3),
      )
    })
  })
}
