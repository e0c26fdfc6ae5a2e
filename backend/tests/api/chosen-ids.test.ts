import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

for (const kind of KINDS) {
  describe(`a task whose id the client has chosen, on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind)
    })
    after(() => test.close())

    const create = (user: string, body: object, headers: Record<string, string> = {}) =>
      test.send('POST', `/api/${user}/tasks`, { as: user, body, headers })
    const listOf = async (user: string) =>
      (await test.send('GET', `/api/${user}/tasks`, { as: user })).json

    it('201 the first time, then 200 with the task as it is, and nothing changes', async () => {
      const id = randomUUID()
      const first = await create('ann', { id: id.toUpperCase(), title: 'one' })
      assert.deepEqual([first.status, first.json.id], [201, id])
      assert.equal(first.headers.location, `/api/ann/tasks/${id}`)
      const again = await create('ann', { id, title: 'two', completed: true })
      assert.deepEqual([again.status, again.text], [200, first.text])
      assert.equal(again.headers.etag, first.headers.etag)
      assert.equal(again.headers.location, undefined)
      assert.deepEqual(await listOf('ann'), [first.json])
      const [user] = await test.admin(`select seq::int from todo.users where id = 'ann'`)
      assert.deepEqual(user, { seq: 1 })
    })

    it('201 for the id of another user’s task, which nobody can tell', async () => {
      const id = randomUUID()
      const theirs = await create('bea', { id, title: 'hers' })
      const own = await create('cy', { id, title: 'his' })
      assert.deepEqual([theirs.status, own.status, own.json.user_id], [201, 201, 'cy'])
      assert.deepEqual(await listOf('bea'), [theirs.json])
    })

    it('409 for a task in the trash, and for one that is deleted permanently', async () => {
      const id = randomUUID()
      await create('dan', { id, title: 'x' })
      await test.send('DELETE', `/api/dan/tasks/${id}`, { as: 'dan' })
      const first = await create('dan', { id, title: 'x' })
      assert.deepEqual([first.status, first.json.error], [409, 'conflict'])
      await test.send('DELETE', `/api/dan/tasks/trash/${id}`, { as: 'dan' })
      assert.equal((await create('dan', { id, title: 'x' })).status, 409)
      assert.deepEqual(await listOf('dan'), [])
    })

    it('one task for many requests at once, each 201 or 200', async () => {
      // Several times, because a request waits for another one in some of them only.
      for (let round = 0; round < 10; round += 1) {
        const id = randomUUID()
        const answers = await Promise.all(
          Array.from({ length: 8 }, () => create('eve', { id, title: 'once' })),
        )
        const statuses = answers.map(({ status }) => status).sort()
        assert.deepEqual(statuses, [200, 200, 200, 200, 200, 200, 200, 201])
        assert.equal(new Set(answers.map(({ text }) => text)).size, 1)
      }
    })

    it('with an Idempotency-Key as well: replayed, reused, or the task as it is', async () => {
      const id = randomUUID()
      const key = { 'idempotency-key': 'k1' }
      const first = await create('fay', { id, title: 'one' }, key)
      const replayed = await create('fay', { id, title: 'one' }, key)
      assert.deepEqual([first.status, replayed.status, replayed.text], [201, 201, first.text])
      assert.equal(replayed.headers['idempotency-replayed'], 'true')
      assert.equal((await create('fay', { id: randomUUID(), title: 'one' }, key)).status, 422)
      const other = await create('fay', { id, title: 'two' }, { 'idempotency-key': 'k2' })
      assert.deepEqual([other.status, other.text], [200, first.text])
      // Its parent is in the trash by now.
      const parent_id = randomUUID()
      const orphan = await create('fay', { id, title: 'x', parent_id }, { 'idempotency-key': 'k4' })
      assert.deepEqual([orphan.status, orphan.text], [200, first.text])
      await test.send('DELETE', `/api/fay/tasks/${id}`, { as: 'fay' })
      const gone = await create('fay', { id, title: 'two' }, { 'idempotency-key': 'k3' })
      assert.equal(gone.status, 409)
    })

    it('every UUID but the nil one is an id, and each is in the list and its pages', async () => {
      const ids = [
        'ffffffff-ffff-ffff-ffff-ffffffffffff',
        'ffffffff-ffff-ffff-ffff-fffffffffffe',
        '10000000-0000-0000-0000-000000000000',
        '00000000-0000-0000-0000-000000000001',
      ]
      for (const id of ids.toReversed()) {
        assert.equal((await create('hal', { id, title: id })).status, 201, id)
      }
      const seen = (tasks: { id: string }[]) => tasks.map(({ id }) => id)
      assert.deepEqual(seen(await listOf('hal')), ids)
      const paged: string[] = []
      for (let query = '?limit=1'; query; ) {
        const { json, headers } = await test.send('GET', `/api/hal/tasks${query}`, { as: 'hal' })
        paged.push(...seen(json))
        const next = headers['next-cursor']
        query = next === undefined ? '' : `?limit=1&cursor=${next}`
      }
      assert.deepEqual(paged, ids)
    })

    it('422 for what is no UUID, the nil UUID and null', async () => {
      const nil = '00000000-0000-0000-0000-000000000000'
      const braces = `{${randomUUID()}}`
      for (const id of ['', 'x', nil, null, 7, randomUUID().replaceAll('-', ''), braces]) {
        const { status, json } = await create('gus', { id, title: 'x' })
        assert.deepEqual([status, json.errors?.[0].path], [422, '/id'], String(id))
      }
      assert.deepEqual(await listOf('gus'), [])
    })
  })
}
