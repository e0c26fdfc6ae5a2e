import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { pino } from 'pino'
import { LIMITS } from '../../src/core/limits.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { vacuumDue } from '../../src/database/pglite/vacuum.ts'
import type { Statement } from '../../src/database/session.ts'
import { vacuumRegularly } from '../../src/jobs/vacuum.ts'
import { listChanges } from '../../src/models/changes/changes.ts'
import { EXAMINED_ROWS } from '../../src/models/page.ts'
import { listTasks, listTrash } from '../../src/models/tasks/list.ts'
import {
  deleteTask,
  findTask,
  insertTask,
  insertTaskAs,
  toggleTask,
} from '../../src/models/tasks/task.ts'
import { updateTask } from '../../src/models/tasks/update.ts'
import { openTestDatabase, type TestDatabase, taskId } from '../support/databases.ts'

const TASKS = 300
const ROUNDS = 12
/** The indexes grow until vacuums have freed enough of their pages. */
const FIRST_ROUNDS = 6
const CHANGE_ALL = `update todo.tasks set title = title, seq = seq + ${TASKS}`

describe('the vacuum of the embedded database', () => {
  let test: TestDatabase
  before(async () => {
    test = await openTestDatabase('pglite')
    await test.database.asUser('alice', insertTask(taskId(1), { title: 'first' }))
    await test.admin(
      `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
       select 'alice', gen_random_uuid(), 'x', false, now(), now(), n from generate_series(2, ${TASKS}) n`,
    )
  })
  after(() => test.close())

  const numberOf = async (sql: string) => Number((await test.admin(`select ${sql} as n`))[0]?.n)
  const dead = () =>
    numberOf(`(select n_dead_tup from pg_stat_user_tables where relname = 'tasks')`)
  const afterRound = async () => {
    for (let change = 0; change < 3; change += 1) await test.admin(CHANGE_ALL)
    const vacuumed = await vacuumDue(test.connector)
    assert.ok(vacuumed.includes('todo.tasks'), String(vacuumed))
    return numberOf(`pg_total_relation_size('todo.tasks')`)
  }

  it('lets the space of dead rows be used again, so that changes do not make the table grow', async () => {
    const sizes: number[] = []
    while (sizes.length < ROUNDS) sizes.push(await afterRound())
    const [first = 0] = sizes
    const settled = Math.max(...sizes.slice(0, FIRST_ROUNDS))
    // Without vacuum, each round adds half of the size after the first.
    assert.ok(Math.max(...sizes) <= settled + first / 4, String(sizes))
  })

  it('leaves tables alone in which few rows have changed', async () => {
    await vacuumDue(test.connector)
    assert.deepEqual(await vacuumDue(test.connector), [])
  })

  it('vacuums the tables of the server at start, because the counts are lost then', async () => {
    await test.admin(
      `insert into todo_auth.revocation (user_id, before)
       select 'user-' || n, now() from generate_series(1, 3000) n`,
    )
    const vacuumed = await vacuumDue(test.connector, { all: true })
    assert.deepEqual(vacuumed, ['todo.tasks', 'todo_auth.revocation'])
  })

  it('waits for a program that has the only session, as a backup does', async ({ mock }) => {
    await withDirectClient(test.connector.direct, async (program) => {
      await program.query('begin')
      mock.timers.enable({ apis: ['setTimeout'] })
      const vacuumed = vacuumDue(test.connector)
      mock.timers.tick(LIMITS.connectMs)
      mock.timers.reset()
      await program.query('commit')
      assert.deepEqual(await vacuumed, [])
    })
  })

  it('runs by itself, and statements of users are served meanwhile', async () => {
    await test.admin(CHANGE_ALL)
    const log = pino({ level: 'silent' })
    const end = vacuumRegularly({ connector: test.connector, log, everyMs: 5 })
    let created = 1000
    try {
      for (let round = 1; round <= 2; round += 1) {
        await test.admin(CHANGE_ALL)
        await test.admin('select pg_stat_force_next_flush()')
        while ((await dead()) > 0) {
          created += 1
          await test.database.asUser('alice', insertTask(taskId(created), { title: 'x' }))
        }
      }
    } finally {
      end()
    }
  })
})

describe('the plans of the embedded database', () => {
  const MANY = 4000
  const VERSION = '2026-01-01T00:00:00.000Z'
  let test: TestDatabase
  beforeEach(async () => {
    test = await openTestDatabase('pglite')
    await vacuumDue(test.connector, { all: true })
    for (const [, statement] of OF_FEW) await run(statement)
  })
  afterEach(() => test.close())

  const run = (statement: Statement<unknown>) => test.database.asUser('alice', statement)
  const OF_FEW: readonly (readonly [what: string, statement: Statement<unknown>])[] = [
    ['finds a task', findTask(taskId(1))],
    ['lists the newest', listTasks({ limit: 10 })],
    ['lists those to do', listTasks({ limit: 10, completed: false })],
    ['lists the oldest', listTasks({ limit: 10, sort: 'created_at' })],
    ['lists the trash', listTrash({ limit: 10 })],
    ['reads the changes', listChanges(undefined, 10)],
    ['creates a task', insertTask(taskId(MANY + 1), { title: 'x' })],
    ['creates a task with an id', insertTaskAs(taskId(MANY + 2), { title: 'x' })],
    ['changes a task', updateTask(taskId(2), { title: 'y' }, undefined)],
    ['changes a task of a version', updateTask(taskId(3), { title: 'y' }, [VERSION])],
    ['toggles a task', toggleTask(taskId(4), undefined)],
    ['deletes a task', deleteTask(taskId(5), undefined)],
  ]
  const LISTS = OF_FEW.filter(([what]) => what.startsWith('lists'))

  const fill = async (from: number, to: number) => {
    await test.admin(
      `insert into todo.users (id, seq) values ('alice', $1)
       on conflict (id) do update set seq = excluded.seq`,
      [to],
    )
    await test.admin(
      `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
       select 'alice', ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'x', false, $1, $1, n
       from generate_series($2::int, $3::int) n`,
      [VERSION, from, to],
    )
  }
  const read = async () => {
    await test.admin('select pg_stat_force_next_flush()')
    const [row] = await test.admin(
      `select seq_tup_read + idx_tup_fetch as read from pg_stat_user_tables where relname = 'tasks'`,
    )
    return Number(row?.read)
  }
  const readBy = async (statement: Statement<unknown>) => {
    const before = await read()
    await run(statement)
    return (await read()) - before
  }
  const assertFew = async (statements: typeof OF_FEW) => {
    for (const [what, statement] of statements) {
      const rows = await readBy(statement)
      assert.ok(rows <= EXAMINED_ROWS + 1, `${what}: ${rows} rows`)
    }
  }

  it('read the tasks of a page alone, when they were made for an empty database', async () => {
    await fill(10, MANY)
    await assertFew(LISTS)
  })

  it('read few tasks after the next vacuum, when they were made for an empty database', async () => {
    await test.admin('delete from todo.users')
    await fill(1, MANY)
    await vacuumDue(test.connector)
    await assertFew(OF_FEW)
  })

  it('read few tasks after the next vacuum, when they were made for a table with few of them', async () => {
    await test.admin('delete from todo.users')
    await fill(1, MANY)
    await test.admin('delete from todo.tasks where seq > 3')
    await vacuumDue(test.connector)
    for (const [, statement] of LISTS) await run(statement)
    await fill(4, MANY)
    await vacuumDue(test.connector)
    await assertFew(OF_FEW)
  })
})
