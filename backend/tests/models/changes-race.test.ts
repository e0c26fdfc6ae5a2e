import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { connect } from '../../src/database/connect.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import type { Database } from '../../src/database/session.ts'
import { listChanges } from '../../src/models/changes/changes.ts'
import { readToken } from '../../src/models/changes/token.ts'
import { insertTaskOnce, toggleTaskOnce } from '../../src/models/tasks/once.ts'
import { deleteTask, insertTask, toggleTask } from '../../src/models/tasks/task.ts'
import { purgeTask, restoreTask } from '../../src/models/tasks/trash.ts'
import { updateTask } from '../../src/models/tasks/update.ts'
import { KINDS, openTestDatabase, type TestDatabase } from '../support/databases.ts'

const WRITERS = 12
const CHANGES_OF_ONE = 60
const USER = 'racer'
/** A page that is small, so that its end falls between writers. */
const LIMIT = 7

/** The reader's picture: what it has been told of each task. */
type Picture = Map<string, string>

for (const kind of KINDS) {
  describe(`a reader of changes beside writers on ${kind}`, () => {
    let test: TestDatabase
    /** Two servers with one database. The embedded one has only one. */
    let servers: Database[]
    before(async () => {
      test = await openTestDatabase(kind, 6)
      servers = [test.database]
      if (kind === 'postgres') {
        servers.push(new PipelinedPool(await connect({ database: test.config, poolMax: 6 })))
      }
    })
    after(async () => {
      for (const server of servers.slice(1)) await server.close()
      await test.close()
    })

    /** One of several writers, who all change the same tasks. Every writer has its own order of changes. */
    async function write(server: Database, ids: readonly string[], writer: number): Promise<void> {
      let state = writer * 7919 + 1
      const next = (below: number) => {
        state = (state * 48_271) % 2_147_483_647
        return state % below
      }
      for (let n = 0; n < CHANGES_OF_ONE; n += 1) {
        const id = ids[next(ids.length)] ?? ''
        const other = ids[next(ids.length)] ?? ''
        const title = `${writer}.${n}`
        const key = { key: title, requestHash: 'h' }
        const statements = [
          insertTask(randomUUID(), { title }),
          updateTask(id, { title }, undefined),
          toggleTask(id, undefined),
          deleteTask(id, undefined),
          restoreTask(id),
          insertTaskOnce(randomUUID(), { title }, key),
          toggleTaskOnce(id, undefined, key),
          purgeTask(id),
        ]
        // A purge is rare, so that tasks are left.
        const chosen = next(40) === 0 ? 7 : next(7)
        const statement = statements[chosen]
        if (next(6) > 0) await server.asUser(USER, statement ?? restoreTask(id))
        else {
          const both = [updateTask(id, { title }, undefined), toggleTask(other, undefined)] as const
          // One of them may be in the trash, and then nothing is done.
          await server.asUser(USER, both).catch((error) => assert.equal(error.code, 'not_found'))
        }
      }
    }

    it('its picture is the list, and its positions only ever advance', async () => {
      const ids = Array.from({ length: 10 }, () => randomUUID())
      for (const id of ids) await test.database.asUser(USER, insertTask(id, { title: 'first' }))
      let writing = true
      const writers = Promise.all(
        Array.from({ length: WRITERS }, (_, n) =>
          write(servers[n % servers.length] ?? test.database, ids, n),
        ),
      ).finally(() => {
        writing = false
      })
      const picture: Picture = new Map()
      let token: string | undefined
      let reads = 0
      for (let isLast = false; !isLast; reads += 1) {
        isLast = !writing
        for (let more = true; more; ) {
          const since = token === undefined ? undefined : readToken(token)
          const server = servers[reads % servers.length] ?? test.database
          const result = await server.asUser(USER, listChanges(since, LIMIT))
          assert.ok(result.outcome === 'page')
          const seq = BigInt(readToken(result.page.token).seq)
          assert.ok(since === undefined || seq >= BigInt(since.seq))
          apply(picture, result.page.changes)
          token = result.page.token
          more = result.page.more
        }
      }
      await writers
      const rows = await test.admin(
        `select id, title, completed from todo.tasks where user_id = $1 and deleted_at is null`,
        [USER],
      )
      const list = rows.map(({ id, title, completed }) => [id, `${title} ${completed}`])
      assert.deepEqual(Object.fromEntries(picture), Object.fromEntries(list))
      assert.ok(reads > 1 && list.length > 10)
      const [numbers] = await test.admin(
        `select count(*) = count(distinct seq) as differ, max(seq) <= (select seq from todo.users where id = $1) as counted
         from todo.tasks where user_id = $1`,
        [USER],
      )
      assert.deepEqual(numbers, { differ: true, counted: true })
    })
  })
}

function apply(picture: Picture, changes: string): void {
  for (const { task, id } of JSON.parse(`[${changes}]`)) {
    if (task === undefined) picture.delete(id)
    else picture.set(task.id, `${task.title} ${task.completed}`)
  }
}
