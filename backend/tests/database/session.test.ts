import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { AppError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { OWN_SESSION, POOLED } from '../../src/database/scope.ts'
import { announced, ROLLBACK, type Statement } from '../../src/database/session.ts'
import { deleteTask, findTask, insertTask, toggleTask } from '../../src/models/tasks/task.ts'
import { updateTask } from '../../src/models/tasks/update.ts'
import { PATIENT } from '../support/app.ts'
import {
  KINDS,
  openTestDatabase,
  rawStatement,
  type TestDatabase,
  taskId,
} from '../support/databases.ts'
import { nameAnotherProcess, poolThrough, startProxy } from '../support/proxy.ts'

const count = rawStatement('select count(*) from todo.tasks where deleted_at is null')

for (const kind of KINDS) {
  describe(`a user's scope on ${kind}`, () => {
    let test: TestDatabase
    before(async () => {
      // One connection, so that users follow each other on it.
      test = await openTestDatabase(kind, 1, { ...LIMITS, ...PATIENT })
      await test.database.asUser('alice', insertTask(taskId(1), { title: 'Alice’s' }))
      await test.database.asUser('bob', insertTask(taskId(2), { title: 'Bob’s' }))
      await test.database.asUser('bob', insertTask(taskId(3), { title: 'Bob’s other' }))
    })
    after(() => test.close())

    it('a statement that forgets its where shows the own rows only', async () => {
      assert.deepEqual(await test.database.asUser('alice', count), [['1']])
      assert.deepEqual(await test.database.asUser('bob', count), [['2']])
      assert.deepEqual(await test.database.asUser('carol', count), [['0']])
    })

    it('the same statement without the policy would show everything', async () => {
      assert.deepEqual(await test.admin('select count(*)::int as all from todo.tasks'), [
        { all: 3 },
      ])
      await test.admin('alter table todo.tasks disable row level security')
      assert.deepEqual(await test.database.asUser('carol', count), [['3']])
      await test.admin('alter table todo.tasks enable row level security')
      assert.deepEqual(await test.database.asUser('carol', count), [['0']])
    })

    for (const [what, text] of [
      ['an update', `update todo.tasks set title = 'taken', seq = seq + 1`],
      ['a deletion', 'update todo.tasks set deleted_at = now(), seq = seq + 1'],
    ]) {
      it(`${what} that forgets its where touches nobody else's rows`, async () => {
        await test.database.asUser('carol', rawStatement(`${text} where user_id <> 'carol'`))
        assert.deepEqual(await test.database.asUser('alice', count), [['1']])
        const rows = await test.admin(`select title from todo.tasks order by id`)
        assert.deepEqual(
          rows.map(({ title }) => title),
          ['Alice’s', 'Bob’s', 'Bob’s other'],
        )
      })
    }

    it('a row cannot be written for, or moved to, another user', async () => {
      for (const text of [
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         values ('alice', '${taskId(9)}', 'planted', false, now(), now(), 0)`,
        `update todo.tasks set user_id = 'alice', seq = seq + 1`,
        'delete from todo.tasks',
        `insert into todo.users (id) values ('mallory-made')`,
      ]) {
        await assert.rejects(test.database.asUser('bob', rawStatement(text)), {
          code: 'internal_error',
        })
      }
      assert.deepEqual(await test.database.asUser('alice', count), [['1']])
    })

    it('the role reads no users and no migrations', async () => {
      for (const table of ['todo.users', 'todo.migrations']) {
        const reading = test.database.asUser('alice', rawStatement(`select * from ${table}`))
        await assert.rejects(reading, { code: 'internal_error' })
      }
    })

    it('users interleaved on one connection each see their own', async () => {
      const scope = rawStatement(`select current_user, current_setting('app.user_id')`)
      const users = Array.from({ length: 100 }, (_, n) => `user-${n % 7}`)
      const seen = await Promise.all(users.map((user) => test.database.asUser(user, scope)))
      assert.deepEqual(
        seen,
        users.map((user) => [['todo_user', user]]),
      )
    })

    it('binds $1 of a statement to the user of its scope, whatever its values are', async () => {
      const whose = rawStatement(`select $1, current_setting('app.user_id'), $2::text, $3::text`, [
        'alice',
        null,
      ])
      const users = ['alice', 'bob', 'carol']
      const seen = await Promise.all(users.map((user) => test.database.asUser(user, whose)))
      assert.deepEqual(
        seen,
        users.map((user) => [[user, user, 'alice', null]]),
      )
    })

    it('runs several statements in their order, in one transaction, with a result for each', async () => {
      const transaction = rawStatement('select pg_current_xact_id()::text, $1')
      const made = insertTask(taskId(20), { title: 'first' })
      const results = await test.database.asUser('several', [
        transaction,
        made,
        updateTask(taskId(20), { title: 'second' }, undefined),
        findTask(taskId(20)),
        deleteTask(taskId(20), undefined),
        findTask(taskId(20)),
        transaction,
      ])
      const [before, inserted, updated, found, deleted, missing, after] = results
      assert.ok(inserted.outcome === 'changed' && updated.outcome === 'changed')
      assert.equal(found?.json, updated.task.json)
      assert.ok(updated.task.version > inserted.task.version)
      assert.equal(JSON.parse(updated.task.json).title, 'second')
      assert.deepEqual([deleted, missing], [{ outcome: 'deleted' }, undefined])
      assert.equal(before[0]?.[1], 'several')
      assert.deepEqual(after, before)
      assert.deepEqual(await test.database.asUser('several', [count]), [[['0']]])
      assert.deepEqual(await test.database.asUser('several', []), [])
    })

    const OLD = ['2001-01-01T00:00:00.000Z']
    const NOTHING_FOUND: [what: string, statement: Statement<unknown>, code: string][] = [
      ['changes a missing task', updateTask(taskId(99), { title: 'x' }, undefined), 'not_found'],
      ['changes a missing task at a version', updateTask(taskId(99), {}, OLD), 'not_found'],
      ['changes a stale task', updateTask(taskId(1), { title: 'x' }, OLD), 'precondition_failed'],
      ['toggles a missing task', toggleTask(taskId(99), undefined), 'not_found'],
      ['deletes a missing task', deleteTask(taskId(99), undefined), 'not_found'],
      ['deletes a stale task', deleteTask(taskId(1), OLD), 'precondition_failed'],
    ]
    for (const [what, statement, code] of NOTHING_FOUND) {
      it(`undoes several statements if the second ${what}, and says which it was`, async () => {
        const insert = (n: number) => insertTask(taskId(40 + n), { title: 'undone' })
        const [failed, next] = await Promise.allSettled([
          test.database.asUser('alice', [insert(1), statement, insert(2)]),
          test.database.asUser('alice', [count, count]),
        ])
        assert.ok(failed.status === 'rejected' && failed.reason instanceof AppError)
        assert.deepEqual([failed.reason.code, failed.reason.statement], [code, 1])
        assert.deepEqual(next, { status: 'fulfilled', value: [[['1']], [['1']]] })
        assert.deepEqual(
          await test.admin(`select from todo.tasks where title = 'undone' and deleted_at is null`),
          [],
        )
        // Alone, it has an outcome instead.
        assert.match(
          JSON.stringify(await test.database.asUser('alice', statement)),
          /missing|stale/,
        )
      })
    }

    it('undoes several statements at their end, and has their results', async () => {
      const made = insertTask(taskId(60), { title: 'undone' })
      const [inserted, found, seen, undone] = await test.database.asUser('alice', [
        made,
        findTask(taskId(60)),
        count,
        ROLLBACK,
      ])
      assert.ok(inserted.outcome === 'changed')
      assert.deepEqual([found, seen, undone], [inserted.task, [['2']], undefined])
      const next = test.database.asUser('bob', [count, ROLLBACK])
      assert.deepEqual(await Promise.all([test.database.asUser('alice', count), next]), [
        [['1']],
        [[['2']], undefined],
      ])
      const failing = [made, deleteTask(taskId(99), undefined), ROLLBACK] as const
      await assert.rejects(test.database.asUser('alice', failing), { code: 'not_found' })
      assert.deepEqual(await test.database.asUser('alice', [count]), [[['1']]])
    })

    it('no statement follows the end of the transaction, where it would have no scope', async () => {
      for (const statements of [
        [ROLLBACK, count],
        [count, ROLLBACK, ROLLBACK],
      ]) {
        await assert.rejects(test.database.asUser('alice', statements), RangeError)
      }
    })

    it('announces several statements once, and not at all if they are undone', async () => {
      const changed: string[] = []
      const database = announced(test.database, (userId) => changed.push(userId))
      const change = (n: number) => updateTask(taskId(1), { title: `Alice’s ${n}` }, undefined)
      await database.asUser('alice', [change(1), count, change(2), ROLLBACK])
      assert.deepEqual(changed, [])
      await database
        .asUser('alice', [change(1), count, change(2), deleteTask(taskId(99), undefined)])
        .catch(() => {})
      assert.deepEqual(changed, ['alice'])
      await database.asUser('alice', [
        change(1),
        count,
        updateTask(taskId(1), { title: 'Alice’s' }, undefined),
      ])
      assert.deepEqual(changed, ['alice', 'alice'])
    })

    it('parses a statement once, also if it is refused, and runs one that followed it', async () => {
      const refused = rawStatement(`select todo.refuse('missing'), $1`)
      const later = rawStatement(`select 'later', $1`)
      const { text } = refused.sql
      const times = rawStatement(
        'select prepare_time from pg_prepared_statements where statement = $2 and $1 is not null',
        [text],
      )
      const parsed = []
      for (const asked of [refused, [refused, later]]) {
        await assert.rejects(test.database.asUser('alice', asked), { code: 'not_found' })
        parsed.push(await test.database.asUser('alice', times))
      }
      assert.equal(parsed[0]?.length, 1)
      assert.deepEqual(parsed[1], parsed[0])
      assert.deepEqual(await test.database.asUser('alice', later), [['later', 'alice']])
    })

    it('refuses more statements than one transaction may have', async () => {
      const most = Array.from({ length: LIMITS.statementsOfBatch }, () => count)
      assert.equal((await test.database.asUser('alice', most)).length, most.length)
      await assert.rejects(test.database.asUser('alice', [...most, count]), RangeError)
    })

    it('sends several statements of several users at once, and each user sees the own rows', async () => {
      const users = Array.from({ length: 40 }, (_, n) => ['alice', 'bob', 'carol'][n % 3] ?? '')
      const whose = rawStatement(`select $1, current_user, count(*) from todo.tasks`)
      const seen = await Promise.all(
        users.map((user) => test.database.asUser(user, [whose, count, whose])),
      )
      const counts: Record<string, string> = { alice: '1', bob: '2', carol: '0' }
      for (const [at, user] of users.entries()) {
        const own = [[user, 'todo_user', counts[user]]]
        assert.deepEqual(seen[at], [own, [[counts[user]]], own])
      }
    })

    let ids = 100
    for (const [what, text, code] of [
      ['fails', 'select 1 / 0', 'internal_error'],
      ['cannot be parsed', 'selec nonsense', 'internal_error'],
      [
        'writes for another user',
        `insert into todo.users (id) values ('mallory-made')`,
        'internal_error',
      ],
      [
        'finds its row there',
        `insert into todo.tasks select * from todo.tasks where user_id = $1`,
        'conflict',
      ],
    ] as const) {
      for (const place of [0, 1, 2]) {
        it(`undoes several statements if number ${place + 1} of 3 ${what}, and serves the next`, async () => {
          const first = ids
          ids += 10
          const id = (n: number) => taskId(first + n)
          const insert = (n: number) => insertTask(id(n), { title: 'undone' })
          const change = updateTask(taskId(1), { title: 'undone' }, undefined)
          const batch = [insert(1), change, insert(2)].toSpliced(
            place,
            0,
            rawStatement(text) as never,
          )
          const [failed, next] = await Promise.allSettled([
            test.database.asUser('alice', batch),
            test.database.asUser('bob', [count, count]),
          ])
          assert.ok(failed.status === 'rejected' && failed.reason instanceof AppError)
          assert.equal(failed.reason.code, code)
          assert.deepEqual(next, { status: 'fulfilled', value: [[['2']], [['2']]] })
          const undone = await test.admin(
            `select from todo.tasks where title = 'undone' and deleted_at is null`,
          )
          assert.equal(undone.length, 0)
          // What the failed statements left prepared, or did not, disturbs no later one.
          const [made] = await test.database.asUser('alice', [
            insert(3),
            deleteTask(id(3), undefined),
          ])
          assert.equal(made.outcome, 'changed')
        })
      }
    }

    it('a failing statement fails alone: the next user is served, as that user', async () => {
      const failures = [
        'select 1 / 0',
        'selec nonsense',
        'select * from todo.nothing_here',
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         values ('bob', '${taskId(8)}', 'planted', false, now(), now(), 0)`,
      ]
      const pairs = failures.map((text) =>
        Promise.allSettled([
          test.database.asUser('alice', rawStatement(text)),
          test.database.asUser('bob', count),
          test.database.asUser('carol', count),
        ]),
      )
      for (const [failed, bobs, carols] of await Promise.all(pairs)) {
        assert.ok(failed.status === 'rejected' && failed.reason instanceof AppError)
        assert.equal(failed.reason.code, 'internal_error')
        assert.deepEqual(bobs, { status: 'fulfilled', value: [['2']] })
        assert.deepEqual(carols, { status: 'fulfilled', value: [['0']] })
      }
    })

    it('a statement that meddles with the session leaves the next user in the own scope', async () => {
      const meddle = (userId: string) =>
        rawStatement(
          `select set_config('role', 'none', false), set_config('app.user_id', '${userId}', false)`,
        )
      await test.database.asUser('alice', meddle('bob'))
      assert.deepEqual(await test.database.asUser('carol', count), [['0']])
      assert.deepEqual(await test.database.asUser('alice', count), [['1']])
      await test.database.asUser('alice', meddle(''))
    })

    it('outside a scope the connection is nobody: no role, no user', async () => {
      const rows = await test.admin(
        `select current_user <> 'todo_user' as own, coalesce(current_setting('app.user_id', true), '') as user_id`,
      )
      assert.deepEqual(rows, [{ own: true, user_id: '' }])
    })

    for (const [what, scope] of [
      ['the scope', OWN_SESSION.behind],
      ['the patient scope', OWN_SESSION.patient],
      ['the scope behind a pooler', POOLED.behind],
      ['the patient scope behind a pooler', POOLED.patient],
    ] as const) {
      it(`${what} ends with its transaction: nothing of it is left for the next user`, async () => {
        const state = `select current_user, coalesce(current_setting('app.user_id', true), '') as user_id,
          current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`
        await withDirectClient(test.connector.pooled, async (client) => {
          const { rows: before } = await client.query(state)
          await client.query('begin')
          await client.query(scope.text, ['alice', '1'])
          const { rows: within } = await client.query(state)
          assert.deepEqual([within[0].current_user, within[0].user_id], ['todo_user', 'alice'])
          await client.query('commit')
          assert.deepEqual((await client.query(state)).rows, before)
          assert.equal(before[0].user_id, '')
        })
      })
    }

    // PGlite has no timers inside; there the pool's own limit ends it (pglite.test.ts).
    if (kind === 'postgres') {
      it('behind a pooler each sees the own rows only', async () => {
        const { url } = test.config.kind === 'postgres' ? test.config : { url: '' }
        const proxy = await startProxy(url, nameAnotherProcess)
        const pool = poolThrough(proxy, 1)
        const users = ['alice', 'bob', 'carol', 'alice']
        const seen = await Promise.all(users.map((user) => pool.asUser(user, count)))
        assert.deepEqual(seen.flat(2), ['1', '2', '0', '1'])
        await pool.close()
        await proxy.close()
      })

      it('sends several statements again as a whole after one gave up waiting for a lock', async () => {
        const waited = new Set<unknown>()
        const results = await withDirectClient(test.connector.direct, async (holder) => {
          await holder.query('begin')
          await holder.query('select from todo.tasks where id = $1 for update', [taskId(1)])
          const done = test.database.asUser('alice', [
            insertTask(taskId(50), { title: 'once' }),
            updateTask(taskId(1), { description: 'changed' }, undefined),
          ])
          const waiting = `select virtualtransaction as of from pg_locks where not granted
            and pg_backend_pid() = any(pg_blocking_pids(pid))`
          while (waited.size < 2) {
            for (const { of } of (await holder.query(waiting)).rows) waited.add(of)
          }
          await holder.query('commit')
          return done
        })
        assert.deepEqual(
          results.map(({ outcome }) => outcome),
          ['changed', 'changed'],
        )
        await test.database.asUser('alice', deleteTask(taskId(50), undefined))
        assert.deepEqual(await test.database.asUser('alice', count), [['1']])
      })

      it('503 for a statement that runs longer than its limit', async () => {
        const slow = test.database.asUser('alice', [
          // In place of the 5 s, which pool.test.ts looks up.
          rawStatement(`select set_config('statement_timeout', '50', true)`),
          rawStatement('select pg_sleep(3600)'),
        ])
        await assert.rejects(slow, { code: 'service_unavailable' })
        assert.deepEqual(await test.database.asUser('alice', count), [['1']])
      })
    }
  })
}
