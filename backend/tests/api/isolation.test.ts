import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { encodeSegment } from '../../src/http/protocol/paths.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { anyCharacter } from '../support/characters.ts'
import { KINDS } from '../support/databases.ts'

/** Every endpoint, with a task id in its place and a body that would do. */
const ENDPOINTS = [
  { method: 'GET', at: '' },
  { method: 'POST', at: '', body: { title: 'planted' } },
  { method: 'GET', at: '/:id' },
  { method: 'PUT', at: '/:id', body: { title: 'taken' } },
  { method: 'PATCH', at: '/:id', body: { title: 'taken' } },
  { method: 'DELETE', at: '/:id' },
  { method: 'PATCH', at: '/:id/complete' },
  { method: 'POST', at: '/:id/move', body: { to: 'top' } },
  {
    method: 'POST',
    at: '/batch',
    body: { operations: [{ op: 'create', task: { title: 'planted' } }] },
  },
  { method: 'GET', at: '/trash' },
  { method: 'DELETE', at: '/trash' },
  { method: 'GET', at: '/trash/:id' },
  { method: 'DELETE', at: '/trash/:id' },
  { method: 'POST', at: '/trash/:id/restore' },
  { method: 'GET', at: '/changes' },
  { method: 'GET', at: '/tags' },
  { method: 'GET', at: '/summary?today=2026-12-01' },
] as const
const ON_A_TASK = ENDPOINTS.filter(({ at }) => at.includes(':id'))
const MISSING = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'

for (const kind of KINDS) {
  describe(`isolation on ${kind}`, () => {
    let test: TestApp
    let task: { id: string; updated_at: string }
    before(async () => {
      test = await startApp(kind)
      const body = { title: 'Alice’s secret', description: 'nobody else’s' }
      task = (await test.send('POST', '/api/alice/tasks', { body })).json
    })
    after(() => test.close())

    const unchanged = async () => {
      const rows = await test.admin(
        'select user_id, title, completed from todo.tasks where deleted_at is null',
      )
      assert.deepEqual(rows, [{ user_id: 'alice', title: 'Alice’s secret', completed: false }])
    }

    for (const { method, at, ...sending } of ENDPOINTS) {
      const name = `${method} /api/{user_id}/tasks${at}`
      const path = (user: string) => `/api/${user}/tasks${at.replace(':id', task.id)}`

      it(`401 for ${name} without a token`, async () => {
        const answer = await test.send(method, path('alice'), { as: null, ...sending })
        assert.equal(answer.status, 401)
        assert.ok(!answer.text.includes('secret'))
        await unchanged()
      })

      it(`403 for ${name} with another user's valid token`, async () => {
        for (const user of ['bob', 'Alice', 'alice%20', 'alicea', 'alic']) {
          const as = decodeURIComponent(user)
          const answer = await test.send(method, path('alice'), { as, ...sending })
          assert.equal(answer.status, 403, user)
          assert.equal(answer.json.error, 'user_id_mismatch')
          assert.ok(!answer.text.includes('secret'))
        }
        await unchanged()
      })

      it(`401 for ${name} as \`me\` without a token`, async () => {
        const answer = await test.send(method, path('me'), { as: null, ...sending })
        assert.equal(answer.status, 401)
        await unchanged()
      })

      it(`403 for ${name} before the body or the task is looked at`, async () => {
        const broken = { as: 'bob', headers: { 'content-type': 'application/json' }, raw: '{' }
        assert.equal((await test.send(method, path('alice'), broken)).status, 403)
      })
    }

    for (const { method, at, ...sending } of ON_A_TASK) {
      it(`404 for another user's task by ${method} ${at}, byte for byte like a missing one`, async () => {
        const answers = []
        for (const id of [task.id, MISSING, task.id.toUpperCase(), MISSING.toUpperCase()]) {
          for (const match of [undefined, '*', `"${task.updated_at}"`, `W/"${task.updated_at}"`]) {
            const headers = { 'x-request-id': 'same', ...(match && { 'if-match': match }) }
            const path = `/api/bob/tasks${at.replace(':id', id)}`
            const answer = await test.send(method, path, { headers, ...sending })
            assert.equal(answer.status, 404)
            const { date: _date, ...rest } = answer.headers
            answers.push({ text: answer.text, headers: rest })
          }
        }
        for (const answer of answers) assert.deepEqual(answer, answers[0])
        await unchanged()
      })

      it(`404 for another user's task as \`me\` by ${method} ${at}`, async () => {
        for (const as of ['bob', 'me']) {
          const path = `/api/me/tasks${at.replace(':id', task.id)}`
          assert.equal((await test.send(method, path, { as, ...sending })).status, 404)
        }
        await unchanged()
      })

      it(`the owner is served by ${method} ${at}`, async () => {
        const own = (await test.send('POST', '/api/owner/tasks', { body: { title: 'own' } })).json
        if (at.startsWith('/trash')) await test.send('DELETE', `/api/owner/tasks/${own.id}`)
        const path = `/api/owner/tasks${at.replace(':id', own.id)}`
        const answer = await test.send(method, path, sending)
        assert.ok(answer.status === 200 || answer.status === 204)
        await test.send('DELETE', `/api/owner/tasks/${own.id}`)
      })
    }

    it('the ETag of another’s task opens nothing: 404 there, and the own task is told in full', async () => {
      const [alices] = (await test.send('GET', '/api/alice/tasks')).json
      const bobs = (await test.send('POST', '/api/bob/tasks', { body: { title: 'Bob’s' } })).json
      const { headers } = await test.send('GET', `/api/alice/tasks/${alices.id}`)
      const match = { headers: { 'if-none-match': String(headers.etag) } }
      assert.equal((await test.send('GET', `/api/alice/tasks/${alices.id}`, match)).status, 304)
      assert.equal((await test.send('GET', `/api/bob/tasks/${alices.id}`, match)).status, 404)
      assert.deepEqual((await test.send('GET', `/api/bob/tasks/${bobs.id}`, match)).json, bobs)
      await test.send('DELETE', `/api/bob/tasks/${bobs.id}`)
      await unchanged()
    })

    it('nobody lists what is another’s, by any filter', async () => {
      for (const query of ['', '?completed=false', '?limit=1000', '?completed=true&limit=1']) {
        assert.equal((await test.send('GET', `/api/bob/tasks${query}`)).text, '[]')
      }
      assert.equal((await test.send('GET', '/api/alice/tasks')).json.length, 1)
    })

    it('`me` is the user of the token, on every path and in the addresses of answers', async () => {
      for (const as of ['carol', 'me']) {
        const send = (method: string, path: string, body?: object) =>
          test.send(method, path, { as, body })
        const made = await send('POST', '/api/me/tasks', { title: 'of me', user_id: as })
        assert.deepEqual([made.status, made.json.user_id], [201, as])
        const at = `/api/me/tasks/${made.json.id}`
        assert.equal(made.headers.location, at)
        for (const path of [at, `/api/${as}/tasks/${made.json.id}`]) {
          assert.deepEqual((await send('GET', path)).json, made.json)
        }
        assert.equal((await send('PUT', at, { ...made.json, title: 'by PUT' })).status, 200)
        assert.equal((await send('PATCH', at, { title: 'by PATCH' })).status, 200)
        assert.equal((await send('PATCH', `${at}/complete`)).status, 200)
        const other = await send('POST', `/api/${as}/tasks`, { title: 'another' })
        assert.equal(other.headers.location, `/api/${as}/tasks/${other.json.id}`)
        const page = await send('GET', '/api/me/tasks?limit=1')
        const [, next = ''] = /^<(.+)>; rel="next"$/.exec(String(page.headers.link)) ?? []
        assert.match(next, /^\/api\/me\/tasks\?/)
        const [rest] = (await send('GET', next)).json
        assert.deepEqual([rest.id, rest.title, rest.completed], [made.json.id, 'by PATCH', true])
        assert.equal((await send('DELETE', at)).status, 204)
        assert.equal((await send('DELETE', `/api/me/tasks/${other.json.id}`)).status, 204)
        assert.equal((await send('GET', '/api/me/tasks')).text, '[]')
      }
      const body = { title: 'planted', user_id: 'me' }
      assert.equal((await test.send('POST', '/api/me/tasks', { as: 'bob', body })).status, 422)
      await unchanged()
    })

    it('a POST cannot name its owner, its times, or a malformed id', async () => {
      for (const member of ['user_id', 'id', 'created_at', 'updated_at']) {
        const body = { title: 'planted', [member]: 'alice' }
        const answer = await test.send('POST', '/api/bob/tasks', { body })
        assert.equal(answer.status, 422)
        const messages: Record<string, string> = {
          user_id: 'must be that of the path',
          id: 'must be a UUID, and not the nil UUID',
        }
        const message = messages[member] ?? 'is unknown'
        assert.deepEqual(answer.json.errors, [{ in: 'body', path: `/${member}`, message }])
      }
      await unchanged()
    })

    it('neither PUT nor PATCH can name another owner or id', async () => {
      const bobs = (await test.send('POST', '/api/bob/tasks', { body: { title: 'Bob’s' } })).json
      const path = `/api/bob/tasks/${bobs.id}`
      for (const method of ['PUT', 'PATCH']) {
        for (const members of [{ user_id: 'alice' }, { id: task.id }, { id: MISSING }]) {
          const answer = await test.send(method, path, { body: { title: 'taken', ...members } })
          const message = 'must be that of the path'
          assert.equal(answer.status, 422)
          assert.deepEqual(answer.json.errors, [
            { in: 'body', path: `/${Object.keys(members)}`, message },
          ])
        }
      }
      await test.send('DELETE', path)
      await unchanged()
    })

    it('any user id works when it is percent-encoded once, and only as that user', async () => {
      const userId = fc
        .oneof(
          fc.string({ unit: anyCharacter, minLength: 1, maxLength: 255 }),
          fc.constantFrom(
            'auth0|x/y',
            '.',
            '..',
            '%2F',
            '%252F',
            'a b+c',
            '𝄞'.repeat(255),
            '?#',
            '\\',
            'é',
            'e\u0301',
          ),
        )
        .filter((id) => !id.includes('\0') && id.isWellFormed() && [...id].length <= 255)
      await fc.assert(
        fc.asyncProperty(userId, async (id) => {
          const path = `/api/${encodeSegment(id)}/tasks`
          const made = await test.send('POST', path, { as: id, body: { title: 'x' } })
          assert.equal(made.status, 201)
          assert.equal(made.json.user_id, id)
          const found = await test.send('GET', String(made.headers.location), { as: id })
          assert.deepEqual(found.json, made.json)
          for (const task of (await test.send('GET', path, { as: id })).json)
            assert.equal(task.user_id, id)
          assert.equal(
            (await test.send('GET', path, { as: `${id}x`.slice(-255) || 'x' })).status,
            403,
          )
          await test.send('DELETE', String(made.headers.location), { as: id })
        }),
        { numRuns: 60 },
      )
    })
  })
}
