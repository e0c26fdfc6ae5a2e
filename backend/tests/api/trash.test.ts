import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { withDirectClient } from '../../src/database/direct.ts'
import { purgeRegularly } from '../../src/jobs/purge.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

for (const kind of KINDS) {
  describe(`the trash on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
    })
    after(() => test.close())

    const create = async (user: string, title: string, headers = {}) =>
      (await test.send('POST', `/api/${user}/tasks`, { as: user, headers, body: { title } })).json
    const remove = async (user: string, id: string) => {
      const { status } = await test.send('DELETE', `/api/${user}/tasks/${id}`, { as: user })
      assert.equal(status, 204)
    }
    const trashOf = (user: string, query = '') =>
      test.send('GET', `/api/${user}/tasks/trash${query}`, { as: user })
    const titlesOf = async (user: string) =>
      (await trashOf(user)).json.map(({ title }: { title: string }) => title)
    const rowsOf = (user: string) =>
      test.admin(
        'select title, description, deleted_at, purged_at, seq::int as seq from todo.tasks where user_id = $1',
        [user],
      )

    it('404 for a deleted task, everywhere but in the trash', async () => {
      const { id } = await create('ann', 'gone')
      await remove('ann', id)
      const path = `/api/ann/tasks/${id}`
      const change = { as: 'ann', body: { title: 'x' } }
      const answers = [
        await test.send('GET', path, { as: 'ann' }),
        await test.send('PUT', path, change),
        await test.send('PATCH', path, change),
        await test.send('DELETE', path, { as: 'ann' }),
        await test.send('PATCH', `${path}/complete`, { as: 'ann' }),
        await test.send('PATCH', `${path}/complete`, { as: 'ann', body: { completed: true } }),
        await test.send('PATCH', `${path}/complete`, {
          as: 'ann',
          headers: { 'idempotency-key': 'k' },
        }),
        await test.send('PUT', path, { ...change, headers: { 'if-match': '"x"' } }),
      ]
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([404]))
      assert.deepEqual((await test.send('GET', '/api/ann/tasks', { as: 'ann' })).json, [])
      const [row] = await rowsOf('ann')
      assert.equal(row?.title, 'gone')
    })

    it('200 with a task in the trash: its members, when it was deleted, and an ETag', async () => {
      const task = await create('bea', 'kept')
      await remove('bea', task.id)
      const { json: list } = await trashOf('bea')
      const { deleted_at, updated_at, ...members } = list[0]
      const { updated_at: before, ...expected } = task
      assert.deepEqual(members, expected)
      assert.match(deleted_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.ok(updated_at > before)
      const one = await test.send('GET', `/api/bea/tasks/trash/${task.id}`, { as: 'bea' })
      assert.deepEqual([one.status, one.json], [200, list[0]])
      assert.equal(one.headers.etag, `"${updated_at}"`)
    })

    it('pages of the trash, the last deleted first', async () => {
      const tasks = []
      for (let n = 1; n <= 7; n += 1) tasks.push(await create('cy', `task ${n}`))
      for (const n of [3, 0, 5, 1, 6]) await remove('cy', tasks[n].id)
      const expected = ['task 7', 'task 2', 'task 6', 'task 1', 'task 4']
      assert.deepEqual(await titlesOf('cy'), expected)
      const found: string[] = []
      for (let query: string | undefined = '?limit=2'; query; ) {
        const { json, headers } = await trashOf('cy', query)
        found.push(...json.map(({ title }: { title: string }) => title))
        const next = /^<\/api\/cy\/tasks\/trash(\?[^>]+)>; rel="next"$/.exec(String(headers.link))
        query = next?.[1]
        assert.equal(headers['next-cursor'] !== undefined, query !== undefined)
      }
      assert.deepEqual(found, expected)
    })

    it('422 for a cursor of the list of tasks, and for an unknown parameter', async () => {
      for (const query of ['?cursor=AZqxwn0-ekGcVQtvLx2OkA', '?cursor=', '?completed=true']) {
        assert.equal((await trashOf('cy', query)).status, 422, query)
      }
    })

    it('200 with the restored task, which is where it was and has a new ETag', async () => {
      const tasks = []
      for (const title of ['a', 'b', 'c']) tasks.push(await create('dan', title))
      await remove('dan', tasks[1].id)
      const path = `/api/dan/tasks/trash/${tasks[1].id}/restore`
      const restored = await test.send('POST', path, { as: 'dan' })
      assert.equal(restored.status, 200)
      const { updated_at, ...members } = restored.json
      assert.deepEqual({ ...members, updated_at: tasks[1].updated_at }, tasks[1])
      assert.equal(restored.headers.etag, `"${updated_at}"`)
      assert.ok(updated_at > tasks[1].updated_at)
      const list = await test.send('GET', '/api/dan/tasks', { as: 'dan' })
      assert.deepEqual(
        list.json.map(({ title }: { title: string }) => title),
        ['c', 'b', 'a'],
      )
      assert.equal((await test.send('POST', path, { as: 'dan' })).status, 404)
      assert.deepEqual(await titlesOf('dan'), [])
    })

    it('204 for a deletion permanently: nothing of its text is left, not even in a stored response', async () => {
      const key = { 'idempotency-key': 'made' }
      const task = await create('eve', 'a secret', key)
      const other = await create('eve', 'another', { 'idempotency-key': 'other' })
      await remove('eve', task.id)
      const path = `/api/eve/tasks/trash/${task.id}`
      assert.equal((await test.send('DELETE', path, { as: 'eve' })).status, 204)
      assert.equal((await test.send('DELETE', path, { as: 'eve' })).status, 404)
      assert.equal((await test.send('GET', path, { as: 'eve' })).status, 404)
      assert.equal((await test.send('POST', `${path}/restore`, { as: 'eve' })).status, 404)
      assert.deepEqual(await titlesOf('eve'), [])
      const kept = await test.admin(
        `select answer from todo.idempotency_keys where user_id = 'eve'`,
      )
      const answers = kept.map(({ answer }) => JSON.parse(String(answer)).title)
      assert.deepEqual(answers.sort(), ['', 'another'])
      assert.deepEqual((await rowsOf('eve')).map(({ title }) => title).sort(), ['', 'another'])
      // A late retry creates nothing.
      const replayed = await create('eve', 'a secret', key)
      assert.deepEqual([replayed.id, replayed.title], [task.id, ''])
      assert.deepEqual(Object.keys(replayed), Object.keys(other))
    })

    it('204 for an empty trash: all are gone, and the tasks stay', async () => {
      const kept = await create('fay', 'kept')
      for (let n = 0; n < 5; n += 1) await remove('fay', (await create('fay', `x${n}`)).id)
      const empty = () => test.send('DELETE', '/api/fay/tasks/trash', { as: 'fay' })
      assert.equal((await empty()).status, 204)
      assert.deepEqual(await titlesOf('fay'), [])
      assert.equal((await empty()).status, 204)
      const list = await test.send('GET', '/api/fay/tasks', { as: 'fay' })
      assert.deepEqual(list.json, [kept])
    })

    it('another user sees nothing of it and reaches nothing', async () => {
      const { id } = await create('gus', 'his')
      await remove('gus', id)
      assert.deepEqual((await trashOf('hal')).json, [])
      for (const [method, path] of [
        ['GET', `/api/hal/tasks/trash/${id}`],
        ['DELETE', `/api/hal/tasks/trash/${id}`],
        ['POST', `/api/hal/tasks/trash/${id}/restore`],
      ] as const) {
        assert.equal((await test.send(method, path, { as: 'hal' })).status, 404)
      }
      assert.equal((await test.send('DELETE', '/api/hal/tasks/trash', { as: 'hal' })).status, 204)
      assert.equal((await trashOf('gus')).json.length, 1)
      const foreign = await test.send('GET', '/api/gus/tasks/trash', { as: 'hal' })
      assert.equal(foreign.status, 403)
    })

    it('405 for other methods, and 404 for a malformed id', async () => {
      const put = await test.send('PUT', '/api/gus/tasks/trash', { as: 'gus', body: {} })
      assert.deepEqual([put.status, put.headers.allow], [405, 'DELETE, GET, HEAD, OPTIONS'])
      assert.equal((await test.send('GET', '/api/gus/tasks/trash/x', { as: 'gus' })).status, 404)
    })

    it('each change takes the next number of its user, and what changes nothing takes none', async () => {
      const { id, updated_at } = await create('ivy', 'one')
      const path = `/api/ivy/tasks/${id}`
      const numbers = async () => {
        const [user] = await test.admin(`select seq::int from todo.users where id = 'ivy'`)
        const [row] = await rowsOf('ivy')
        return [user?.seq, row?.seq]
      }
      const sent = async (method: string, body?: object, headers = {}) => {
        await test.send(method, path, { as: 'ivy', body, headers })
        return numbers()
      }
      assert.deepEqual(await numbers(), [1, 1])
      assert.deepEqual(await sent('PUT', { title: 'two' }), [2, 2])
      assert.deepEqual(await sent('PUT', { title: 'two' }), [2, 2])
      assert.deepEqual(await sent('PUT', { title: 'x' }, { 'if-match': `"${updated_at}"` }), [2, 2])
      assert.deepEqual(await sent('DELETE'), [3, 3])
      assert.deepEqual(await sent('DELETE'), [3, 3])
      await test.send('POST', `/api/ivy/tasks/trash/${id}/restore`, { as: 'ivy' })
      assert.deepEqual(await numbers(), [4, 4])
      await test.send('PATCH', `${path}/complete`, { as: 'ivy' })
      assert.deepEqual(await numbers(), [5, 5])
    })

    it('what has expired goes by itself, of all users, and its row after 31 days', async () => {
      const ids = []
      for (const user of ['jo', 'kim']) {
        for (const title of ['fresh', 'expired', 'forgotten']) {
          const { id } = await create(user, title)
          await remove(user, id)
          ids.push(id)
        }
      }
      const age = (title: string, days: number, purged: boolean) =>
        test.admin(
          `update todo.tasks set deleted_at = now() - make_interval(days => $2), seq = seq + 100,
             purged_at = case when $3 then now() end
           where title = $1 and user_id in ('jo', 'kim')`,
          [title, days, purged],
        )
      await age('expired', 8, false)
      await age('forgotten', 32, true)
      const left = (user: string) =>
        rowsOf(user).then((rows) =>
          rows.map(({ title, purged_at }) => [title, purged_at !== null]).sort(),
        )
      const end = purgeRegularly({
        database: test.test.database,
        log: pino({ level: 'silent' }),
        trashDays: 7,
        everyMs: 5,
      })
      try {
        const expected = [
          ['', true],
          ['fresh', false],
        ]
        for (const user of ['jo', 'kim']) {
          while ((await left(user)).length > 2)
            await new Promise((resolve) => setImmediate(resolve))
          assert.deepEqual(await left(user), expected)
        }
      } finally {
        end()
      }
    })
  })

  it(`with TRASH_DAYS=0, a deletion is permanent at once, on ${kind}`, async () => {
    const test = await startApp(kind, { TRASH_DAYS: '0' })
    try {
      const { json } = await test.send('POST', '/api/ann/tasks', {
        body: { title: 'x' },
        as: 'ann',
      })
      const path = `/api/ann/tasks/${json.id}`
      const stale = { as: 'ann', headers: { 'if-match': '"2020-01-01T00:00:00.000Z"' } }
      assert.equal((await test.send('DELETE', path, stale)).status, 412)
      assert.equal((await test.send('DELETE', path, { as: 'ann' })).status, 204)
      assert.equal((await test.send('DELETE', path, { as: 'ann' })).status, 404)
      assert.deepEqual((await test.send('GET', '/api/ann/tasks/trash', { as: 'ann' })).json, [])
      const [row] = await test.admin('select title, purged_at from todo.tasks')
      assert.ok(row?.title === '' && row.purged_at !== null)
    } finally {
      await test.close()
    }
  })
}

describe('emptying the trash beside a restoration', () => {
  it('204 when all others are gone, although the first step deleted fewer than it found', async () => {
    const test = await startApp('postgres')
    await test.admin(`insert into todo.users (id, seq) values ('ivy', 600)`)
    await test.admin(
      `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq, deleted_at)
       select 'ivy', gen_random_uuid(), n, false, now(), now(), n, now() from generate_series(1, 600) n`,
    )
    await withDirectClient(test.test.connector.direct, async (holder) => {
      await holder.query('begin')
      await holder.query(`update todo.users set seq = 601 where id = 'ivy'`)
      await holder.query(
        `update todo.tasks set deleted_at = null, seq = 601 where user_id = 'ivy' and seq = 1`,
      )
      const emptied = test.send('DELETE', '/api/ivy/tasks/trash', { as: 'ivy' })
      const waiting = `select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`
      while ((await test.admin(waiting)).length === 0);
      await holder.query('commit')
      assert.equal((await emptied).status, 204)
    })
    assert.deepEqual((await test.send('GET', '/api/ivy/tasks/trash', { as: 'ivy' })).json, [])
    const { json } = await test.send('GET', '/api/ivy/tasks', { as: 'ivy' })
    assert.deepEqual(
      json.map(({ title }: { title: string }) => title),
      ['1'],
    )
    await test.close()
  })
})
