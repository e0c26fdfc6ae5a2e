import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { createAuthClient } from 'better-auth/client'
import type { Database } from '../../src/database/session.ts'
import { auth, BEHIND_PROXY, claimsOf, PASSWORD, signIn, signUp } from '../support/accounts.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { startServer } from '../support/served.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

describe('accounts by settings alone', () => {
  it('SIGN_UP=off lets nobody sign up, and those who have an account in', async () => {
    const open = await startApp('postgres', BEHIND_PROXY)
    await signUp(open, 'before@example.com')
    const { config } = open.test
    const url = config.kind === 'postgres' ? config.url : ''
    const closed = await startServer(url, { ...BEHIND_PROXY, SIGN_UP: 'off' })
    const body = { name: 'x', email: 'after@example.com', password: PASSWORD }
    const refused = await auth(closed, 'POST', '/sign-up/email', { body })
    assert.deepEqual([refused.status, refused.json.code], [400, 'EMAIL_PASSWORD_SIGN_UP_DISABLED'])
    assert.equal((await signIn(closed, 'before@example.com')).status, 200)
    await closed.close()
    await open.close()
  })

  it('on https cookies are secure, and links and tokens name the address', async () => {
    const test = await startApp('postgres', {
      ...BEHIND_PROXY,
      BETTER_AUTH_URL: 'https://todo.example.com',
    })
    const { token, email } = await signUp(test, 'https@example.com')
    const [cookie] = (await signIn(test, email)).headers['set-cookie'] ?? []
    assert.match(
      String(cookie),
      /^__Secure-better-auth\.session_token=.*; HttpOnly; Secure; SameSite=Lax$/,
    )
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    assert.deepEqual(
      [claims.iss, claims.aud],
      ['https://todo.example.com', 'https://todo.example.com'],
    )
    const refused = await auth(test, 'POST', '/sign-in/email', {
      headers: { origin: 'http://todo.example.com' },
      body: { email, password: PASSWORD },
    })
    assert.equal(refused.status, 403)
    await test.close()
  })

  it('COOKIE_SAME_SITE is that of the session, and strict leaves the cookie of a provider lax', async () => {
    for (const [sameSite, session, state] of [
      ['strict', 'Strict', 'Lax'],
      ['none', 'None', 'None'],
    ] as const) {
      const test = await startApp('postgres', {
        ...BEHIND_PROXY,
        BETTER_AUTH_URL: 'https://todo.example.com',
        COOKIE_SAME_SITE: sameSite,
        GITHUB_CLIENT_ID: 'github-id',
        GITHUB_CLIENT_SECRET: 'github-secret',
      })
      const email = 'same-site@example.com'
      await signUp(test, email)
      const body = { email, password: PASSWORD, rememberMe: false }
      const signedIn = await auth(test, 'POST', '/sign-in/email', { body })
      const social = { provider: 'github', callbackURL: '/' }
      const begun = await auth(test, 'POST', '/sign-in/social', { body: social })
      const cookiesOf = ({ headers }: Answer) => headers['set-cookie'] ?? []
      assert.ok(cookiesOf(signedIn).length > 1 && cookiesOf(begun).length > 0)
      for (const cookie of cookiesOf(signedIn)) {
        assert.match(cookie, new RegExp(`; Secure; SameSite=${session}$`))
      }
      for (const cookie of cookiesOf(begun)) {
        assert.match(cookie, new RegExp(`; Secure; SameSite=${state}$`))
      }
      await test.close()
    }
  })

  it('in production the machine’s own names are trusted no more', async () => {
    const settings = { NODE_ENV: 'production', BETTER_AUTH_URL: 'https://todo.example.com' }
    const test = await startApp('postgres', { ...BEHIND_PROXY, ...settings })
    const body = { email: 'a@example.com', password: PASSWORD }
    for (const [origin, status] of [
      ['http://localhost:8000', 403],
      ['http://127.0.0.1:5173', 403],
      ['https://todo.example.com', 401],
    ] as const) {
      const answer = await auth(test, 'POST', '/sign-in/email', { headers: { origin }, body })
      assert.equal(answer.status, status, origin)
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
      if (status === 401) continue
      assert.equal(answer.json.code, 'INVALID_ORIGIN')
      assert.ok(answer.json.message.includes(`${origin} is not trusted`), answer.text)
      assert.match(answer.json.message, /TRUSTED_ORIGINS/)
    }
    await test.close()
  })

  it('outside production every port of this machine is trusted, for accounts and tasks', async () => {
    const test = await startApp('postgres', BEHIND_PROXY)
    const body = { email: 'a@example.com', password: PASSWORD }
    for (const [origin, trusted] of [
      ['http://localhost:5173', true],
      ['http://127.0.0.1:3000', true],
      ['https://localhost', true],
      ['http://localhost', true],
      ['http://localhost.evil.com:3000', false],
      ['http://localhost:3000.evil.com', false],
      ['http://127.0.0.1.evil.com', false],
      ['http://127.0.0.2:3000', false],
      ['http://evil.com', false],
    ] as const) {
      const headers = { origin }
      const answer = await auth(test, 'POST', '/sign-in/email', { headers, body })
      assert.equal(answer.status, trusted ? 401 : 403, origin)
      const tasks = await test.send('GET', '/api/alice/tasks', { headers })
      assert.equal(tasks.headers['access-control-allow-origin'], trusted ? origin : undefined)
    }
    await test.close()
  })

  it('401 says why there is no session, and the log names the check', async () => {
    const test = await startApp('postgres', BEHIND_PROXY)
    const { session, token } = await signUp(test, 'a@example.com')
    await auth(test, 'POST', '/sign-out', { session, body: {} })
    const needed = 'The operation needs a session, as a bearer token or as a cookie'
    const ended = 'The session token is not valid, or its session has ended'
    const forTasks = 'This is a token for tasks; the operation needs the session token of a sign-in'
    for (const [authorization, reason, isBearer] of [
      [undefined, needed, false],
      ['Basic YTpi', needed, false],
      [`Bearer ${session}`, ended, true],
      ['Bearer x', ended, true],
      [`Bearer ${token}`, forTasks, true],
    ] as const) {
      for (const path of ['/token', '/list-sessions']) {
        const before = test.log.length
        const headers = authorization === undefined ? {} : { authorization }
        const answer = await auth(test, 'GET', path, { headers })
        const { code, detail, message, request_id } = answer.json
        assert.deepEqual(
          [answer.status, code, detail, message],
          [401, 'UNAUTHORIZED', reason, reason],
        )
        const error = isBearer ? `, error="invalid_token", error_description="${reason}"` : ''
        assert.equal(answer.headers['www-authenticate'], `Bearer realm="todo"${error}`)
        const lines = test.log.slice(before).map((line) => JSON.parse(line))
        const line = lines.find(({ reqId, refusal }) => reqId === request_id && refusal)
        assert.equal(line.refusal.check, 'session')
      }
    }
    await test.close()
  })

  it('403 for a page of an untrusted origin names the origin and TRUSTED_ORIGINS', async () => {
    const test = await startApp('postgres', BEHIND_PROXY)
    const untrusted = 'https://evil.example/page?x=1'
    const person = { name: 'Ann', email: 'ann@example.com', password: PASSWORD }
    for (const [method, path, body] of [
      ['POST', '/sign-up/email', { ...person, callbackURL: untrusted }],
      [
        'POST',
        '/sign-in/email',
        { email: person.email, password: PASSWORD, callbackURL: untrusted },
      ],
      ['POST', '/request-password-reset', { email: person.email, redirectTo: untrusted }],
      ['GET', `/reset-password/x?callbackURL=${encodeURIComponent(untrusted)}`, undefined],
    ] as const) {
      const answer = await auth(test, method, path, { ...(body && { body }) })
      assert.equal(answer.status, 403, answer.text)
      const named = /the origin https:\/\/evil\.example is not trusted.* TRUSTED_ORIGINS$/
      assert.match(answer.json.detail, named)
      assert.equal(answer.json.message, answer.json.detail)
    }
    await test.close()
  })

  it('every error under /api/auth has a code and a message', async () => {
    const test = await startApp('postgres', BEHIND_PROXY)
    for (const [method, path, sending, status, code] of [
      ['GET', '/nothing', {}, 404, 'NOT_FOUND'],
      ['PUT', '/sign-out', {}, 405, 'METHOD_NOT_ALLOWED'],
      ['POST', '/sign-in/email', { raw: '{', headers: JSON_TYPE }, 400, 'BAD_REQUEST'],
      ['POST', '/sign-in/email', { body: {} }, 422, 'VALIDATION_ERROR'],
      ['GET', '/error?error=signup_disabled', {}, 400, 'SIGNUP_DISABLED'],
      ['GET', '/error', {}, 400, 'UNKNOWN'],
      ['GET', '/token', {}, 401, 'UNAUTHORIZED'],
    ] as const) {
      const answer = await auth(test, method, path, sending)
      assert.deepEqual([answer.status, answer.json.code], [status, code], path)
      assert.equal(answer.json.message, answer.json.detail)
    }
    await test.close()
  })

  it('a client id and secret lead to the provider’s page, bound to a cookie and back to us', async () => {
    const test = await startApp('postgres', {
      ...BEHIND_PROXY,
      GOOGLE_CLIENT_ID: 'google-id',
      GOOGLE_CLIENT_SECRET: 'google-secret',
      GITHUB_CLIENT_ID: 'github-id',
      GITHUB_CLIENT_SECRET: 'github-secret',
    })
    for (const [provider, host] of [
      ['google', 'accounts.google.com'],
      ['github', 'github.com'],
    ] as const) {
      const answer = await auth(test, 'POST', '/sign-in/social', {
        body: { provider, callbackURL: '/' },
      })
      assert.equal(answer.status, 200)
      const page = new URL(answer.json.url)
      assert.equal(page.host, host)
      assert.equal(page.searchParams.get('client_id'), `${provider}-id`)
      assert.equal(
        page.searchParams.get('redirect_uri'),
        `http://localhost:8000/api/auth/callback/${provider}`,
      )
      assert.ok(!answer.text.includes('-secret'))
      const state = page.searchParams.get('state')
      const stranger = await auth(test, 'GET', `/callback/${provider}?code=x&state=${state}`)
      assert.match(String(stranger.headers.location), /\/error\?error=state_mismatch$/)
    }
    await test.close()
  })
})

/** GitHub, as far as a sign-in asks it; every other address is not asked. */
function answerAsGithub(person: { id: number; email: string }): () => void {
  const answers: Record<string, unknown> = {
    'https://github.com/login/oauth/access_token': {
      access_token: 'gho_of_the_person',
      token_type: 'bearer',
      scope: 'read:user,user:email',
    },
    'https://api.github.com/user': { ...person, login: 'person', name: 'Person', avatar_url: '' },
    'https://api.github.com/user/emails': [{ email: person.email, primary: true, verified: true }],
  }
  const stub = mock.method(globalThis, 'fetch', async (input: string | URL | Request) => {
    const url = input instanceof Request ? input.url : String(input)
    assert.ok(url in answers, `${url} was asked`)
    return Response.json(answers[url])
  })
  return () => stub.mock.restore()
}

/** Starts at the provider's page and comes back from it, in one browser. */
async function signInByGithub(test: Pick<TestApp, 'port'>): Promise<Answer> {
  const begun = await auth(test, 'POST', '/sign-in/social', {
    body: { provider: 'github', callbackURL: '/welcome', errorCallbackURL: '/failed' },
  })
  const state = new URL(begun.json.url).searchParams.get('state')
  const cookie = (begun.headers['set-cookie'] ?? []).map((one) => one.split(';')[0]).join('; ')
  return auth(test, 'GET', `/callback/github?code=x&state=${state}`, { headers: { cookie } })
}

describe('a sign-in with a provider', () => {
  const GITHUB = { GITHUB_CLIENT_ID: 'github-id', GITHUB_CLIENT_SECRET: 'github-secret' }

  it('makes an account once, leads to a task, and keeps the provider’s token encrypted', async () => {
    const test = await startApp('postgres', { ...BEHIND_PROXY, ...GITHUB })
    const restore = answerAsGithub({ id: 42, email: 'person@example.com' })
    try {
      for (const time of [1, 2]) {
        const back = await signInByGithub(test)
        assert.deepEqual([back.status, back.headers.location], [302, '/welcome'], String(time))
        const cookie = (back.headers['set-cookie'] ?? []).map((one) => one.split(';')[0]).join('; ')
        const { json } = await auth(test, 'GET', '/token', { headers: { cookie } })
        const { sub } = claimsOf(json.token)
        const headers = { authorization: `Bearer ${json.token}` }
        const task = { as: null, headers, body: { title: 'x' } }
        assert.equal((await test.send('POST', `/api/${sub}/tasks`, task)).status, 201)
      }
      const accounts = await test.admin('select "providerId", "accessToken" from todo_auth.account')
      assert.equal(accounts.length, 1)
      assert.equal(accounts[0]?.providerId, 'github')
      assert.ok(accounts[0]?.accessToken)
      assert.ok(!String(accounts[0]?.accessToken).includes('gho_'))
      assert.equal((await test.admin('select * from todo.tasks')).length, 2)
    } finally {
      restore()
      await test.close()
    }
  })

  it('makes none where SIGN_UP is off, and takes over no account of the same address', async () => {
    const test = await startApp('postgres', { ...BEHIND_PROXY, ...GITHUB })
    await signUp(test, 'person@example.com')
    const { config } = test.test
    const url = config.kind === 'postgres' ? config.url : ''
    const closed = await startServer(url, { ...BEHIND_PROXY, ...GITHUB, SIGN_UP: 'off' })
    const users = 'select id from todo_auth."user"'
    const restore = answerAsGithub({ id: 43, email: 'stranger@example.com' })
    const refused = await signInByGithub(closed)
    restore()
    assert.match(String(refused.headers.location), /^\/failed\?error=signup_disabled/)
    const restoreAgain = answerAsGithub({ id: 44, email: 'person@example.com' })
    const taken = await signInByGithub(test)
    restoreAgain()
    assert.match(String(taken.headers.location), /^\/failed\?error=account_not_linked/)
    assert.equal((await test.admin(users)).length, 1)
    assert.equal((await test.admin('select * from todo_auth.account')).length, 1)
    await closed.close()
    await test.close()
  })
})

describe('Better Auth’s own client', () => {
  it('signs up, in and out with bearer tokens, and reads errors', async () => {
    const test = await startApp('postgres')
    const client = (token?: string) =>
      createAuthClient({
        baseURL: `http://127.0.0.1:${test.port}`,
        ...(token && { fetchOptions: { auth: { type: 'Bearer', token } } }),
      })
    const person = { email: 'client@example.com', password: PASSWORD }
    const made = await client().signUp.email({ ...person, name: 'Client' })
    assert.equal(made.error, null)
    const wrong = await client().signIn.email({ ...person, password: 'wrong password' })
    assert.equal(wrong.error?.code, 'INVALID_EMAIL_OR_PASSWORD')
    assert.equal(wrong.error?.message, 'Invalid email or password')
    const signedIn = await client().signIn.email(person)
    const mine = client(signedIn.data?.token)
    assert.equal((await mine.getSession()).data?.user.email, person.email)
    assert.equal((await mine.updateUser({ name: 'Renamed' })).error, null)
    assert.equal((await mine.listSessions()).data?.length, 2)
    assert.equal((await mine.revokeOtherSessions()).error, null)
    assert.equal((await mine.listSessions()).data?.length, 1)
    assert.equal((await mine.signOut()).error, null)
    assert.equal((await mine.getSession()).data, null)
    await test.close()
  })
})

describe('requests for tasks', () => {
  it('ask the database once each, and use the connection for accounts only for the revocations', async () => {
    let statements = 0
    const counted = (database: Database): Database => ({
      ...database,
      description: database.description,
      failed: database.failed,
      asUser: (userId, statement) => {
        statements += 1
        return database.asUser(userId, statement)
      },
      ping: () => database.ping(),
      close: () => database.close(),
    })
    const test = await startApp('postgres', {}, counted)
    const made = await test.send('POST', '/api/alice/tasks', { body: { title: 'x' } })
    const one = `/api/alice/tasks/${made.json.id}`
    const missing = '/api/alice/tasks/00000000-0000-7000-8000-000000000001'
    const requests = [
      ['GET', '/api/alice/tasks', 200],
      ['GET', '/api/nobody/tasks', 200],
      ['GET', one, 200],
      ['GET', missing, 404],
      ['PUT', one, 200, { title: 'y' }],
      ['PUT', missing, 404, { title: 'y' }],
      ['PUT', one, 200, made.json],
      ['PUT', one, 200, { user_id: 'alice' }],
      ['PATCH', one, 200, { title: 'z' }],
      ['PATCH', `/api/alice/tasks/${made.json.id.toUpperCase()}`, 200, { title: 'z' }],
      ['GET', '/api/me/tasks', 200],
      ['PATCH', `${one}/complete`, 200],
      ['DELETE', one, 204],
      ['DELETE', one, 404],
    ] as const
    for (const [method, path, status, body] of requests) {
      assert.equal((await test.send(method, path, { body })).status, status)
    }
    assert.equal(statements, requests.length + 1)
    const opened = await test.admin(
      `select query from pg_stat_activity where datname = current_database() and application_name like '%accounts'`,
    )
    assert.equal(opened.length, 1)
    assert.match(String(opened[0]?.query), /from todo_auth\.revocation/)
    await signUp(test, 'first@example.com')
    assert.equal(statements, requests.length + 1)
    await test.close()
  })
})
