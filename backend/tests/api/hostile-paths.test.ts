import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ErrorCode } from '../../src/core/errors.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { assertProblem } from '../support/problem.ts'
import { type RawAnswer, type RawRequest, sendRaw, WORK_LIMIT_MS } from '../support/raw-request.ts'

const MARKER = 'what only alice may read'

const CODES: Record<number, ErrorCode> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'user_id_mismatch',
  404: 'not_found',
  405: 'method_not_allowed',
  422: 'validation_error',
  431: 'headers_too_large',
}

const encoded = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
const user = (id: string) => `/api/${encodeURIComponent(id)}/tasks`
const fullWidth = (text: string) =>
  text.replace(/[!-~]/g, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0))

/** Names that look like alice, or that some comparison takes for alice. */
const LOOKALIKES = [
  ...['ALICE', 'Alice', 'alicE', 'al\u0131ce', 'AL\u0130CE', 'al\u0456ce', '\u0430lice'],
  ...[
    fullWidth('alice'),
    'alice\u200b',
    '\ufeffalice',
    'ali\u00adce',
    'alice\u0301',
    '\u202ealice',
  ],
  ...[
    ' alice',
    'alice ',
    'alice\u00a0',
    'alice\t',
    'alice\r\nX: y',
    'alice\n',
    'alice\0',
    '\0alice',
  ],
  ...['alice/', '/alice', 'alice/tasks', '../alice', './alice', 'alice\\', 'alice.', 'alice;x=1'],
  ...[
    'alice,bob',
    'alice&bob',
    'alice%',
    '%61lice',
    encoded('alice'),
    '"alice"',
    "'alice'",
    'alice*',
  ],
  ...[
    '*',
    '%',
    '_',
    '_lice',
    'alic_',
    'a%',
    '.*',
    ':user_id',
    '{user_id}',
    'Me',
    'm\u0435',
    'me%',
    'null',
    'undefined',
  ],
  ...['alice@example.com', 'alice?', 'alice#', '[alice]', "alice' or '1'='1", 'a'.repeat(255)],
  ...['a'.repeat(256), '𝄞'.repeat(255)],
]

/** A target, and what alice and bob get for it; `:id` is a task of alice. */
const TARGETS: [target: string, alice: number, bob?: number][] = [
  // As it is to be written, and what decodes to that.
  ['/api/alice/tasks', 200, 403],
  ['/api/alice/tasks/:id', 200, 403],
  ['/api/%61lice/tasks', 200, 403],
  [`/api/${encoded('alice')}/tasks/:id`, 200, 403],
  ['/api/alice/tasks/:encoded', 200, 403],
  ['/api/alice/tasks?', 200, 403],
  ['/api/alice/tasks?&&&', 200, 403],

  // Another case, other encodings of what is fixed, and encodings of encodings.
  ['/API/alice/tasks', 404],
  ['/Api/alice/tasks', 404],
  ['/api/alice/TASKS/:id', 404],
  ['/api/alice/tasks/:ID', 200, 403],
  ['/%61pi/alice/tasks', 404],
  ['/api/alice/%74asks', 404],
  ['/api/alice/tasks/:id/%63omplete', 404],
  [`/${encoded('api')}/${encoded('alice')}/${encoded('tasks')}`, 404],
  ['/api%2falice%2ftasks', 404],
  ['/api/alice%2ftasks', 404],
  ['/api/alice/tasks%2f:id', 404],
  ['/api/alice/tasks%3fcompleted=true', 404],
  ['/api/alice/tasks%23', 404],
  ['/api/alice/tasks/:id%2f', 404, 403],
  ['/api/alice/tasks/:id%2fcomplete', 404, 403],
  ['/api/alice/tasks/%2f:id', 404, 403],
  ['/api/alice/tasks/%253a:id', 404, 403],
  ['/api/%2561lice/tasks', 403],
  ['/api/%252561lice/tasks', 403],
  ['/api/alice%252ftasks/tasks', 403],

  // Dot segments, which nothing here resolves.
  ['/api/bob/../alice/tasks', 404],
  ['/api/alice/../bob/tasks', 404],
  ['/api/./alice/tasks', 404],
  ['/./api/alice/tasks', 404],
  ['/../api/alice/tasks', 404],
  ['/api/alice/tasks/.', 404],
  ['/api/alice/tasks/..', 404],
  ['/api/alice/tasks/./:id', 404],
  ['/api/bob/tasks/../../alice/tasks', 404],
  ['/api/bob/tasks/../../alice/tasks/:id', 404],
  ['/api/bob/%2e%2e/alice/tasks', 404],
  ['/api/bob/tasks/%2e%2e/%2e%2e/alice/tasks', 404],
  ['/api/%2e/alice/tasks', 404],
  ['/api/bob/..;/alice/tasks', 404],
  ['/api/bob/..%5calice/tasks', 404],
  ['/api/%2e%2e/tasks', 403],
  ['/api/.%2e/tasks', 403],
  ['/api/..%2falice/tasks', 403],
  ['/api/..%252falice/tasks', 403],
  ['/api/bob%2f..%2falice/tasks', 403],
  ['/api/alice/tasks/%2e%2e', 404, 403],
  ['/api/bob/tasks/..%2f..%2falice%2ftasks', 403, 404],
  ['/api/bob/tasks/..%2f..%2falice%2ftasks%2f:id', 403, 404],
  ['/health/../api/alice/tasks', 404],
  ['/docs/static/../../api/alice/tasks', 404],
  ['/docs/static/..%2f..%2fapi%2falice%2ftasks', 404],
  ['/docs/static/./index.css', 404],
  ['/docs/static//index.css', 404],
  ['/docs/static/', 404],
  ['/docs/static/%2e%2e/%2e%2e/%2e%2e/package.json', 404],
  ['/docs/static/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd', 404],
  ['/docs/static/%00', 404],
  ['/docs/static/..%5c..%5cpackage.json', 404],

  // U+0000, what is no UTF-8, and what is no percent-encoding.
  ['/api/alice%00/tasks', 403],
  ['/api/%00alice/tasks', 403],
  ['/api/bob%00alice/tasks', 403],
  ['/api/alice/tasks%00', 404],
  ['/api/alice/tasks/:id%00', 404, 403],
  ['/api/alice/tasks/%00:id', 404, 403],
  ['/api/%c0%afalice/tasks', 400],
  ['/api/%c1%a1lice/tasks', 400],
  ['/api/%e0%81%a1lice/tasks', 400],
  ['/api/%f0%80%81%a1lice/tasks', 400],
  ['/api/%c0%80alice/tasks', 400],
  ['/api/%ed%a0%80/tasks', 400],
  ['/api/%ed%a0%bd%ed%b8%80/tasks', 400],
  ['/api/%f4%90%80%80/tasks', 400],
  ['/api/%ff/tasks', 400],
  ['/api/%c3/tasks', 400],
  ['/api/alice/tasks/%c0%af', 400],
  ['/api/alice/tasks/:id%ff', 400],
  ['/api/%u0061lice/tasks', 400],
  ['/api/%6/tasks', 400],
  ['/api/%%36%31lice/tasks', 400],
  ['/api/%g1lice/tasks', 400],
  ['/%', 400],
  ['/%c0%af', 400],

  // Other forms of a target (RFC 9112 §3.2).
  ['http://localhost/api/alice/tasks', 200, 403],
  ['HTTP://LOCALHOST:1/api/alice/tasks', 200, 403],
  ['https://evil.example/api/alice/tasks/:id', 200, 403],
  ['http://bob@evil.example/api/alice/tasks', 200, 403],
  ['http://alice:x@localhost/api/bob/tasks', 403, 200],
  ['http://[::1]/api/alice/tasks', 200, 403],
  ['http://localhost', 200, 200],
  ['http://localhost/', 200, 200],
  ['http://localhost?/api/alice/tasks', 200, 200],
  ['http://localhost//api/alice/tasks', 404],
  ['http://localhost/api/bob/../alice/tasks', 404],
  ['http://localhost/http://localhost/api/alice/tasks', 404],
  ['ftp://localhost/api/alice/tasks', 404],
  ['file:///api/alice/tasks', 404],
  ['http:///api/alice/tasks', 400],
  ['http:/api/alice/tasks', 400],
  ['http:api/alice/tasks', 400],
  ['localhost:8000', 400],
  ['localhost:8000/api/alice/tasks', 400],
  ['api/alice/tasks', 400],
  ['*', 404],

  // Slashes, backslashes and parameters.
  ['/api/alice/tasks/', 404],
  ['/api/alice/tasks//', 404],
  ['/api/alice/tasks/:id/', 404],
  ['/api/alice/tasks//:id', 404],
  ['///api/alice/tasks', 404],
  ['//evil.example/api/alice/tasks', 404],
  ['/api///alice/tasks', 404],
  ['/api//tasks', 404],
  ['/%2fapi/alice/tasks', 404],
  ['/api\\alice\\tasks', 404],
  ['/api/alice\\/tasks', 404],
  ['/api/bob\\..\\alice/tasks', 404],
  ['/api/alice/tasks\\:id', 404],
  ['\\api\\alice\\tasks', 400],
  ['/api/alice/tasks;x=1', 404],
  ['/api;x=1/alice/tasks', 404],
  ['/;/api/alice/tasks', 404],
  ['/api/alice;x=1/tasks', 403],
  ['/api/alice/tasks/:id;x=1', 404, 403],
  [';/api/alice/tasks', 400],

  // Query and fragment where they do not belong.
  ['/api/alice/tasks??', 422, 403],
  ['/api/alice/tasks?/../../bob/tasks', 422, 403],
  ['/api/bob/tasks?/../../alice/tasks', 403, 422],
  ['/api/bob/tasks?user_id=alice', 403, 422],
  ['/api/bob/tasks?_method=DELETE', 403, 422],
  ['/api/alice/tasks?completed=true%00', 422, 403],
  ['/api/alice/tasks?%c0%af=1', 400, 403],
  ['/api/alice/tasks/:id?/complete', 422, 403],
  ['/api?/alice/tasks', 404],
  ['/?/api/alice/tasks', 200, 200],
  ['/api/alice/tasks#', 400],
  ['/api/alice/tasks#completed=true', 400],
  ['/api/alice/tasks?limit=1#x', 400],
  ['/api/bob/tasks#/../../alice/tasks', 400],
  ['/#/api/alice/tasks', 400],
  ['#', 400],
  ['?', 400],

  // Bytes that no target has.
  ['/api/alice\t/tasks', 400],
  ['/api/al ice/tasks', 400],
  ['/api/alice\0/tasks', 400],
  ['/api/alice\x7f/tasks', 400],
  ['/api/alice\r/tasks', 400],
  ['/api/é/tasks', 400],

  // Ids that are none.
  ['/api/alice/tasks/00000000-0000-0000-0000-000000000000', 404, 403],
  ['/api/alice/tasks/ffffffff-ffff-ffff-ffff-ffffffffffff', 404, 403],
  ['/api/alice/tasks/:id.json', 404, 403],
  ['/api/alice/tasks/:id,:id', 404, 403],
  ['/api/alice/tasks/urn:uuid::id', 404, 403],
  ['/api/alice/tasks/%7b:id%7d', 404, 403],
  ['/api/alice/tasks/%20:id', 404, 403],
  ['/api/alice/tasks/:id%0a', 404, 403],
  ['/api/alice/tasks/:id%27%20or%201=1%20--', 404, 403],
  ['/api/alice/tasks/:full-width', 404, 403],
  ['/api/alice/tasks/null', 404, 403],
  ['/api/alice/tasks/-1', 404, 403],

  // Long ones.
  [`/api/alice/tasks/${'0'.repeat(255)}`, 404, 403],
  [`/api/alice/tasks/${'0'.repeat(3_000)}`, 404, 403],
  [`/api/alice/tasks/${'0'.repeat(8_192)}`, 404],
  [`/api/${'a'.repeat(8_192)}/tasks`, 404],
  [`/api/${'%00'.repeat(2_700)}/tasks`, 403],
  [`/${'x/'.repeat(4_096)}`, 404],
  ['/'.repeat(8_192), 404],
  [`/api/${'../'.repeat(2_700)}alice/tasks`, 404],
  [`/api/${'%2e%2e%2f'.repeat(800)}alice/tasks`, 403],
  [`/${'%61'.repeat(2_700)}`, 404],
  [`/api/alice/tasks?${Array.from({ length: 2_500 }, (_, n) => `p${n}`).join('&')}`, 422, 403],
  [`/api/alice/tasks?${'limit=1&'.repeat(1_500)}`, 422, 403],
  [`/api/alice/tasks?${'&'.repeat(8_192)}`, 200, 403],
  [`/api/alice/tasks?${'='.repeat(8_192)}`, 422, 403],
  [`/api/alice/tasks?${'%41'.repeat(2_700)}`, 422, 403],
  [`/api/alice/tasks?cursor=${'A'.repeat(8_192)}`, 422, 403],
  ['/api/alice/tasks?__proto__=1&constructor=1&toString=1', 422, 403],
  [`/api/alice/tasks?${'x'.repeat(17_000)}`, 431],
  [`/${'x'.repeat(17_000)}`, 431],
]

/** Headers by which something in front of a server may tell another path, method or user. */
const OVERRIDES = [
  ...['X-Original-URL', 'X-Rewrite-URL', 'X-Original-URI', 'X-Forwarded-URI', 'X-Forwarded-Path'],
  ...['X-Forwarded-Prefix', 'X-Envoy-Original-Path', 'X-Accel-Redirect', 'Destination', 'Referer'],
].map((name) => `${name}: /api/alice/tasks`)
const METHODS = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', '_method'].map(
  (name) => `${name}: DELETE`,
)
const IDENTITIES = [
  ...['X-User-Id', 'X-User', 'X-Forwarded-User', 'X-Remote-User', 'Remote-User', 'X-Auth-User'].map(
    (name) => `${name}: alice`,
  ),
  ...['X-Forwarded-Host: alice', 'X-Forwarded-Proto: https', 'X-Forwarded-For: 127.0.0.1'],
  ...['Forwarded: for=127.0.0.1;host=alice;proto=https', 'X-Forwarded-Email: alice', 'From: alice'],
]

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
      const rows = await test.admin('select user_id, title, completed from todo.tasks order by 1')
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
      const names = [
        ...['\u00e9', 'e\u0301', '\u00c5', '\u212b', '\ufb01', 'fi', 'k', '\u212a', '\uff4b'],
        ...['i', '\u0131', '\u0130', 'i\u0307', '\u00df', 'ss'],
        ...['api', 'auth', 'tasks', 'constructor'],
      ]
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
        for (const owner of names.filter((name) => name !== asking)) {
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
