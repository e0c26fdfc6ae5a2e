import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { NIL_UUID } from '../../src/core/uuid.ts'
import type { Statement } from '../../src/database/session.ts'
import { type Changes, listChanges } from '../../src/models/changes/changes.ts'
import type { Page } from '../../src/models/page.ts'
import type { Stored } from '../../src/models/stored.ts'
import { batchOnce, findBatch, type StoredBatch } from '../../src/models/tasks/batch.ts'
import { insertTasks } from '../../src/models/tasks/creations.ts'
import {
  type Count,
  countTasks,
  type FoundTasks,
  listTasksOf,
} from '../../src/models/tasks/found.ts'
import { listLongTasks, listTasks, listTrash } from '../../src/models/tasks/list.ts'
import { moveTask } from '../../src/models/tasks/move.ts'
import {
  type FactsText,
  findFacts,
  findNext,
  readFacts,
} from '../../src/models/tasks/occurrence.ts'
import {
  type ChangeOnce,
  insertTaskOnce,
  insertTaskOnceAs,
  toggleTaskOnce,
} from '../../src/models/tasks/once.ts'
import { countTags, summarizeTasks } from '../../src/models/tasks/overview.ts'
import {
  listLongSorted,
  listPositions,
  listSorted,
  type Positions,
} from '../../src/models/tasks/sorted.ts'
import { type KeySort, SORTS } from '../../src/models/tasks/sorts.ts'
import { creating, type Part } from '../../src/models/tasks/sql.ts'
import {
  deleteTask,
  findTask,
  type Insertion,
  insertTask,
  insertTaskAs,
  toggleTask,
} from '../../src/models/tasks/task.ts'
import { findTrashed, purgeTask, purgeTrash, restoreTask } from '../../src/models/tasks/trash.ts'
import { updateTask } from '../../src/models/tasks/update.ts'
import {
  KINDS,
  naming,
  openTestDatabase,
  type TestDatabase,
  withoutOwner,
} from '../support/databases.ts'

/** Each of the two has a task of the first id; of the second, alice alone. */
const BOTHS = '00000000-0000-7000-8000-000000000001'
const ALICES = '00000000-0000-7000-8000-000000000002'
const NEW = '00000000-0000-7000-8000-000000000003'
const VERSION = '2026-01-01T00:00:00.000Z'
const OLDER = '2025-01-01T00:00:00.000Z'
/** A key that alice has used for the same request. */
const KEY = { key: 'k', requestHash: 'h' }
const ALICES_ANSWER = JSON.stringify({ id: ALICES, user_id: 'alice', updated_at: VERSION })

type Answer =
  | StoredBatch
  | Page
  | FoundTasks
  | Positions
  | Count
  | string
  | ChangeOnce
  | Insertion
  | readonly Insertion[]
  | Stored
  | Changes
  | readonly FactsText[]
  | ReadonlyMap<string, string>
  | number
  | undefined
type Asked = readonly [what: string, statement: Statement<Answer>]

const CHANGES = { title: 'changed' }
/** Of a member that few requests change, so that another statement changes it. */
const SELDOM = { priority: 'high' } as const
const SOME_VERSIONS = [undefined, [VERSION]] as const
const at = (versions: readonly string[] | undefined) => (versions ? ` at ${versions}` : '')

/** The statement in the form that it has among several. */
const ofSeveral = <Result>(statement: Statement<Result>): Statement<Result> => {
  assert.ok(statement.required)
  return { ...statement, sql: statement.required }
}

/** The statement in the form that notes its outcome, in a batch with a key. */
const noted = <Result>(part: Part<Result>): Statement<Result> => ({
  ...part,
  sql: part.noted,
  values: [...part.values, 'note'],
})

/** What bob is answered with his own. */
const OWN: readonly Asked[] = [
  ['findTask', findTask(BOTHS)],
  ...[10, 100].flatMap((limit) => [
    [`listTasks, ${limit}`, listTasks({ limit })] as const,
    [`listTasks, ${limit} to do`, listTasks({ limit, completed: false })] as const,
    [`listLongTasks, ${limit}`, listLongTasks({ limit })] as const,
    [`listLongTasks, ${limit} to do`, listLongTasks({ limit, completed: false })] as const,
  ]),
  ...(Object.keys(SORTS) as KeySort[]).flatMap((sort) => [
    [`listSorted, ${sort}`, listSorted({ sort, filter: {} }, { limit: 10 })] as const,
    [`listLongSorted, ${sort}`, listLongSorted({ sort, filter: {} }, { limit: 10 })] as const,
    [
      `listLongSorted, ${sort}, by a word`,
      listLongSorted({ sort, filter: { q: 'x' } }, { limit: 10 }),
    ] as const,
  ]),
  [`listTasks, oldest first`, listTasks({ limit: 10, sort: 'created_at' })],
  ...[10, 100].flatMap((limit) => [
    [`listTasks, ${limit} by a word`, listTasks({ limit, q: 'x' })] as const,
    [
      `listTasks, ${limit} by a word, oldest first`,
      listTasks({ limit, q: 'x', sort: 'created_at' }),
    ] as const,
  ]),
  ['listTasksOf', listTasksOf({}, [BOTHS, ALICES])],
  ['listChanges', listChanges(undefined, 10)],
  ['insertTaskOnce', insertTaskOnce(NEW, CHANGES, KEY)],
  ['insertTaskOnceAs', insertTaskOnceAs(NEW, CHANGES, KEY)],
  ...SOME_VERSIONS.flatMap((versions) => [
    [`toggleTaskOnce${at(versions)}`, toggleTaskOnce(BOTHS, versions, KEY)] as const,
    [`updateTask${at(versions)}`, updateTask(BOTHS, CHANGES, versions)] as const,
    [`updateTask, seldom${at(versions)}`, updateTask(BOTHS, SELDOM, versions)] as const,
    [`toggleTask${at(versions)}`, toggleTask(BOTHS, versions)] as const,
    [
      `updateTask${at(versions)}, of several`,
      ofSeveral(updateTask(BOTHS, CHANGES, versions)),
    ] as const,
    [`moveTask${at(versions)}`, moveTask(BOTHS, { to: 'bottom' }, versions)] as const,
    [`toggleTask${at(versions)}, of several`, ofSeveral(toggleTask(BOTHS, versions))] as const,
    [`updateTask${at(versions)}, noted`, noted(updateTask(BOTHS, CHANGES, versions))] as const,
    [`toggleTask${at(versions)}, noted`, noted(toggleTask(BOTHS, versions))] as const,
  ]),
]
/** A new task with the id of another user's. */
const NEW_ALICES: readonly (readonly [
  what: string,
  statement: Statement<Insertion | ChangeOnce>,
])[] = [
  ['insertTaskAs', insertTaskAs(ALICES, CHANGES)],
  ['insertTaskOnceAs', insertTaskOnceAs(ALICES, CHANGES, KEY)],
  ['insertTaskAs, of several', ofSeveral(insertTaskAs(ALICES, CHANGES))],
  ['insertTaskAs, noted', noted(insertTaskAs(ALICES, CHANGES))],
]
/** What bob is answered by nothing. */
const ANOTHERS: readonly Asked[] = [
  ['findTask', findTask(ALICES)],
  ...[...SOME_VERSIONS, [OLDER]].flatMap((versions) => [
    [`toggleTaskOnce${at(versions)}`, toggleTaskOnce(ALICES, versions, KEY)] as const,
    [`updateTask${at(versions)}`, updateTask(ALICES, CHANGES, versions)] as const,
    [`updateTask, seldom${at(versions)}`, updateTask(ALICES, SELDOM, versions)] as const,
    [`toggleTask${at(versions)}`, toggleTask(ALICES, versions)] as const,
    [`deleteTask${at(versions)}`, deleteTask(ALICES, versions)] as const,
  ]),
]

for (const kind of KINDS) {
  describe(`statements on tasks, on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      test = await openTestDatabase(kind)
      await test.admin(`insert into todo.users (id, seq) values ('alice', 10), ('bob', 10)`)
    })
    after(() => test.close())
    beforeEach(async () => {
      await test.admin('delete from todo.tasks')
      await test.admin(
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         select user_id, id::uuid, 'x', false, $1, $1, 1
         from (values ('alice', $2), ('alice', $3), ('bob', $2)) task (user_id, id)`,
        [VERSION, BOTHS, ALICES],
      )
      await test.admin('delete from todo.idempotency_keys')
      await test.admin(
        `insert into todo.idempotency_keys (user_id, key, request_hash, answer, task_id)
         values ('alice', $1, $2, $3, $4)`,
        [KEY.key, KEY.requestHash, ALICES_ANSWER, BOTHS],
      )
    })
    const tasksOf = (user: string) =>
      test.admin('select * from todo.tasks where user_id = $1 order by id', [user])
    const allOf = async (user: string) => [
      await tasksOf(user),
      await test.admin('select * from todo.idempotency_keys where user_id = $1', [user]),
    ]

    const walls: [name: string, run: (statement: Statement<Answer>) => Promise<Answer>][] = [
      ['the first wall alone, past every policy', (statement) => test.unscoped('bob', statement)],
      [
        'the second wall alone, without a where',
        (statement) => test.database.asUser('bob', withoutOwner(statement)),
      ],
    ]
    for (const [wall, run] of walls) {
      for (const [what, statement] of OWN) {
        it(`${wall}: ${what} of the own task`, async () => {
          const before = await allOf('alice')
          assert.deepEqual(ownersIn(await run(statement)), ['bob'])
          assert.deepEqual(await allOf('alice'), before)
        })
      }
      for (const [what, statement] of ANOTHERS) {
        it(`${wall}: ${what} of another's task`, async () => {
          const before = await allOf('alice')
          const answer = await run(statement)
          assert.ok(isNothing(answer), JSON.stringify(answer))
          assert.deepEqual(await allOf('alice'), before)
        })
      }
      for (const versions of SOME_VERSIONS) {
        it(`${wall}: deleteTask${at(versions)} of the own task`, async () => {
          const before = await allOf('alice')
          assert.deepEqual(await run(deleteTask(BOTHS, versions)), { outcome: 'deleted' })
          const [task, ...more] = await tasksOf('bob')
          assert.ok(task?.deleted_at instanceof Date && more.length === 0)
          assert.deepEqual(await allOf('alice'), before)
        })
      }
    }

    for (const [what, statement] of NEW_ALICES) {
      it(`the first wall alone, past every policy: ${what} of an id that another user has`, async () => {
        const before = await allOf('alice')
        const answer = await test.unscoped('bob', statement)
        assert.deepEqual([answer.outcome, ownersIn(answer)], ['changed', ['bob']])
        assert.deepEqual(await allOf('alice'), before)
      })
    }

    for (const [wall, run] of walls) {
      it(`${wall}: a move neither reaches nor tells of another's task`, async () => {
        await test.admin(`update todo.tasks set position = 'a1', seq = seq + 1 where id = $1`, [
          ALICES,
        ])
        const before = await allOf('alice')
        for (const versions of SOME_VERSIONS) {
          for (const place of [{ before: ALICES }, { after: ALICES }]) {
            await assert.rejects(run(moveTask(BOTHS, place, versions)))
          }
          await assert.rejects(run(moveTask(ALICES, { to: 'top' }, versions)))
        }
        const bobs = await tasksOf('bob')
        for (const to of ['top', 'bottom'] as const) await run(moveTask(BOTHS, { to }, undefined))
        // It is bob's only task, so it is there already.
        assert.deepEqual(await tasksOf('bob'), bobs)
        await test.admin(
          `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq, position)
           values ('bob', $2, 'x', false, $1, $1, 2, 'a2')`,
          [VERSION, NEW],
        )
        await run(moveTask(BOTHS, { after: NEW }, undefined))
        assert.equal((await tasksOf('bob'))[0]?.position, 'a3')
        assert.deepEqual(await allOf('alice'), before)
      })

      it(`${wall}: counts and ids are of the own tasks only`, async () => {
        await test.admin(`update todo.tasks set tags = '{a}', folded_tags = '{a}', seq = seq + 1`)
        for (const filter of [{}, { q: 'x' }]) {
          assert.deepEqual(await run(countTasks(filter, NIL_UUID)), { count: 1, end: null })
          const sorted = listPositions({ sort: 'priority', filter }, { limit: 10 }, NIL_UUID)
          assert.deepEqual(await run(sorted), { positions: [`${BOTHS}0`], end: null })
        }
        assert.match(String(await run(countTags())), /"open" : 1,/)
        assert.match(String(await run(summarizeTasks('2026-12-01', 'UTC'))), /"open" : 1,/)
      })
    }

    for (const [wall, run] of walls) {
      it(`${wall}: a batch with the key of another user's`, async () => {
        const key = { ...KEY, key: 'batch' }
        const { statements } = batchOnce([[updateTask(BOTHS, CHANGES, undefined)]], key)
        await test.database.asUser('alice', statements)
        const before = await allOf('alice')
        assert.equal(await run(findBatch(key.key)), undefined)
        const [, claim, change] = statements
        assert.ok(claim && change)
        await run(claim)
        assert.deepEqual(ownersIn(await run(ofSeveral(change))), ['bob'])
        const found = await run(findBatch(key.key))
        assert.ok(found && typeof found === 'object' && 'notes' in found)
        assert.deepEqual(ownersIn(found.notes.get(0)?.task), ['bob'])
        assert.deepEqual(await allOf('alice'), before)
      })

      it(`${wall}: the trash of another user is neither seen, restored nor emptied`, async () => {
        await test.admin(`update todo.tasks set deleted_at = now(), seq = seq + 1`)
        const before = await allOf('alice')
        for (const statement of [findTrashed(ALICES), restoreTask(ALICES), purgeTask(ALICES)]) {
          const answer = await run(statement)
          assert.ok(isNothing(answer), JSON.stringify(answer))
        }
        for (const limit of [10, 100]) {
          assert.deepEqual(ownersIn(await run(listTrash({ limit }))), ['bob'])
        }
        assert.deepEqual(ownersIn(await run(findTrashed(BOTHS))), ['bob'])
        assert.equal(await run(purgeTrash(10)), 1)
        assert.deepEqual(await allOf('alice'), before)
      })

      it(`${wall}: another's task is no parent, and a task takes the own children alone`, async () => {
        const foreign = run(updateTask(BOTHS, { parent_id: ALICES }, undefined))
        await assert.rejects(foreign, /cannot have this parent|parent_id must be/)
        await test.admin(
          `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq, parent_id)
           select user_id, $2, 'child', false, $1, $1, 1, $3 from (values ('alice'), ('bob')) task (user_id)`,
          [VERSION, NEW, BOTHS],
        )
        const before = await allOf('alice')
        await run(deleteTask(BOTHS, undefined))
        assert.ok((await tasksOf('bob')).every((task) => task.deleted_at instanceof Date))
        await run(restoreTask(BOTHS))
        assert.ok((await tasksOf('bob')).every((task) => task.deleted_at === null))
        await run(deleteTask(BOTHS, undefined))
        await run(purgeTask(BOTHS))
        assert.deepEqual(
          (await tasksOf('bob')).map(({ title }) => title),
          ['', ''],
        )
        assert.deepEqual(await allOf('alice'), before)
      })

      it(`${wall}: next occurrences and their dates are of the own tasks only`, async () => {
        await test.admin(`update todo.tasks set completed = true, seq = seq + 1`)
        await test.admin(`update todo.tasks set next_id = $1, seq = seq + 1`, [NEW])
        const before = await allOf('alice')
        const ids = [BOTHS, ALICES]
        const found = await run(findNext(ids, [KEY.key, KEY.key]))
        assert.deepEqual(found, new Map([[BOTHS, NEW]]))
        assert.deepEqual(await run(findNext(ids)), found)
        assert.deepEqual(await allOf('alice'), before)
        await test.admin(`delete from todo.tasks where completed`)
        await test.admin(
          `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq, due_date, recurrence)
           select user_id, id::uuid, 'x', false, $1, $1, 1, '2026-12-01', '{"rule": "FREQ=DAILY", "from": "due"}'
           from (values ('alice', $2), ('alice', $3), ('bob', $2)) task (user_id, id)`,
          [VERSION, BOTHS, ALICES],
        )
        const facts = await run(findFacts(ids))
        assert.ok(Array.isArray(facts))
        assert.deepEqual(
          facts.map((text) => readFacts(text).id),
          [BOTHS],
        )
      })

      it(`${wall}: restores and purges the own task`, async () => {
        await test.admin(
          `update todo.tasks set deleted_at = now(), seq = seq + 1,
             position = case user_id when 'alice' then '0' else 'a0' end`,
        )
        const before = await allOf('alice')
        assert.deepEqual(ownersIn(await run(restoreTask(BOTHS))), ['bob'])
        const [bob] = await test.admin(`select first_position from todo.users where id = 'bob'`)
        assert.notEqual(bob?.first_position, '0')
        await run(deleteTask(BOTHS, undefined))
        assert.deepEqual(await run(purgeTask(BOTHS)), { outcome: 'deleted' })
        const [task] = await tasksOf('bob')
        assert.equal(task?.title, '')
        assert.deepEqual(await allOf('alice'), before)
      })
    }

    for (const [what, statement] of ANOTHERS) {
      it(`neither wall: ${what} would reach another's task`, async () => {
        const answer = await test.unscoped('bob', withoutOwner(statement))
        assert.ok(!isNothing(answer))
      })
    }

    it('insertTaskOnce writes the user’s own task and key, by either wall', async () => {
      const alices = await allOf('alice')
      await test.unscoped('bob', insertTaskOnce(NEW, CHANGES, KEY))
      const [tasks, keys] = await allOf('bob')
      assert.deepEqual([tasks?.length, keys?.length], [2, 1])
      const forAlice = naming('alice', insertTaskOnce(NEW, CHANGES, { ...KEY, key: 'new' }))
      await assert.rejects(test.database.asUser('bob', forAlice), { code: 'internal_error' })
      assert.deepEqual(await allOf('alice'), alices)
    })

    it('insertTask writes the user’s own task, by either wall', async () => {
      const statement = insertTask(NEW, { title: 'x' })
      const alices = await allOf('alice')
      assert.deepEqual(ownersIn(await test.unscoped('bob', statement)), ['bob'])
      assert.equal((await tasksOf('bob')).length, 2)
      assert.deepEqual(await allOf('alice'), alices)
      const forAlice = naming('alice', insertTask(NEW, { title: 'x' }))
      await assert.rejects(test.database.asUser('bob', forAlice), { code: 'internal_error' })
      assert.deepEqual(await allOf('alice'), alices)
    })

    it('insertTasks writes the user’s own tasks and keys, by either wall', async () => {
      const creations = [ALICES, NEW].map((id) => creating(id, { title: 'x' }).creation)
      const note = { prefix: `${KEY.key}/`, from: 0 }
      const counter = () => test.admin(`select seq from todo.users where id = 'alice'`)
      const alices = [...(await allOf('alice')), await counter()]
      assert.deepEqual(ownersIn(await test.unscoped('bob', insertTasks(creations))), ['bob', 'bob'])
      await test.admin(`delete from todo.tasks where user_id = 'bob'`)
      const noted = await test.unscoped('bob', insertTasks(creations, note))
      assert.deepEqual(ownersIn(noted), ['bob', 'bob'])
      const [tasks, keys] = await allOf('bob')
      assert.deepEqual([tasks?.length, keys?.length], [2, 2])
      await test.admin(`delete from todo.tasks where user_id = 'bob'`)
      for (const some of [insertTasks(creations), insertTasks(creations, note)]) {
        await assert.rejects(test.database.asUser('bob', naming('alice', some)))
      }
      assert.deepEqual([...(await allOf('alice')), await counter()], alices)
    })
  })
}

/** Whether the statement found no task. */
function isNothing(answer: Answer): boolean {
  return answer === undefined || (Object(answer) === answer && Object(answer).outcome === 'missing')
}

/** The users named in an answer. */
function ownersIn(answer: Answer): string[] {
  const owners = JSON.stringify(answer).matchAll(/user_id\W+(\w+)/g)
  return [...owners].map(([, owner]) => String(owner))
}
