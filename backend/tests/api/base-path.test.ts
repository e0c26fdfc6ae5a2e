import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { firstSteps } from '../../src/processes/first-steps.ts'
import { BEHIND_PROXY, claimsOf, newAddress, PASSWORD } from '../support/accounts.ts'
import { exchange, startApp, type TestApp } from '../support/app.ts'
import { linkIn, type Mailbox, startMailbox } from '../support/mailbox.ts'

const HOST = 'http://localhost:8000'
const PAGE = 'http://localhost:5173'
const READ = 'GET, HEAD, OPTIONS'

describe('below a base path', () => {
  let test: TestApp
  let mailbox: Mailbox
  before(async () => {
    mailbox = await startMailbox()
    test = await startApp('postgres', {
      ...BEHIND_PROXY,
      BASE_PATH: '/todo',
      SMTP_URL: mailbox.url,
      SMTP_FROM: 'Todo <todo@example.com>',
      REQUIRE_EMAIL_VERIFICATION: 'off',
      GITHUB_CLIENT_ID: 'github-id',
      GITHUB_CLIENT_SECRET: 'github-secret',
      LOG_LEVEL: 'info',
    })
  })
  after(async () => {
    await test.close()
    await mailbox.close()
  })

  const TASKS = '/todo/api/alice/tasks'
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    exchange(test.port, 'POST', `/todo/api/auth${path}`, {
      body,
      headers: { 'x-forwarded-for': newAddress(), ...headers },
    })

  it('tasks, their Location and the Link to the next page have it', async () => {
    const made = await test.send('POST', TASKS, { as: 'alice', body: { title: 'one' } })
    assert.deepEqual([made.status, made.headers.location], [201, `${TASKS}/${made.json.id}`])
    const read = await test.send('GET', String(made.headers.location), { as: 'alice' })
    assert.deepEqual(read.json, made.json)
    const ours = await test.send('POST', '/todo/api/me/tasks', {
      as: 'alice',
      body: { title: 'two' },
    })
    assert.equal(ours.headers.location, `/todo/api/me/tasks/${ours.json.id}`)
    const page = await test.send('GET', `${TASKS}?limit=1`, { as: 'alice' })
    const [, next = ''] = /^<([^>]+)>; rel="next"$/.exec(String(page.headers.link)) ?? []
    assert.match(next, /^\/todo\/api\/alice\/tasks\?limit=1&cursor=/)
    assert.deepEqual((await test.send('GET', next, { as: 'alice' })).json, [made.json])
    assert.equal((await test.send('GET', TASKS, { as: 'bob' })).status, 403)
    assert.equal((await test.send('GET', TASKS, { as: null })).status, 401)
  })

  it('health, the links of the home resource, the document and the page have it', async () => {
    for (const path of ['/todo/livez', '/todo/readyz', '/todo/health']) {
      assert.equal((await test.send('GET', path)).status, 200, path)
    }
    for (const path of ['/todo', '/todo/', '/todo?x=1']) {
      const { status, json } = await test.send('GET', path)
      assert.equal(status, 200, path)
      assert.deepEqual(json.links, {
        docs: '/todo/docs',
        openapi: '/todo/openapi.json',
        health: '/todo/health',
      })
    }
    const { json } = await test.send('GET', '/todo/openapi.json')
    assert.equal(json.servers[0].url, '/todo')
    assert.ok('/api/{user_id}/tasks' in json.paths)
    const page = await test.send('GET', '/todo/docs')
    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part ?? '')
    assert.ok(parts.length >= 4)
    for (const part of parts) {
      const { pathname } = new URL(part, `${HOST}/todo/docs`)
      assert.equal((await test.send('GET', pathname)).status, 200, pathname)
    }
  })

  it('404 for every other spelling and everything outside of it, with an ordinary problem', async () => {
    for (const path of [
      ...['/', '/livez', '/docs', '/api/alice/tasks', '/api/auth/token', '/openapi.json', '//'],
      ...['/todo/../todo', '/todo/../api/alice/tasks', '/todo/./livez', '/./todo/livez'],
      ...['//todo', '//todo/livez', '/todo//livez', '/todo//', '/todo/livez/', '/todo/todo/livez'],
      ...['/Todo', '/Todo/livez', '/TODO/livez', '/todox', '/todox/livez', '/tod', '/tod/livez'],
      ...['/todo%2Flivez', '/todo%2flivez', '/%74odo/livez', '/todo%20/livez', '/todo;a=b/livez'],
      ...['/todo/%6Civez', '/todo/..%2Ftodo%2Flivez', '/todo\\livez', '/\\todo\\livez'],
      ...['/x/todo/livez', '/api/todo/livez', '/todo.json', '/todo,/livez', '/todo&x=1'],
      `http://todo/livez`,
    ]) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const answer = await test.send(method, path, { as: 'alice' })
        assert.deepEqual([answer.status, answer.json.error], [404, 'not_found'], path)
        assert.equal(answer.headers.allow, undefined, path)
        assert.equal(answer.json.code, undefined, path)
      }
    }
    assert.equal((await test.send('GET', `${HOST}/todo/livez`)).status, 200)
    assert.equal((await test.send('GET', '/todo#x')).status, 400)
    assert.equal((await test.send('GET', '/todo/%zz')).status, 400)
    assert.equal((await test.send('GET', '/todo/api/auth/none')).json.code, 'NOT_FOUND')
  })

  it('Allow, OPTIONS and preflights are as ever, outside of it too', async () => {
    const options = await exchange(test.port, 'OPTIONS', '/todo/livez', {})
    assert.deepEqual([options.status, options.headers.allow], [204, READ])
    const refused = await test.send('DELETE', '/todo/livez')
    assert.deepEqual([refused.status, refused.headers.allow], [405, READ])
    for (const [path, allow] of [
      ['/todo', READ],
      ['/livez', undefined],
      ['/todo%2Flivez', undefined],
    ] as const) {
      const { status, headers } = await exchange(test.port, 'OPTIONS', path, {
        headers: { origin: PAGE, 'access-control-request-method': 'GET' },
      })
      assert.deepEqual([status, headers.allow], [204, allow], path)
      assert.equal(headers['access-control-allow-origin'], PAGE)
    }
  })

  it('accounts: cookies are limited to it, tokens and redirects name it', async () => {
    const { json, headers, text } = await post('/sign-up/email', {
      ...{ name: 'Alice', email: 'alice@example.com', password: PASSWORD },
    })
    const [cookie = ''] = headers['set-cookie'] ?? []
    assert.match(cookie, /; Path=\/todo; HttpOnly; SameSite=Lax$/, text)
    const session = { authorization: `Bearer ${json.token}` }
    const token = await exchange(test.port, 'GET', '/todo/api/auth/token', { headers: session })
    assert.deepEqual(
      [claimsOf(token.json.token).iss, claimsOf(token.json.token).aud],
      [`${HOST}/todo`, `${HOST}/todo`],
    )
    const tasks = await exchange(test.port, 'GET', `/todo/api/${token.json.user_id}/tasks`, {
      headers: { authorization: `Bearer ${token.json.token}` },
    })
    assert.deepEqual([tasks.status, tasks.json], [200, []])

    const begun = await post('/sign-in/social', { provider: 'github' })
    const provider = new URL(begun.json.url)
    assert.equal(provider.searchParams.get('redirect_uri'), `${HOST}/todo/api/auth/callback/github`)
    for (const state of begun.headers['set-cookie'] ?? []) assert.match(state, /; Path=\/todo;/)
    const state = provider.searchParams.get('state')
    const [kept] = await test.admin('select value from todo_auth.verification')
    assert.equal(JSON.parse(String(kept?.value)).callbackURL, `${HOST}/todo`)
    const failed = await exchange(
      test.port,
      'GET',
      `/todo/api/auth/callback/github?error=access_denied&state=${state}`,
      { headers: { cookie: String(begun.headers['set-cookie']?.[0]?.split(';')[0]) } },
    )
    assert.equal(failed.status, 302)
    assert.match(
      String(failed.headers.location),
      /^http:\/\/localhost:8000\/todo\/api\/auth\/error/,
    )

    const ended = await post('/sign-out', {}, { cookie: cookie.split(';')[0] ?? '', origin: PAGE })
    assert.equal(ended.status, 200, ended.text)
    for (const expired of ended.headers['set-cookie'] ?? []) {
      assert.match(expired, /; Max-Age=0; Path=\/todo;/)
    }
  })

  it('the links of mails have it and work', async () => {
    const email = 'mail@example.com'
    await post('/sign-up/email', { name: 'Bob', email, password: PASSWORD })
    assert.equal((await post('/send-verification-email', { email })).status, 200)
    const link = linkIn(await mailbox.next(email))
    assert.equal(`${link.origin}${link.pathname}`, `${HOST}/todo/api/auth/verify-email`)
    assert.equal(link.searchParams.get('callbackURL'), null)
    const opened = await exchange(test.port, 'GET', `${link.pathname}${link.search}`, {})
    assert.deepEqual([opened.status, opened.json.status], [200, true])
    // A front end, and the view of the web page as a path of the host.
    for (const [redirectTo, expected] of [
      [`${PAGE}/reset`, `${PAGE}/reset`],
      ['/todo/reset-password', `${HOST}/todo/reset-password`],
    ] as const) {
      await post('/request-password-reset', { email, redirectTo })
      const reset = linkIn(await mailbox.next(email))
      assert.match(reset.pathname, /^\/todo\/api\/auth\/reset-password\/\w+$/)
      const followed = await exchange(test.port, 'GET', `${reset.pathname}${reset.search}`, {})
      assert.equal(followed.status, 302)
      const [page, token] = String(followed.headers.location).split('?token=')
      assert.deepEqual([page, /^\w+$/.test(token ?? '')], [expected, true])
    }
  })

  it('the log has the path that was sent, and no secret of accounts even outside of it', async () => {
    await test.send('GET', '/todo/livez/logged')
    await test.send('GET', '/livez/logged')
    for (const base of ['', '/todo', '/other']) {
      await test.send('GET', `${base}/api/auth/reset-password/this-is-a-secret?callbackURL=/`)
    }
    assert.match(await test.lineOf('"url":"/todo/livez/logged"'), /"status":404/)
    assert.match(await test.lineOf('"url":"/livez/logged"'), /"status":404/)
    assert.ok(!test.log.some((line) => line.includes('this-is-a-secret')))
  })

  it('the first steps use it', async () => {
    const lines = await firstSteps(test.config, `http://127.0.0.1:${test.port}/todo`)
    assert.ok(lines.some((line) => line.includes(`:${test.port}/todo/api/auth/sign-up/email`)))
    assert.ok(lines.some((line) => line.includes(`:${test.port}/todo/api/$(curl`)))
  })
})
