import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readToken, writeToken } from '../../src/models/changes/token.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

interface Change {
  type: string
  task?: { id: string; title: string; completed: boolean }
  id?: string
  deleted?: boolean
  deleted_at?: string
}

for (const kind of KINDS) {
  describe(`the feed of changes on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, { RATE_LIMIT_PER_MINUTE: '0' })
    })
    after(() => test.close())

    const feed = (user: string, query = '') =>
      test.send('GET', `/api/${user}/tasks/changes${query}`, { as: user })
    const create = async (user: string, title: string): Promise<{ id: string }> =>
      (await test.send('POST', `/api/${user}/tasks`, { as: user, body: { title } })).json
    const change = (user: string, method: string, id: string, body?: object) =>
      test.send(method, `/api/${user}/tasks/${id}`, { as: user, body })
    const brief = (changes: Change[]) =>
      changes.map(({ task, id, deleted }) => (deleted ? `- ${id}` : task?.title))

    it('200 with no change and a token where there are no tasks', async () => {
      const { status, json } = await feed('nobody')
      assert.deepEqual([status, json.changes, json.more], [200, [], false])
      const next = await feed('nobody', `?since=${json.token}`)
      assert.deepEqual([next.status, next.json.changes], [200, []])
    })

    it('without since all tasks that are not deleted, then what changed, each task once', async () => {
      const [a, b, c] = [
        await create('ann', 'a'),
        await create('ann', 'b'),
        await create('ann', 'c'),
      ]
      await change('ann', 'DELETE', b.id)
      const first = (await feed('ann')).json
      assert.deepEqual(brief(first.changes), ['a', 'c'])
      assert.deepEqual(first.changes[1].task, (await change('ann', 'GET', c.id)).json)
      await change('ann', 'PUT', a.id, { title: 'a1' })
      await change('ann', 'PUT', a.id, { title: 'a2' })
      await change('ann', 'PUT', a.id, { title: 'a2' })
      const d = await create('ann', 'd')
      await change('ann', 'DELETE', c.id)
      await test.send('POST', `/api/ann/tasks/trash/${b.id}/restore`, { as: 'ann' })
      const second = (await feed('ann', `?since=${first.token}`)).json
      assert.deepEqual(brief(second.changes), ['a2', 'd', `- ${c.id}`, 'b'])
      const [, , deleted] = second.changes
      assert.deepEqual(Object.keys(deleted), ['type', 'id', 'deleted', 'deleted_at'])
      assert.equal(deleted.type, 'task')
      assert.match(deleted.deleted_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.deepEqual((await feed('ann', `?since=${second.token}`)).json.changes, [])
      // The same token again: the same changes.
      await change('ann', 'DELETE', d.id)
      const again = (await feed('ann', `?since=${first.token}`)).json
      assert.deepEqual(brief(again.changes), ['a2', `- ${c.id}`, 'b', `- ${d.id}`])
    })

    it('a deletion permanently is no further change', async () => {
      const { id } = await create('bea', 'x')
      await change('bea', 'DELETE', id)
      const { token } = (await feed('bea')).json
      await test.send('DELETE', `/api/bea/tasks/trash/${id}`, { as: 'bea' })
      assert.deepEqual((await feed('bea', `?since=${token}`)).json.changes, [])
    })

    it('pages by limit, which together have every change', async () => {
      const { token } = (await feed('cy')).json
      const titles = Array.from({ length: 7 }, (_, n) => `task ${n}`)
      for (const title of titles) await create('cy', title)
      for (const begin of ['', `since=${token}&`]) {
        const found: (string | undefined)[] = []
        for (let query = `?${begin}limit=3`; query; ) {
          const { json } = await feed('cy', query)
          assert.ok(json.changes.length <= 3)
          found.push(...brief(json.changes))
          query = json.more ? `?since=${json.token}&limit=3` : ''
        }
        assert.deepEqual(found, titles)
      }
    })

    it('a page ends early where the texts are long, and the next one continues', async () => {
      const description = 'é'.repeat(16_000)
      for (let n = 0; n < 12; n += 1) {
        await test.send('POST', '/api/dan/tasks', {
          as: 'dan',
          body: { title: `t${n}`, description },
        })
      }
      const first = (await feed('dan')).json
      assert.ok(first.more && first.changes.length < 12 && first.changes.length > 0)
      const rest = (await feed('dan', `?since=${first.token}`)).json
      assert.equal(first.changes.length + rest.changes.length, 12)
    })

    it('without since, deleted tasks cost a bounded number of rows and hide no task', async () => {
      await test.admin(`insert into todo.users (id, seq) values ('eve', 1202)`)
      await test.admin(
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq, deleted_at)
         select 'eve', gen_random_uuid(), n, false, now(), now(), n, case when n not in (1, 700, 1202) then now() end
         from generate_series(1, 1202) n`,
      )
      const found: (string | undefined)[] = []
      let pages = 0
      for (let query = '?limit=2'; query; pages += 1) {
        const { json } = await feed('eve', query)
        found.push(...brief(json.changes).filter((text) => !text?.startsWith('-')))
        query = json.more ? `?limit=1000&since=${json.token}` : ''
      }
      assert.deepEqual(found, ['1', '700', '1202'])
      assert.ok(pages > 1)
    })

    it('410 for a token that is too old, of another epoch, or ahead of the feed', async () => {
      await create('fay', 'x')
      const { token } = (await feed('fay')).json
      const position = readToken(token)
      const days = 24 * 60
      for (const [expected, changed] of [
        [200, {}],
        [200, { minute: position.minute - 30 * days + 5 }],
        [410, { minute: position.minute - 30 * days - 5 }],
        [410, { epoch: position.epoch ^ 1 }],
        [410, { seq: String(BigInt(position.seq) + 1n) }],
      ] as const) {
        const other = writeToken({ ...position, ...changed })
        const { status, json } = await feed('fay', `?since=${other}`)
        assert.equal(status, expected, JSON.stringify(changed))
        if (status === 410) assert.equal(json.error, 'sync_expired')
      }
    })

    it('a token before the end of the feed is good no longer than the one it continues', async () => {
      for (const title of ['a', 'b', 'c']) await create('ivan', title)
      const { token } = (await feed('ivan')).json
      const position = readToken(token)
      const minute = position.minute - 29 * 24 * 60
      const old = writeToken({ ...position, seq: '0', minute })
      const page = (await feed('ivan', `?since=${old}&limit=2`)).json
      assert.deepEqual([page.more, readToken(page.token).minute], [true, minute])
      const last = (await feed('ivan', `?since=${page.token}&limit=2`)).json
      assert.equal(last.more, false)
      assert.ok(readToken(last.token).minute >= position.minute)
    })

    it('422 for a since that is no token, a wrong limit and an unknown parameter', async () => {
      const { token } = (await feed('fay')).json
      for (const query of [
        ...['?since=', '?since=x', `?since=${token}&since=${token}`, `?since=${token}x`],
        ...[`?since=B${token.slice(1)}`, `?since=${token.slice(0, -1)}B`],
        ...['?limit=0', '?limit=1001', '?limit=x', '?completed=true'],
      ]) {
        assert.equal((await feed('fay', query)).status, 422, query)
      }
    })

    it('another user’s token shows the own changes only', async () => {
      await create('gus', 'his')
      const { token } = (await feed('gus')).json
      await create('hal', 'first')
      await create('hal', 'second')
      const { json } = await feed('hal', `?since=${token}`)
      assert.deepEqual(brief(json.changes), ['second'])
      const foreign = await test.send('GET', '/api/gus/tasks/changes', { as: 'hal' })
      assert.equal(foreign.status, 403)
    })

    it('405 for other methods', async () => {
      const { status, headers } = await test.send('DELETE', '/api/gus/tasks/changes', { as: 'gus' })
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD, OPTIONS'])
    })
  })
}
