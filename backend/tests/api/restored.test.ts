import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { backUp } from '../../src/database/backup/backup-file.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { auth, BEHIND_PROXY, type Person, signIn, signUp } from '../support/accounts.ts'
import { exchange, serve, startApp } from '../support/app.ts'
import { emptyTarget, quiet, restoreBackup } from '../support/backups.ts'
import { KINDS, testFolder } from '../support/databases.ts'

const DAILY = { rule: 'FREQ=DAILY', from: 'due' }
const ADDRESSES = ['ann@example.com', 'ben@example.com'] as const

for (const kind of KINDS) {
  describe(`a restored database on ${kind}`, () => {
    let original: Awaited<ReturnType<typeof startApp>>
    let restored: Awaited<ReturnType<typeof serve>>
    let ann: Person
    let ben: Person
    let annAgain: string
    /** The list, the trash and the position of the feed on the original server. */
    let list: unknown
    let trash: unknown
    let position: string
    let series: { id: string; series_id: string }

    const call = (
      server: { port: number },
      token: string,
      method: string,
      path: string,
      body?: object,
    ) =>
      exchange(server.port, method, `/api/me${path}`, {
        headers: { authorization: `Bearer ${token}` },
        ...(body && { body }),
      })
    const session = async (server: { port: number }, email: string): Promise<string> =>
      (await signIn(server, email)).json.token
    const tokenOf = async (server: { port: number }, email: string): Promise<string> =>
      (await auth(server, 'GET', '/token', { session: await session(server, email) })).json.token

    before(async () => {
      original = await startApp(kind, BEHIND_PROXY)
      ann = await signUp(original, ADDRESSES[0])
      ben = await signUp(original, ADDRESSES[1])
      const ask = (method: string, path: string, body?: object) =>
        call(original, ann.token, method, path, body)
      const parent = await ask('POST', '/tasks', {
        title: 'parent',
        tags: ['a "b"'],
        priority: 'high',
      })
      await ask('POST', '/tasks', { title: 'child', parent_id: parent.json.id })
      const gone = await ask('POST', '/tasks', { title: 'gone' })
      await ask('DELETE', `/tasks/${gone.json.id}`)
      const first = await ask('POST', '/tasks', {
        title: 'water',
        due_date: '2100-12-01',
        recurrence: DAILY,
      })
      await ask('PATCH', `/tasks/${first.json.id}`, { completed: true })
      series = first.json
      list = (await ask('GET', '/tasks')).json
      trash = (await ask('GET', '/tasks/trash')).json
      position = (await ask('GET', '/tasks/changes')).json.token
      await call(original, ben.token, 'POST', '/tasks', { title: "Ben's" })
      await original.admin(`update todo_auth."user" set disabled_at = now() where id = $1`, [
        ben.id,
      ])
      const file = join(await testFolder(), 'a.backup')
      await backUp(original.test.connector, file, quiet)
      const connector = await emptyTarget(kind)
      await restoreBackup(connector, file, quiet)
      restored = await serve(new PipelinedPool(connector), BEHIND_PROXY, { connector })
      annAgain = await tokenOf(restored, ADDRESSES[0])
    })
    after(async () => {
      await restored.close()
      await original.close()
    })

    it('401 for every token and session from before, also of a disabled account', async () => {
      for (const { token, session } of [ann, ben]) {
        const { status, json } = await call(restored, token, 'GET', '/tasks')
        assert.deepEqual([status, json.detail], [401, 'The token has been revoked'])
        assert.equal((await auth(restored, 'GET', '/get-session', { session })).json, null)
        assert.equal((await auth(restored, 'GET', '/token', { session })).status, 401)
      }
    })

    it('403 for the sign-in of an account that was disabled', async () => {
      assert.equal((await signIn(restored, ADDRESSES[1])).status, 403)
    })

    it('200 with the same list and the same trash for a token of a new sign-in', async () => {
      assert.deepEqual((await call(restored, annAgain, 'GET', '/tasks')).json, list)
      assert.deepEqual((await call(restored, annAgain, 'GET', '/tasks/trash')).json, trash)
    })

    it('410 for a position of the feed from before, before and after new changes', async () => {
      const read = () => call(restored, annAgain, 'GET', `/tasks/changes?since=${position}`)
      assert.equal((await read()).status, 410)
      for (const title of ['one', 'two', 'three']) {
        assert.equal((await call(restored, annAgain, 'POST', '/tasks', { title })).status, 201)
      }
      assert.equal((await read()).status, 410)
    })

    it('the recurrence series continues after its last occurrence', async () => {
      const open = async () =>
        (await call(restored, annAgain, 'GET', '/tasks')).json.filter(
          (task: { series_id: string | null; completed: boolean }) =>
            task.series_id === series.series_id && !task.completed,
        )
      const [next] = await open()
      assert.equal(next.due_date, '2100-12-02')
      await call(restored, annAgain, 'PATCH', `/tasks/${next.id}`, { completed: true })
      assert.deepEqual(
        (await open()).map(({ due_date }: { due_date: string }) => due_date),
        ['2100-12-03'],
      )
    })
  })
}
