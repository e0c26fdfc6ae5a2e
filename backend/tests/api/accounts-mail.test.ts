import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { readPage } from '../../src/api/web/page.ts'
import { auth, BEHIND_PROXY, claimsOf, PASSWORD, signIn } from '../support/accounts.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { builtPage } from '../support/built-page.ts'
import { linkIn, type Mailbox, startMailbox } from '../support/mailbox.ts'

const PAGE = 'https://app.example.com'
const path = ({ pathname, search }: URL) => pathname.replace('/api/auth', '') + search

describe('accounts with mail', () => {
  let mailbox: Mailbox
  let test: TestApp
  before(async () => {
    mailbox = await startMailbox()
    const mail = { SMTP_URL: mailbox.url, SMTP_FROM: 'Todo <todo@example.com>' }
    const settings = { ...BEHIND_PROXY, ...mail, TRUSTED_ORIGINS: PAGE }
    test = await startApp('postgres', settings, undefined, { signUpGridMs: 1 })
  })
  after(async () => {
    await test.close()
    await mailbox.close()
  })

  const signUp = (email: string, more: object = {}) =>
    auth(test, 'POST', '/sign-up/email', {
      body: { name: 'Somebody', email, password: PASSWORD, ...more },
    })

  it('an account cannot sign in before its address is verified by the link of the mail', async () => {
    const made = await signUp('verify@example.com', { callbackURL: `${PAGE}/welcome` })
    assert.deepEqual([made.status, made.json.token], [200, null])
    assert.equal(made.headers['set-cookie'], undefined)
    const mail = await mailbox.next('verify@example.com')
    assert.match(mail, /^From: Todo <todo@example\.com>$/m)
    const early = await signIn(test, 'verify@example.com')
    assert.deepEqual(
      [early.status, early.json.error, early.json.code],
      [403, 'forbidden', 'EMAIL_NOT_VERIFIED'],
    )
    const link = linkIn(mail)
    assert.equal(link.origin, 'http://localhost:8000')
    const token = link.searchParams.get('token') ?? ''
    const asToken = { as: null, headers: { authorization: `Bearer ${token}` } }
    assert.equal(
      (await test.send('GET', `/api/${claimsOf(token).userId}/tasks`, asToken)).status,
      401,
    )
    const opened = await auth(test, 'GET', path(link))
    assert.deepEqual([opened.status, opened.headers.location], [302, `${PAGE}/welcome`])
    assert.equal((await signIn(test, 'verify@example.com')).status, 200)
    // A sign-in that was too early has mailed the link once more.
    await mailbox.next('verify@example.com')
  })

  it('without a page the link answers by itself, and is mailed again on request', async () => {
    await signUp('again@example.com')
    await mailbox.next('again@example.com')
    const body = { email: 'again@example.com' }
    assert.equal((await auth(test, 'POST', '/send-verification-email', { body })).status, 200)
    const opened = await auth(test, 'GET', path(linkIn(await mailbox.next('again@example.com'))))
    assert.deepEqual([opened.status, opened.json], [200, { status: true, user: null }])
    assert.equal((await signIn(test, 'again@example.com')).status, 200)
  })

  it('302 to the page that a garbled link names, with the error', async () => {
    const callback = `${PAGE}/welcome`
    const link = (to: string) => `/verify-email?token=garbled&callbackURL=${encodeURIComponent(to)}`
    const { status, headers } = await auth(test, 'GET', link(callback))
    assert.deepEqual([status, headers.location], [302, `${callback}?error=INVALID_TOKEN`])
    assert.equal((await auth(test, 'GET', link('https://evil.example.com'))).status, 403)
  })

  it('a sign-up tells nobody that an address is taken; its owner is told', async () => {
    await signUp('taken@example.com')
    await mailbox.next('taken@example.com')
    const taken = await signUp('taken@example.com')
    const free = await signUp('free@example.com')
    const shape = ({ status, headers, json: { token, user } }: Answer) => ({
      status,
      headers: Object.keys(headers),
      token,
      user: { ...user, id: user.id.length, email: '', createdAt: '', updatedAt: '' },
      order: Object.keys(user),
    })
    assert.deepEqual(shape(taken), shape(free))
    assert.match(await mailbox.next('taken@example.com'), /You have an account already/)
    const all = await Promise.all(Array.from({ length: 5 }, () => signUp('five@example.com')))
    for (const one of all) assert.deepEqual(shape(one), shape(free))
    const rows = await test.admin(
      `select id from todo_auth."user" where email = 'five@example.com'`,
    )
    assert.equal(rows.length, 1)
  })

  it('a forgotten password is set anew by the link of a mail, once, and ends every session', async () => {
    await signUp('forgot@example.com')
    await auth(test, 'GET', path(linkIn(await mailbox.next('forgot@example.com'))))
    const session = (await signIn(test, 'forgot@example.com')).json.token
    const ask = (email: string) =>
      auth(test, 'POST', '/request-password-reset', {
        body: { email, redirectTo: `${PAGE}/reset` },
      })
    const mails = mailbox.count('forgot@example.com')
    const [known, unknown] = [await ask('forgot@example.com'), await ask('nobody@example.com')]
    assert.deepEqual([known.status, known.text], [unknown.status, unknown.text])
    const link = linkIn(await mailbox.next('forgot@example.com'))
    await test.accounts?.settled()
    const all = [mailbox.count('forgot@example.com'), mailbox.count('nobody@example.com')]
    assert.deepEqual(all, [mails + 1, 0])
    const opened = await auth(test, 'GET', path(link))
    const page = new URL(String(opened.headers.location))
    assert.equal(page.origin + page.pathname, `${PAGE}/reset`)
    const body = { newPassword: 'a new password', token: page.searchParams.get('token') }
    assert.equal((await auth(test, 'POST', '/reset-password', { body })).status, 200)
    assert.equal((await auth(test, 'GET', '/token', { session })).status, 401)
    assert.equal((await signIn(test, 'forgot@example.com')).status, 401)
    assert.equal((await signIn(test, 'forgot@example.com', 'a new password')).status, 200)
    const twice = await auth(test, 'POST', '/reset-password', { body })
    assert.deepEqual([twice.status, twice.json.code], [400, 'INVALID_TOKEN'])
  })

  it('without a page the mail has the code itself', async () => {
    await signUp('code@example.com')
    await mailbox.next('code@example.com')
    const body = { email: 'code@example.com' }
    await auth(test, 'POST', '/request-password-reset', { body })
    const [, token] = /code: (\w+)/.exec(await mailbox.next('code@example.com')) ?? []
    const reset = { newPassword: 'a new password', token }
    assert.equal((await auth(test, 'POST', '/reset-password', { body: reset })).status, 200)
  })

  it('no fourth mail to one address within 15 minutes, whatever it is for, and the answers stay', async () => {
    const email = 'bombed@example.com'
    const answers = new Set<string>()
    for (let time = 0; time < 4; time += 1) {
      const { status, json } = await signUp(email)
      assert.deepEqual([status, json.token], [200, null])
      answers.add((await auth(test, 'POST', '/request-password-reset', { body: { email } })).text)
      assert.equal((await signIn(test, email)).status, 403)
    }
    assert.equal(answers.size, 1)
    await test.accounts?.settled()
    assert.equal(mailbox.count(email), 3)
  })

  it('the log has no address, no password and no token of a mail', async () => {
    const { headers } = await auth(test, 'GET', '/verify-email/?token=in-a-wrong-path')
    await test.lineOf(String(headers['x-request-id']))
    const log = test.log.join('')
    assert.match(log, /"url":"\/api\/auth\/verify-email"/)
    assert.match(log, /"url":"\/api\/auth\/reset-password\/:token"/)
    for (const secret of [
      '@example.com',
      '%40',
      PASSWORD,
      'a new password',
      'in-a-wrong-path',
      'eyJ',
    ]) {
      assert.ok(!log.includes(secret), secret)
    }
  })
})

describe('with a mail server that is away', () => {
  it('the request is answered all the same, and the log has why', async () => {
    const settings = { SMTP_URL: 'smtp://127.0.0.1:1', SMTP_FROM: 'todo@example.com' }
    const test = await startApp('postgres', { ...BEHIND_PROXY, ...settings })
    const body = { name: 'x', email: 'away@example.com', password: PASSWORD }
    assert.equal((await auth(test, 'POST', '/sign-up/email', { body })).status, 200)
    assert.match(await test.lineOf('a mail could not be sent'), /ECONNREFUSED/)
    await test.close()
    assert.ok(!test.log.join('').includes('away@example.com'))
  })
})

describe('a stop while a mail server is slow', () => {
  it('waits for its mails for a while, says how many were not sent, and closes the database', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : ''
    const settings = { SMTP_URL: `smtp://127.0.0.1:${port}`, SMTP_FROM: 'todo@example.com' }
    const options = { mailLimitMs: 50 }
    const test = await startApp(
      'postgres',
      { ...BEHIND_PROXY, ...settings },
      undefined,
      {},
      options,
    )
    const body = { name: 'x', email: 'slow@example.com', password: PASSWORD }
    assert.equal((await auth(test, 'POST', '/sign-up/email', { body })).status, 200)
    await test.close()
    assert.match(test.log.join(''), /1 mails were not sent before the stop/)
    silent.close()
    for (const socket of sockets) socket.destroy()
  })
})

describe('a mailed link that is not valid, at a server with the page', () => {
  let test: TestApp
  let other: TestApp
  before(async () => {
    const page = await readPage('', await builtPage())
    test = await startApp('postgres', BEHIND_PROXY, undefined, {}, { page })
    other = await startApp('pglite', BEHIND_PROXY)
  })
  after(() => Promise.all([test.close(), other.close()]))

  it('is in the log with its problem and reason, also where the response leads to the page', async () => {
    const headers = { accept: 'text/html', 'user-agent': 'a browser' }
    await auth(test, 'GET', '/verify-email?token=garbled', { headers })
    const line = JSON.parse(await test.lineOf('"a browser"'))
    assert.deepEqual(
      [line.status, line.problem, line.reason],
      [302, 'unauthorized', 'INVALID_TOKEN'],
    )
  })

  for (const [what, link, view] of [
    ['garbled', '/verify-email?token=garbled', '/sign-in'],
    ['cut off', '/verify-email?tok', '/sign-in'],
    ['unknown', '/reset-password/unknown', '/reset-password'],
    ['garbled', '/reset-password/garbled%0A', '/reset-password'],
  ] as const) {
    it(`302 to the page for a browser, a problem for others: ${what}, ${link}`, async () => {
      const browser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } }
      const { status, headers } = await auth(test, 'GET', link, browser)
      assert.deepEqual([status, headers.location], [302, `${view}?error=INVALID_TOKEN`])
      assert.match(String(headers.vary), /\bAccept\b/)
      const problems = [await auth(test, 'GET', link), await auth(other, 'GET', link, browser)]
      for (const problem of problems) {
        assert.ok(problem.status >= 400 && problem.status < 500, String(problem.status))
        assert.match(String(problem.headers['content-type']), /^application\/problem\+json/)
      }
    })
  }
})
