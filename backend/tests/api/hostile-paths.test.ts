import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import {
  CODES,
  encoded,
  fullWidth,
  IDENTITIES,
  LOOKALIKES,
  MARKER,
  METHODS,
  OVERRIDES,
  TARGETS,
  user,
} from '../support/hostile-paths.ts'
import { assertProblem } from '../support/problem.ts'
import { type RawAnswer, type RawRequest, sendRaw, WORK_LIMIT_MS } from '../support/raw-request.ts'

for (const kind of KINDS) {
  describe(`paths of hostile clients on ${kind}`, () => {
    let test: TestApp
    let id: string
    const tokens: Record<string, string> = {}
    before(async () => {
      // Where forwarded headers are believed, they tell an address and nothing else.
      test = await startApp(kind, { TRUST_PROXY: 'loopback' })
      const body = { title: MARKER, description: MARKER }
      id = (await test.send('POST', '/api/alice/tasks', { body })).json.id
      await test.send('POST', '/api/bob/tasks', { body: { title: 'of bob' } })
      for (const name of ['alice', 'bob']) tokens[name] = await test.token(name)
    })
    after(() => test.close())

    const spelled = (target: string) =>
      target
        .replaceAll(':id', id)
        .replace(':ID', id.toUpperCase())
        .replace(':encoded', encoded(id))
        .replace(':full-width', encodeURIComponent(fullWidth(id)))

    /** Sends as somebody, and nothing of alice comes back unless it is alice who asks. */
    async function send(as: string, request: RawRequest): Promise<RawAnswer> {
      const headers = [`Authorization: Bearer ${tokens[as]}`, ...(request.headers ?? [])]
      const answer = await sendRaw(test.port, { ...request, headers })
      const what = `${as}: ${request.method ?? 'GET'} ${request.target.slice(0, 80)}`
      assert.ok(answer.workMs < WORK_LIMIT_MS, `${what} took too long`)
      if (as !== 'alice') {
        for (const foreign of [MARKER, id]) assert.ok(!answer.bytes.includes(foreign), what)
      }
      return answer
    }

    /** An answer that was asked for, or a problem of the client; never of the server. */
    function assertForm(answer: RawAnswer, what: string): void {
      const code = CODES[answer.status]
      if (code !== undefined) assertProblem(answer, code, what)
      else assert.ok([200, 201].includes(answer.status), `${what}: ${answer.status}`)
    }

    const unchanged = async () => {
      const rows = await test.admin(
        'select user_id, title, completed from todo.tasks where deleted_at is null order by 1',
      )
      assert.deepEqual(rows, [
        { user_id: 'alice', title: MARKER, completed: false },
        { user_id: 'bob', title: 'of bob', completed: false },
      ])
    }

    it('each spelling of a path has its one status, for its owner and for others', async () => {
      const wrong: string[] = []
      for (const [target, alice, bob = alice] of TARGETS) {
        for (const [as, status] of [
          ['alice', alice],
          ['bob', bob],
        ] as const) {
          const answer = await send(as, { target: spelled(target) })
          const what = `${as}: ${target.slice(0, 80)}`
          if (answer.status !== status) wrong.push(`${what}: ${answer.status}, not ${status}`)
          assertForm(answer, what)
          const readsTasks = as === 'alice' && status === 200 && /alice|%6c/.test(target)
          if (readsTasks && !target.includes('?/')) assert.ok(answer.text.includes(MARKER), what)
        }
      }
      assert.deepEqual(wrong, [])
    })

    it('no spelling changes a task of somebody else', async () => {
      for (const [target, , status = 404] of TARGETS) {
        for (const method of ['DELETE', 'PATCH', 'PUT', 'POST']) {
          const body = method === 'DELETE' || method === 'PATCH' ? undefined : '{"title":"taken"}'
          const headers = body === undefined ? [] : ['Content-Type: application/json']
          // Bob's own list takes a POST, and that is all that any of these may do.
          if (status === 200 && method === 'POST') continue
          const request = { method, target: spelled(target), headers, ...(body && { body }) }
          const answer = await send('bob', request)
          assertForm(answer, `${method} ${target.slice(0, 80)}`)
          assert.ok(answer.status >= 400, `${method} ${target}`)
        }
      }
      await unchanged()
    })

    it('403 for every name that is not alice to the letter', async () => {
      for (const name of LOOKALIKES) {
        const answer = await send('alice', { target: user(name) })
        assertProblem(answer, 'user_id_mismatch', name)
      }
    })

    it('the forms of one name in Unicode are so many users, and names of paths are names', async () => {
      const forms = [
        ...[
          ['\u00e9', 'e\u0301'],
          ['\u00c5', '\u212b'],
          ['\ufb01', 'fi'],
        ],
        ...[
          ['k', '\u212a', '\uff4b'],
          ['i', '\u0131', '\u0130', 'i\u0307'],
          ['\u00df', 'ss'],
        ],
        ['api', 'auth', 'tasks', 'constructor'],
      ]
      const names = forms.flat()
      const ids = new Map<string, string>()
      for (const name of names) {
        tokens[name] = await test.token(name)
        const headers = ['Content-Type: application/json']
        const body = JSON.stringify({ title: `of ${name}` })
        const made = await send(name, { method: 'POST', target: user(name), headers, body })
        assert.equal(made.status, 201, name)
        ids.set(name, made.json.id)
      }
      for (const asking of names) {
        const own = await send(asking, { target: user(asking) })
        assert.deepEqual(
          own.json.map(({ title }: { title: string }) => title),
          [`of ${asking}`],
        )
        const alike = forms.find((some) => some.includes(asking)) ?? []
        for (const owner of alike.filter((name) => name !== asking)) {
          assertProblem(await send(asking, { target: user(owner) }), 'user_id_mismatch', owner)
          const target = `${user(asking)}/${ids.get(owner)}`
          assertProblem(await send(asking, { target }), 'not_found', owner)
        }
      }
      for (const name of names) {
        const target = `${user(name)}/${ids.get(name)}`
        assert.equal((await send(name, { method: 'DELETE', target })).status, 204)
      }
    })

    it('no header names another path, method or user', async () => {
      const own = (await send('bob', { target: '/api/bob/tasks' })).json
      assert.equal(own.length, 1)
      const [{ id: ownId }] = own
      for (const line of [...OVERRIDES, ...METHODS, ...IDENTITIES]) {
        const headers = [line]
        const list = await send('bob', { target: '/api/bob/tasks', headers })
        assert.deepEqual([list.status, list.json], [200, own], line)
        const one = await send('bob', { target: `/api/bob/tasks/${ownId}`, headers })
        assert.equal(one.status, 200, line)
        assertProblem(
          await send('bob', { target: '/api/alice/tasks', headers }),
          'user_id_mismatch',
          line,
        )
        const post = { method: 'POST', target: `/api/bob/tasks/${ownId}`, headers }
        assertProblem(await send('bob', post), 'method_not_allowed', line)
        const nobody = await sendRaw(test.port, { target: '/api/alice/tasks', headers })
        assertProblem(nobody, 'unauthorized', line)
        const json = [...headers, 'Content-Type: application/json']
        const body = '{"title":"x"}'
        const made = await send('bob', {
          method: 'POST',
          target: '/api/bob/tasks',
          headers: json,
          body,
        })
        assert.equal(made.status, 201, line)
        assert.equal(made.headers.location, `/api/bob/tasks/${made.json.id}`, line)
        const target = made.headers.location ?? ''
        assert.equal((await send('bob', { method: 'DELETE', target })).status, 204)
      }
      await unchanged()
    })

    it('conditions of 14 KB are read like any other', async () => {
      const target = `/api/alice/tasks/${id}`
      const { updated_at } = (await send('alice', { target })).json
      const stale = '"2020-01-01T00:00:00.000Z", '.repeat(500)
      for (const tags of [stale, '"'.repeat(14_000), 'W/"'.repeat(4_600), '*,'.repeat(7_000)]) {
        const headers = [`If-Match: ${tags}`]
        const answer = await send('alice', { method: 'DELETE', target, headers })
        assertProblem(answer, 'precondition_failed', tags.slice(0, 9))
        const unmatched = [`If-None-Match: ${tags}`]
        assert.equal((await send('alice', { target, headers: unmatched })).status, 200)
      }
      const headers = [`If-None-Match: ${stale}"${updated_at}"`]
      assert.equal((await send('alice', { target, headers })).status, 304)
      await unchanged()
    })

    it('400 for CONNECT, in the form of all errors, and it goes on', async () => {
      for (const target of ['alice:443', '/api/alice/tasks', 'http://localhost/', '*']) {
        assertProblem(await send('bob', { method: 'CONNECT', target }), 'bad_request', target)
      }
      assert.equal((await send('alice', { target: '/api/alice/tasks' })).status, 200)
    })
  })
}
