import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTick } from 'node:timers/promises'
import { withDirectClient } from '../../src/database/direct.ts'
import { auth, BEHIND_PROXY, newAddress, PASSWORD } from '../support/accounts.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { type Mailbox, startMailbox } from '../support/mailbox.ts'

const KNOWN = 'known@example.com'
const UNKNOWN = 'unknown@example.com'
const PAGE = 'https://app.example.com'

describe('the time of an answer', () => {
  let mailbox: Mailbox
  let test: TestApp
  const limits = { signUpGridMs: 300 }
  before(async () => {
    mailbox = await startMailbox()
    const mail = { SMTP_URL: mailbox.url, SMTP_FROM: 'Todo <todo@example.com>' }
    const settings = { ...BEHIND_PROXY, ...mail, TRUSTED_ORIGINS: PAGE }
    test = await startApp('postgres', settings, (database) => database, limits)
    await signUp(KNOWN)
    await test.accounts?.settled()
  })
  after(async () => {
    await test.close()
    await mailbox.close()
  })

  const signUp = (email: string) =>
    auth(test, 'POST', '/sign-up/email', { body: { name: 'Somebody', email, password: PASSWORD } })

  /** While nobody can find out whether there is such an account. */
  function withAccountsLocked<Result>(work: () => Promise<Result>): Promise<Result> {
    return withDirectClient(test.test.connector.direct, async (client) => {
      await client.query('begin')
      await client.query('lock table todo_auth."user", todo_auth.verification')
      const result = await work()
      await client.query('commit')
      return result
    })
  }
  const shape = ({ status, text, headers }: Answer) => [status, text, Object.keys(headers)]

  for (const path of ['/request-password-reset', '/send-verification-email']) {
    it(`${path} is answered before it looks for the account, and still sends the mail`, async () => {
      const mails = mailbox.count(KNOWN)
      // The known address comes last: its mail waits for the lock only as long as PostgreSQL lets it.
      const [unknown, again, known] = await withAccountsLocked(async () => [
        await auth(test, 'POST', path, { body: { email: UNKNOWN } }),
        await auth(test, 'POST', path, { body: { email: UNKNOWN } }),
        await auth(test, 'POST', path, { body: { email: KNOWN } }),
      ])
      assert.ok(unknown && known && again)
      assert.equal(known.status, 200)
      assert.deepEqual(shape(known), shape(unknown))
      assert.deepEqual(shape(known), shape(again))
      await test.accounts?.settled()
      assert.equal(mailbox.count(KNOWN), mails + 1)
      assert.equal(mailbox.count(UNKNOWN), 0)
    })

    it(`${path} is refused for what is wrong with the request, whoever it is for`, async () => {
      const elsewhere = { origin: 'https://evil.example', cookie: 'x=y' }
      for (const email of [KNOWN, UNKNOWN]) {
        // Once for each: the work after three responses leaves accounts a connection to count on.
        await withAccountsLocked(async () => {
          const body = { email }
          const evil = await auth(test, 'POST', path, { body, headers: elsewhere })
          assert.equal(evil.status, 403)
          const bad = await auth(test, 'POST', path, { body: { ...body, more: 1 } })
          assert.equal(bad.status, 422)
          const from = newAddress()
          const statuses = []
          // The limit of mails by client address is Better Auth’s own: 3 in a minute.
          for (let time = 0; time < 4; time += 1) {
            const sending = { from, body: { email: `${time}-${email}` } }
            statuses.push((await auth(test, 'POST', path, sending)).status)
          }
          assert.deepEqual(statuses, [200, 200, 200, 429])
        })
        await test.accounts?.settled()
      }
    })
  }

  it('request-password-reset refuses a page elsewhere, whoever it is for', async () => {
    await withAccountsLocked(async () => {
      for (const email of [KNOWN, UNKNOWN]) {
        const body = { email, redirectTo: 'https://evil.example/reset' }
        assert.equal((await auth(test, 'POST', '/request-password-reset', { body })).status, 403)
      }
    })
  })

  it('of a sign-up is one of the grid, for a taken address and for a free one', async (context) => {
    const { accounts } = test
    assert.ok(accounts)
    const { timers } = context.mock
    const nowMs = performance.now()
    context.mock.method(performance, 'now', () => nowMs)
    timers.enable({ apis: ['setTimeout'] })
    /** An answer that the server had when it was asked these comes before them. */
    const served = async () => {
      for (let n = 0; n < 3; n += 1) assert.equal((await test.send('GET', '/livez')).status, 200)
    }
    for (const email of [KNOWN, 'free@example.com']) {
      const handle = context.mock.method(accounts, 'handle')
      let answered = false
      const answer = signUp(email).finally(() => {
        answered = true
      })
      while (handle.mock.callCount() === 0) await nextTick()
      await handle.mock.calls[0]?.result
      await served()
      timers.tick(limits.signUpGridMs - 1)
      await served()
      assert.equal(answered, false)
      timers.tick(1)
      assert.equal((await answer).status, 200)
      handle.mock.restore()
    }
  })

  it('does not matter for a signed-in user, who learns what is wrong with their own address', async () => {
    await test.admin(`update todo_auth."user" set "emailVerified" = true where email = $1`, [KNOWN])
    const credentials = { email: KNOWN, password: PASSWORD }
    const { token: session } = (await auth(test, 'POST', '/sign-in/email', { body: credentials }))
      .json
    for (const [email, code] of [
      [UNKNOWN, 'EMAIL_MISMATCH'],
      [KNOWN, 'EMAIL_ALREADY_VERIFIED'],
    ] as const) {
      const body = { email }
      const answer = await auth(test, 'POST', '/send-verification-email', { session, body })
      assert.deepEqual([answer.status, answer.json.code], [400, code])
    }
  })
})

describe('work that fails after a response', () => {
  it('is in the log under the id of its request', async (context) => {
    const settings = { SMTP_URL: 'smtp://127.0.0.1:1', SMTP_FROM: 'todo@example.com' }
    const test = await startApp('postgres', { ...BEHIND_PROXY, ...settings })
    context.after(() => test.close())
    await test.admin('alter table todo_auth."user" rename to moved')
    const body = { email: KNOWN }
    const { status, headers } = await auth(test, 'POST', '/request-password-reset', { body })
    assert.equal(status, 200)
    const line = await test.lineOf('work after a response failed')
    assert.equal(JSON.parse(line).reqId, headers['x-request-id'])
  })
})

describe('a stop while a request for mail is worked on', () => {
  it('waits for that work, and for the mail that it begins', async (context) => {
    const mailbox = await startMailbox()
    const mail = { SMTP_URL: mailbox.url, SMTP_FROM: 'Todo <todo@example.com>' }
    const limits = { signUpGridMs: 1 }
    const options = { mailLimitMs: 3_600_000 }
    const settings = { ...BEHIND_PROXY, ...mail }
    const test = await startApp('postgres', settings, undefined, limits, options)
    context.after(() => mailbox.close())
    const { accounts } = test
    assert.ok(accounts)
    const body = { name: 'Somebody', email: KNOWN, password: PASSWORD }
    assert.equal((await auth(test, 'POST', '/sign-up/email', { body })).status, 200)
    await accounts.settled()
    const close = accounts.close.bind(accounts)
    const begun = Promise.withResolvers<void>()
    context.mock.method(accounts, 'close', () => {
      const closed = close()
      begun.resolve()
      return closed
    })
    const closing = await withDirectClient(test.test.connector.direct, async (client) => {
      await client.query('begin')
      await client.query('lock table todo_auth."user"')
      const asked = { email: KNOWN }
      assert.equal(
        (await auth(test, 'POST', '/request-password-reset', { body: asked })).status,
        200,
      )
      const closed = test.app.close()
      await begun.promise
      await client.query('commit')
      return { closed }
    })
    await closing.closed
    assert.equal(mailbox.count(KNOWN), 2)
    await test.close()
  })
})
