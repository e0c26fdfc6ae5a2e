import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { NIL_UUID } from '../../src/core/uuid.ts'
import type { Statement } from '../../src/database/session.ts'
import { EXAMINED_ROWS } from '../../src/models/page.ts'
import { countTasks } from '../../src/models/tasks/found.ts'
import { listLongTasks, listTasks } from '../../src/models/tasks/list.ts'
import { SCANNED_TASKS } from '../../src/models/tasks/scan.ts'
import { listLongSorted, listPositions, listSorted } from '../../src/models/tasks/sorted.ts'
import { KINDS, openTestDatabase, type TestDatabase, withoutOwner } from '../support/databases.ts'

const NOW = '2026-01-01T00:00:00.000Z'
/** The id of bob's task with this number. */
const idOf = (n: number) => `20000000-0000-7000-9000-${String(n).padStart(12, '0')}`

for (const kind of KINDS) {
  describe(`the tasks that a statement examines, on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      test = await openTestDatabase(kind)
    })
    after(() => test.close())
    beforeEach(() => test.admin('delete from todo.users'))

    /** Gives each of two users this number of completed tasks. */
    async function fill(many: number): Promise<void> {
      await test.admin(`insert into todo.users (id, seq) values ('alice', $1), ('bob', $1)`, [many])
      await test.admin(
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         select user_id, (prefix || '0000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'x', true, $1, $1, n
         from (values ('alice', '1'), ('bob', '2')) task (user_id, prefix), generate_series(1, $2::int) n`,
        [NOW, many],
      )
    }

    const walls: [name: string, run: <Result>(statement: Statement<Result>) => Promise<Result>][] =
      [
        ['the first wall alone, past every policy', (statement) => test.unscoped('bob', statement)],
        [
          'the second wall alone, without a where',
          (statement) => test.database.asUser('bob', withoutOwner(statement)),
        ],
      ]

    for (const [wall, run] of walls) {
      it(`${wall}: a filter stops looking behind ${EXAMINED_ROWS} of the own tasks`, async () => {
        await fill(EXAMINED_ROWS + 5)
        const next = idOf(6)
        const page = await run(listTasks({ limit: 3, completed: false }))
        assert.deepEqual(page, { rows: '', count: 0, next, scanEnded: true })
        const rest = await run(listTasks({ limit: 3, completed: true, after: next }))
        assert.deepEqual([rest?.count, rest?.next, rest?.scanEnded], [3, idOf(3), false])
      })

      it(`${wall}: a search and a sorted list stop looking behind ${SCANNED_TASKS} of them`, async () => {
        const many = SCANNED_TASKS + 5
        await fill(many)
        const absent = { limit: 3, q: 'absent' }
        const newest = { rows: '', count: 0, next: idOf(6), scanEnded: true }
        for (const list of [listTasks, listLongTasks]) {
          assert.deepEqual(await run(list(absent)), newest)
          const oldest = await run(list({ ...absent, sort: 'created_at' }))
          assert.deepEqual(oldest, { ...newest, next: idOf(SCANNED_TASKS) })
        }
        const sorted = { sort: 'title', filter: {} } as const
        for (const list of [listSorted, listLongSorted]) {
          const page = await run(list(sorted, { limit: 3 }))
          assert.deepEqual(page, { rows: '', count: 0, next: null, scanEnded: true })
        }
        const end = idOf(SCANNED_TASKS)
        const counted = await run(countTasks({}, NIL_UUID))
        assert.deepEqual(counted, { count: SCANNED_TASKS, end })
        const positions = await run(listPositions(sorted, { limit: 1 }, end))
        assert.deepEqual(positions, { positions: [`${idOf(SCANNED_TASKS + 1)}x`], end: null })
      })

      it(`${wall}: a search reads at most ${EXAMINED_ROWS} long texts`, async () => {
        await fill(EXAMINED_ROWS + 5)
        await test.admin(`update todo.users set seq = seq + seq`)
        await test.admin(
          `update todo.tasks set folded_description = repeat('y', 2001), seq = seq + $1`,
          [EXAMINED_ROWS + 5],
        )
        const page = await run(listTasks({ limit: 3, q: 'absent' }))
        assert.deepEqual(page, { rows: '', count: 0, next: idOf(6), scanEnded: true })
        const search = { sort: 'title', filter: { q: 'absent' } } as const
        const end = idOf(EXAMINED_ROWS)
        const positions = await run(listPositions(search, { limit: 1 }, NIL_UUID))
        assert.deepEqual(positions, { positions: [], end })
        assert.deepEqual(await run(countTasks({ q: 'y' }, NIL_UUID)), { count: EXAMINED_ROWS, end })
        assert.deepEqual(await run(countTasks({ q: 'y' }, end)), { count: 5, end: null })
      })
    }
  })
}
