import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

const NOBODY = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'

for (const kind of KINDS) {
  describe(`parents of tasks on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
    })
    after(() => test.close())

    const send = (method: string, user: string, path: string, body?: object) =>
      test.send(method, `/api/${user}/tasks${path}`, { as: user, ...(body && { body }) })
    const create = async (user: string, body: object) => (await send('POST', user, '', body)).json
    const titles = async (user: string, path = '') =>
      (await send('GET', user, path)).json.map(({ title }: { title: string }) => title).sort()
    const refused = ({ status, json }: { status: number; json: Record<string, unknown> }) => {
      assert.equal(status, 422)
      assert.equal(json.error, 'validation_error')
      assert.deepEqual(
        (json.errors as { in: string; path: string }[]).map((one) => one.in + one.path),
        ['body/parent_id'],
      )
    }

    it('200 and 201 with the parent, in any case of its letters; null removes it', async () => {
      const parent = await create('ann', { title: 'list' })
      assert.equal(parent.parent_id, null)
      const child = await create('ann', { title: 'a', parent_id: parent.id.toUpperCase() })
      assert.equal(child.parent_id, parent.id)
      const whole = await send('PUT', 'ann', `/${child.id}`, child)
      assert.deepEqual([whole.status, whole.json], [200, child])
      const freed = await send('PATCH', 'ann', `/${child.id}`, { parent_id: null })
      assert.equal(freed.json.parent_id, null)
      const again = await send('PATCH', 'ann', `/${child.id}`, { parent_id: parent.id })
      assert.equal(again.json.parent_id, parent.id)
    })

    it('a key and a cursor are for one parent, in any case of its letters', async () => {
      const { id } = await create('kim', { title: 'list' })
      for (const title of ['a', 'b']) await create('kim', { title, parent_id: id })
      const keyed = (path: string, body: object) =>
        test.send('POST', `/api/kim/tasks${path}`, {
          headers: { 'idempotency-key': `child${path}` },
          body,
        })
      const inBatch = (parent_id: string) => ({
        operations: [{ op: 'create', task: { title: 'd', parent_id } }],
      })
      for (const [path, body] of [
        ['', (parent_id: string) => ({ title: 'c', parent_id })],
        ['/batch', inBatch],
      ] as const) {
        await keyed(path, body(id.toUpperCase()))
        const { headers, text } = await keyed(path, body(id))
        assert.equal(headers['idempotency-replayed'], 'true', text)
      }
      for (const sort of ['-created_at', 'title']) {
        const query = `?limit=2&sort=${sort}`
        const first = await send('GET', 'kim', `${query}&parent_id=${id.toUpperCase()}`)
        const next = `${query}&parent_id=${id}&cursor=${first.headers['next-cursor']}`
        assert.equal((await send('GET', 'kim', next)).json.length, 2)
      }
    })

    it('the list of the children of a task, and of tasks without a parent', async () => {
      const parent = await create('abe', { title: 'list' })
      for (const title of ['a', 'b']) await create('abe', { title, parent_id: parent.id })
      await create('abe', { title: 'other' })
      assert.deepEqual(await titles('abe', `?parent_id=${parent.id}`), ['a', 'b'])
      assert.deepEqual(await titles('abe', '?parent_id=none&sort=title'), ['list', 'other'])
      assert.deepEqual(await titles('abe', `?parent_id=${NOBODY}`), [])
      assert.equal((await send('GET', 'abe', '?parent_id=x')).status, 422)
    })

    it('422 for what cannot be a parent: missing, foreign, deleted, a child, itself; all alike', async () => {
      const foreign = await create('ben', { title: 'foreign' })
      const parent = await create('cy', { title: 'parent' })
      const child = await create('cy', { title: 'child', parent_id: parent.id })
      const gone = await create('cy', { title: 'gone' })
      await send('DELETE', 'cy', `/${gone.id}`)
      const other = await create('cy', { title: 'other' })
      const bodies = new Set<string>()
      for (const parent_id of [NOBODY, foreign.id, gone.id, child.id]) {
        for (const answer of [
          await send('POST', 'cy', '', { title: 'x', parent_id }),
          await send('PUT', 'cy', `/${other.id}`, { parent_id }),
          await send('PATCH', 'cy', `/${other.id}`, { parent_id }),
        ]) {
          refused(answer)
          bodies.add(JSON.stringify(answer.json.errors))
        }
      }
      assert.equal(bodies.size, 1)
      refused(await send('PATCH', 'cy', `/${other.id}`, { parent_id: other.id }))
      // A task with children would be a second level.
      refused(await send('PATCH', 'cy', `/${parent.id}`, { parent_id: other.id }))
      for (const parent_id of ['', 'x', 7, '00000000-0000-0000-0000-000000000000']) {
        refused(await send('POST', 'cy', '', { title: 'x', parent_id }))
      }
      assert.deepEqual(await titles('cy'), ['child', 'other', 'parent'])
      assert.deepEqual((await send('GET', 'cy', `/${other.id}`)).json, other)
    })

    it('422 beyond 500 children', async () => {
      const parent = await create('dan', { title: 'long list' })
      await test.admin(
        `insert into todo.tasks (id, user_id, title, completed, created_at, updated_at, seq, parent_id)
         select gen_random_uuid(), 'dan', 'item', false, now(), now(), 0, $1::uuid from generate_series(1, 499)`,
        [parent.id],
      )
      assert.equal(
        (await send('POST', 'dan', '', { title: 'x', parent_id: parent.id })).status,
        201,
      )
      refused(await send('POST', 'dan', '', { title: 'x', parent_id: parent.id }))
      assert.equal((await send('DELETE', 'dan', `/${parent.id}`)).status, 204)
      assert.deepEqual(await titles('dan'), [])
      assert.equal((await send('POST', 'dan', `/trash/${parent.id}/restore`)).status, 200)
      assert.equal((await titles('dan')).length, 501)
    })

    it('a parent takes its children to the trash and back, but not one that was there before', async () => {
      const parent = await create('eve', { title: 'parent' })
      const [a, b, c] = [
        await create('eve', { title: 'a', parent_id: parent.id }),
        await create('eve', { title: 'b', parent_id: parent.id }),
        await create('eve', { title: 'c', parent_id: parent.id }),
      ]
      await create('eve', { title: 'other' })
      await send('DELETE', 'eve', `/${c.id}`)
      const { token } = (await send('GET', 'eve', '/changes')).json
      await send('DELETE', 'eve', `/${parent.id}`)
      assert.deepEqual(await titles('eve'), ['other'])
      assert.deepEqual(await titles('eve', '/trash'), ['a', 'b', 'c', 'parent'])
      const feed = (await send('GET', 'eve', `/changes?since=${token}`)).json
      assert.deepEqual(
        feed.changes.map(({ id, deleted }: { id: string; deleted: boolean }) => [id, deleted]),
        [parent.id, a.id, b.id].map((id) => [id, true]),
      )
      for (const child of [a, c]) {
        assert.equal((await send('POST', 'eve', `/trash/${child.id}/restore`)).status, 409)
      }
      assert.equal((await send('POST', 'eve', `/trash/${parent.id}/restore`)).status, 200)
      assert.deepEqual(await titles('eve'), ['a', 'b', 'other', 'parent'])
      const back = (await send('GET', 'eve', `/${a.id}`)).json
      assert.equal(back.parent_id, parent.id)
      assert.ok(back.updated_at > a.updated_at)
      const after = (await send('GET', 'eve', `/changes?since=${feed.token}`)).json
      assert.deepEqual(
        after.changes.map(({ task }: { task: { title: string } }) => task.title),
        ['parent', 'a', 'b'],
      )
      assert.equal((await send('POST', 'eve', `/trash/${c.id}/restore`)).status, 200)
    })

    it('a parent that is deleted permanently takes its children in the trash with it', async () => {
      const parent = await create('fay', { title: 'parent' })
      const child = await create('fay', { title: 'child', parent_id: parent.id })
      const early = await create('fay', { title: 'early', parent_id: parent.id })
      await send('DELETE', 'fay', `/${early.id}`)
      assert.equal((await send('DELETE', 'fay', `/trash/${parent.id}`)).status, 404)
      assert.deepEqual(await titles('fay', '/trash'), ['early'])
      await send('DELETE', 'fay', `/${parent.id}`)
      assert.equal((await send('DELETE', 'fay', `/trash/${parent.id}`)).status, 204)
      assert.equal((await send('GET', 'fay', `/trash/${child.id}`)).status, 404)
      assert.deepEqual(await titles('fay', '/trash'), [])
      const rows = await test.admin(`select title from todo.tasks where user_id = 'fay'`, [])
      assert.deepEqual(
        rows.map(({ title }) => title),
        ['', '', ''],
      )
    })

    it('one level only, whatever happens at once', async () => {
      for (let round = 0; round < 5; round += 1) {
        const tasks: { id: string }[] = []
        for (let n = 0; n < 4; n += 1) tasks.push(await create('gus', { title: `${n}` }))
        const moves = tasks.flatMap((task, n) =>
          [1, 2].map((step) =>
            send('PATCH', 'gus', `/${task.id}`, { parent_id: tasks[(n + step) % 4]?.id }),
          ),
        )
        const deletion = send('DELETE', 'gus', `/${tasks[round % 4]?.id}`)
        for (const { status } of await Promise.all(moves))
          assert.ok([200, 404, 422].includes(status))
        await deletion
        const alive = new Map(
          (await send('GET', 'gus', '')).json.map((task: { id: string }) => [task.id, task]),
        )
        for (const { parent_id } of alive.values() as Iterable<{ parent_id: string | null }>) {
          if (parent_id === null) continue
          const parent = alive.get(parent_id) as { parent_id: string | null } | undefined
          assert.equal(parent?.parent_id, null)
        }
      }
    })
  })
}
