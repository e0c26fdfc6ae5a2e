import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { vacuumDead } from '../../src/database/pglite/vacuum.ts'
import { vacuumRegularly } from '../../src/jobs/vacuum.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
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
    const vacuumed = await vacuumDead(test.connector)
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

  it('leaves tables alone in which few rows are dead', async () => {
    await vacuumDead(test.connector)
    assert.deepEqual(await vacuumDead(test.connector), [])
  })

  it('vacuums every table of the server at start, because the counts are lost then', async () => {
    const vacuumed = await vacuumDead(test.connector, { all: true })
    for (const table of ['todo.tasks', 'todo.users', 'todo_auth.session']) {
      assert.ok(vacuumed.includes(table), table)
    }
    assert.ok(vacuumed.every((name) => /^todo(_auth)?\./.test(name)))
  })

  it('runs by itself, and statements of users are served meanwhile', async () => {
    await test.admin(CHANGE_ALL)
    const log = pino({ level: 'silent' })
    const end = vacuumRegularly({ connector: test.connector, log, everyMs: 5 })
    try {
      for (const round of [1, 2]) {
        await test.admin(CHANGE_ALL)
        await test.admin('select pg_stat_force_next_flush()')
        while ((await dead()) > 0) {
          await test.database.asUser('alice', insertTask(taskId(1000 + round), { title: 'x' }))
        }
      }
    } finally {
      end()
    }
  })
})
