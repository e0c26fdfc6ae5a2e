import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ACCOUNT_OPERATIONS } from '../../src/api/accounts/operations.ts'
import { auth, BEHIND_PROXY, PASSWORD, type Person, signIn, signUp } from '../support/accounts.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { emptyPostgres, KINDS } from '../support/databases.ts'
import { startProxy } from '../support/proxy.ts'
import { startServer } from '../support/served.ts'

const PAGE = 'https://app.example.com'
const SIGN_UP = { name: 'x', email: 'refused@example.com', password: PASSWORD }

/** As a verification mail has it, but for the signature. */
const UNSIGNED = `a.${Buffer.from('{"email":"a@b.co","userId":"x","iat":1,"exp":1}').toString('base64url')}.c`

/** Each is a path to Better Auth, and some lead elsewhere once they are read. */
const PAGES = [
  ...['/..//evil.example', '/.//evil.example', '/a/..//evil.example/x', '/%2e%2e//evil.example'],
  ...[
    '/a//b',
    '/a/%2fb',
    '/%5cevil.example',
    '/\\evil.example',
    '/a/./b',
    '/a b',
    '//evil.example',
  ],
  ...['javascript:alert(1)', 'https:/evil.example', 'app://x', '', '/a\u0000'],
]

/** Our form, with Better Auth's own code beside where it was Better Auth that refused. */
function assertProblem(answer: Answer, statuses: number[], what: string): void {
  assert.ok(statuses.includes(answer.status), `${what}: ${answer.status} ${answer.text}`)
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, what)
  assert.equal(answer.json.status, answer.status, what)
  assert.equal(answer.json.request_id, answer.headers['x-request-id'], what)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.match(answer.json.code, /^[A-Z][A-Z0-9_]+$/, what)
  assert.ok(answer.json.message.length > 0, what)
  assert.doesNotMatch(answer.text, /better-?auth|node_modules|select |todo_auth/i, what)
}

const BODIES: [what: string, path: string, body: unknown, status: number, pointer?: string][] = [
  ['a NUL in a name', '/sign-up/email', { ...SIGN_UP, name: 'a\u0000b' }, 422, '/name'],
  ['a lone surrogate', '/sign-up/email', { ...SIGN_UP, name: '\ud800' }, 422, '/name'],
  [
    'a NUL in a password',
    '/sign-up/email',
    { ...SIGN_UP, password: 'a\u0000bcdefgh' },
    422,
    '/password',
  ],
  [
    'a NUL in an address',
    '/sign-in/email',
    { ...SIGN_UP, name: undefined, email: 'a\u0000@b.c' },
    422,
    '/email',
  ],
  ['a name of 900 KB', '/sign-up/email', { ...SIGN_UP, name: 'x'.repeat(900_000) }, 413],
  ['a name of 201', '/sign-up/email', { ...SIGN_UP, name: 'x'.repeat(201) }, 422, '/name'],
  ['an empty name', '/sign-up/email', { ...SIGN_UP, name: '' }, 422, '/name'],
  [
    'an address of 300',
    '/sign-up/email',
    { ...SIGN_UP, email: `${'x'.repeat(288)}@example.com` },
    422,
    '/email',
  ],
  ['no address', '/sign-up/email', { ...SIGN_UP, email: 'refused' }, 422, '/email'],
  ['an odd address', '/sign-up/email', { ...SIGN_UP, email: '"<script>"@example.com' }, 400],
  ['an address that is no text', '/sign-up/email', { ...SIGN_UP, email: ['a@b.c'] }, 422, '/email'],
  ['a short password', '/sign-up/email', { ...SIGN_UP, password: '1234567' }, 422, '/password'],
  [
    'a long password',
    '/sign-up/email',
    { ...SIGN_UP, password: 'x'.repeat(129) },
    422,
    '/password',
  ],
  ['no name', '/sign-up/email', { ...SIGN_UP, name: undefined }, 422, '/name'],
  ['no body', '/sign-up/email', undefined, 422],
  ['an array', '/sign-up/email', [SIGN_UP], 422],
  ['a role', '/sign-up/email', { ...SIGN_UP, role: 'admin' }, 422, '/role'],
  ['emailVerified', '/sign-up/email', { ...SIGN_UP, emailVerified: true }, 422, '/emailVerified'],
  ['an id', '/sign-up/email', { ...SIGN_UP, id: 'alice' }, 422, '/id'],
  [
    '__proto__',
    '/sign-up/email',
    JSON.parse(
      `{"name":"x","email":"refused@example.com","password":"${PASSWORD}","__proto__":{"id":"x"}}`,
    ),
    422,
    '/__proto__',
  ],
  ['a page elsewhere', '/sign-up/email', { ...SIGN_UP, callbackURL: 'https://evil.example/' }, 403],
  [
    'a page without a scheme',
    '/sign-up/email',
    { ...SIGN_UP, callbackURL: '//evil.example/' },
    422,
  ],
  ['a page of a script', '/sign-up/email', { ...SIGN_UP, callbackURL: 'javascript:alert(1)' }, 422],
  [
    'a page by user info',
    '/sign-up/email',
    { ...SIGN_UP, callbackURL: `${PAGE}@evil.example/` },
    403,
  ],
  ['a page by a backslash', '/sign-up/email', { ...SIGN_UP, callbackURL: '/\\evil.example' }, 422],
  [
    'a page elsewhere after a sign-in',
    '/sign-in/email',
    { email: SIGN_UP.email, password: PASSWORD, callbackURL: 'https://evil.example/' },
    403,
  ],
  [
    'a page to set a password on elsewhere',
    '/request-password-reset',
    { email: SIGN_UP.email, redirectTo: 'https://evil.example/' },
    403,
  ],
  ['a provider that is none', '/sign-in/social', { provider: 'nobody' }, 422, '/provider'],
  ['a provider that is not set up', '/sign-in/social', { provider: 'google' }, 404],
  ['a reset without mail', '/request-password-reset', { email: SIGN_UP.email }, 400],
  ['a verification without mail', '/send-verification-email', { email: SIGN_UP.email }, 400],
  ['a token of nothing', '/reset-password', { newPassword: PASSWORD, token: 'nothing' }, 400],
  [
    'a NUL in a token',
    '/reset-password',
    { newPassword: PASSWORD, token: 'a\u0000' },
    422,
    '/token',
  ],
]

for (const kind of KINDS) {
  describe(`what accounts refuse on ${kind}`, () => {
    let test: TestApp
    let person: Person
    before(async () => {
      test = await startApp(kind, { ...BEHIND_PROXY, TRUSTED_ORIGINS: PAGE })
      person = await signUp(test, 'person@example.com')
    })
    after(() => test.close())

    it('bad bodies, by name and in our form, and nothing changes', async () => {
      const users = 'select * from todo_auth."user" order by id'
      const usersBefore = await test.admin(users)
      for (const [what, path, body, status, pointer] of BODIES) {
        const answer = await auth(test, 'POST', path, { body })
        assertProblem(answer, [status], what)
        if (pointer) assert.deepEqual(answer.json.errors[0].path, pointer, what)
      }
      assert.deepEqual(await test.admin(users), usersBefore)
      assert.equal(usersBefore.length, 1)
    })

    it('pages whose path has another spelling, in bodies and links', async () => {
      for (const page of PAGES) {
        const body = { ...SIGN_UP, email: person.email, callbackURL: page }
        assertProblem(await auth(test, 'POST', '/sign-up/email', { body }), [422], page)
        const query = `callbackURL=${encodeURIComponent(page)}`
        for (const path of [
          `/verify-email?token=${UNSIGNED}&${query}`,
          `/reset-password/x?${query}`,
        ]) {
          const answer = await auth(test, 'GET', path)
          assertProblem(answer, [422], path)
          assert.equal(answer.headers.location, undefined)
        }
      }
      for (const page of ['/', '/welcome?next=https://x/..//y#/..', `${PAGE}/a?b=//c`]) {
        const query = `token=${UNSIGNED}&callbackURL=${encodeURIComponent(page)}`
        const answer = await auth(test, 'GET', `/verify-email?${query}`)
        assert.equal(answer.status, 302, page)
        const { origin } = new URL(String(answer.headers.location), 'http://localhost:8000')
        assert.ok(['http://localhost:8000', PAGE].includes(origin), page)
      }
    })

    it('endpoints that are not served, by paths that are read as others', async () => {
      for (const path of [
        '/callback/..\\ok',
        '/callback/..\\token',
        '/callback/..\\error',
        '/callback/%2e%2e',
        `/reset-password/${'x'.repeat(2900)}?callbackURL=/`,
        `/callback/${'x'.repeat(2900)}`,
        '/callback/a.b',
      ]) {
        assertProblem(await auth(test, 'GET', path, { session: person.session }), [404], path)
      }
    })

    it('bodies that are not JSON', async () => {
      for (const [type, raw, status] of [
        ['application/x-www-form-urlencoded', 'email=a@b.c&password=x', 415],
        ['text/plain', JSON.stringify(SIGN_UP), 415],
        ['application/json; charset=utf-16', JSON.stringify(SIGN_UP), 415],
        ['application/json', '{"email"', 400],
        ['application/json', Buffer.from([0x22, 0xff, 0x22]), 400],
      ] as const) {
        const headers = { 'content-type': type }
        assertProblem(await auth(test, 'POST', '/sign-in/email', { headers, raw }), [status], type)
      }
    })

    it('paths in another spelling, other methods, and endpoints that are not served', async () => {
      for (const path of [
        '//token',
        '/token/',
        '/Token',
        '/./token',
        '/%74oken',
        '/ok',
        '/jwks',
        '/verify-password',
        '/admin/list-users',
        '/sign-up//email',
        '/callback/',
        '/callback/a/b',
      ]) {
        assertProblem(await auth(test, 'GET', path), [404], path)
      }
      for (const [method, path, allow] of [
        ['GET', '/sign-in/email', 'OPTIONS, POST'],
        ['POST', '/token', 'GET, OPTIONS'],
        ['HEAD', '/verify-email', 'GET, OPTIONS'],
        ['DELETE', '/delete-user', 'OPTIONS, POST'],
      ] as const) {
        const answer = await auth(test, method, path)
        assert.deepEqual([answer.status, answer.headers.allow], [405, allow], `${method} ${path}`)
      }
    })

    it('a NUL in every other place', async () => {
      for (const [method, path, headers] of [
        ['GET', '/token', { authorization: 'Bearer a%00b' }],
        ['POST', '/revoke-sessions', { authorization: 'Bearer a%00b' }],
        ['GET', '/verify-email?token=a%00', {}],
        ['GET', '/callback/google?state=a%00&code=b', {}],
      ] as const) {
        assertProblem(await auth(test, method, path, { headers }), [400, 401, 422], path)
      }
      assertProblem(await auth(test, 'GET', '/reset-password/a%00?callbackURL=/'), [404], 'link')
    })

    it('links whose page is elsewhere', async () => {
      for (const path of [
        '/verify-email?token=x&callbackURL=https://evil.example',
        '/reset-password/x?callbackURL=https://evil.example',
        '/reset-password/x?callbackURL=//evil.example',
      ]) {
        const answer = await auth(test, 'GET', path)
        assertProblem(answer, [401, 403, 422], path)
        assert.equal(answer.headers.location, undefined)
      }
      const back = await auth(test, 'GET', '/callback/google?state=x&code=y')
      assert.equal(back.status, 302)
      const page = new URL(String(back.headers.location))
      assert.equal(page.origin, 'http://localhost:8000')
      assertProblem(
        await auth(test, 'GET', page.href.slice(page.href.indexOf('/error'))),
        [400],
        'error',
      )
    })

    it('a cookie from another origin, or from none', async () => {
      const answer = await signIn(test, person.email)
      const [cookie = ''] = answer.headers['set-cookie'] ?? []
      assert.match(cookie, /; HttpOnly; SameSite=Lax$/)
      const sent = { cookie: cookie.split(';')[0] ?? '' }
      for (const headers of [
        { ...sent, origin: 'https://evil.example' },
        { ...sent, origin: 'null' },
        { ...sent, origin: `${PAGE}.evil.example` },
        { ...sent, referer: 'https://evil.example/' },
        sent,
        { ...sent, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      ]) {
        const refused = await auth(test, 'POST', '/update-user', {
          headers,
          body: { name: 'Evil' },
        })
        assertProblem(refused, [403], JSON.stringify(headers))
      }
      const [user] = await test.admin('select name from todo_auth."user" where id = $1', [
        person.id,
      ])
      assert.deepEqual(user, { name: 'Somebody' })
      for (const origin of [PAGE, 'http://localhost:8000', 'http://127.0.0.1:8000']) {
        const headers = { ...sent, origin }
        const taken = await auth(test, 'POST', '/update-user', { headers, body: { name: 'Own' } })
        assert.equal(taken.status, 200, origin)
      }
      const tasks = await test.send('GET', `/api/${person.id}/tasks`, { as: null, headers: sent })
      assert.equal(tasks.status, 401)
    })

    it('a sign-in from a page of another origin, and no other', async () => {
      const body = { email: person.email, password: PASSWORD }
      const page = {
        'sec-fetch-site': 'same-site',
        'sec-fetch-mode': 'cors',
        'sec-fetch-dest': 'empty',
      }
      for (const [headers, status] of [
        [{ origin: 'https://evil.example', ...page }, 403],
        [{ origin: 'https://evil.example' }, 403],
        [{ origin: PAGE, ...page }, 200],
        // Node's fetch, and a phone that kept the cookie of before.
        [{ 'sec-fetch-mode': 'cors' }, 200],
        [{ cookie: 'better-auth.session_token=of-before' }, 200],
      ] as const) {
        const answer = await auth(test, 'POST', '/sign-in/email', { headers, body })
        assert.equal(answer.status, status, JSON.stringify(headers))
      }
      const preflight = await auth(test, 'OPTIONS', '/sign-in/email', { headers: { origin: PAGE } })
      assert.equal(preflight.status, 204)
      assert.equal(preflight.headers['access-control-allow-origin'], PAGE)
      assert.equal(preflight.headers['access-control-allow-credentials'], 'true')
      const tasks = await test.send('GET', `/api/${person.id}/tasks`, {
        as: null,
        headers: { origin: PAGE },
      })
      assert.equal(tasks.headers['access-control-allow-credentials'], 'true')
    })

    it('ten sign-ups of one address at once make one account', async () => {
      const body = { ...SIGN_UP, email: 'ten@example.com' }
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => auth(test, 'POST', '/sign-up/email', { body })),
      )
      const made = answers.filter(({ status }) => status === 200)
      assert.equal(made.length, 1)
      for (const answer of answers.filter(({ status }) => status !== 200)) {
        assertProblem(answer, [422], 'taken')
        assert.equal(answer.json.code, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL')
      }
      const rows = await test.admin(
        `select u.id from todo_auth."user" u join todo_auth.account a on a."userId" = u.id where email = 'ten@example.com'`,
      )
      assert.deepEqual(rows, [{ id: made[0]?.json.user.id }])
    })

    it('a wrong password and an unknown address, alike in bytes', async () => {
      const unknown = await signIn(test, 'nobody@example.com')
      const wrong = await signIn(test, person.email, 'not the password')
      assertProblem(unknown, [401], 'unknown')
      assert.match(String(unknown.headers['www-authenticate']), /^Bearer realm="todo"/)
      const told = ({ json: { request_id, ...rest } }: Answer) => rest
      assert.deepEqual(told(unknown), told(wrong))
      assert.deepEqual(Object.keys(unknown.headers), Object.keys(wrong.headers))
    })
  })
}

describe('while the database is away', () => {
  it('503 on every path under /api/auth, and recovery', async () => {
    const { url, drop } = await emptyPostgres()
    const proxy = await startProxy(url)
    const test = await startServer(proxy.url, BEHIND_PROXY)
    const { session } = await signUp(test, 'away@example.com')
    proxy.away(true)
    for (const { method, path, body } of ACCOUNT_OPERATIONS) {
      const [example] = (body as { examples?: unknown[] } | undefined)?.examples ?? [] // ours
      const query = path === '/verify-email' ? '?token=x' : '?callbackURL=/'
      const url = path.replace(/:\w+/, 'x') + (/verify|reset-password\/:/.test(path) ? query : '')
      const answer = await auth(test, method, url, { session, body: example })
      assertProblem(answer, [503], `${method} ${url}`)
      assert.match(String(answer.headers['retry-after']), /^\d+$/)
    }
    proxy.away(false)
    assert.equal((await auth(test, 'GET', '/token', { session })).status, 200)
    await test.close()
    await proxy.close()
    await drop()
  })
})
