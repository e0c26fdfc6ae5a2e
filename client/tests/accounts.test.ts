import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { claimsOf } from '../../backend/tests/support/accounts.ts'
import { startApp, type TestApp } from '../../backend/tests/support/app.ts'
import { linkIn, type Mailbox, startMailbox } from '../../backend/tests/support/mailbox.ts'
import {
  type Accounts,
  type AccountsOptions,
  createAccounts,
  memorySession,
} from '../src/transport/accounts.ts'
import { createClient, TodoError } from '../src/transport/client.ts'

const ORIGIN = 'http://localhost:5173'
const PASSWORD = 'correct horse battery'

for (const basePath of ['', '/todo']) {
  describe(`accounts below ${basePath || '/'}`, () => {
    let test: TestApp
    let mailbox: Mailbox
    before(async () => {
      mailbox = await startMailbox()
      test = await startApp('postgres', {
        ACCOUNT_LIMITS: 'off',
        SMTP_URL: mailbox.url,
        SMTP_FROM: 'Todo <todo@example.com>',
        REQUIRE_EMAIL_VERIFICATION: 'off',
        ...(basePath && { BASE_PATH: basePath }),
      })
    })
    after(async () => {
      await test.close()
      await mailbox.close()
    })

    const baseUrl = () => `http://127.0.0.1:${test.port}${basePath}`
    const accountsOf = (options: Partial<AccountsOptions> = {}): Accounts =>
      createAccounts({ baseUrl: baseUrl(), session: memorySession(), ...options })
    const person = (email: string) => ({ name: 'Ann', email, password: PASSWORD })

    for (const way of ['bearer', 'cookie'] as const) {
      it(`sign up, in and out, sessions and tasks, by ${way}`, async () => {
        const own = way === 'cookie' ? { session: way, fetch: browserFetch() } : {}
        const accounts = accountsOf(own)
        const email = `${way}@example.com`
        assert.equal(await accounts.session(), null)
        const { user, signedIn } = await accounts.signUp(person(email))
        assert.deepEqual([user.email, signedIn], [email, true])
        const client = createClient({ baseUrl: baseUrl(), token: accounts.token })
        const body = { title: 'mine' }
        const made = await client.request('POST /api/{user_id}/tasks', { body })
        assert.equal(made.body.user_id, user.id)
        await accounts.signOut()
        assert.equal(await accounts.session(), null)
        assert.equal(await codeOf(accounts.token()), 401)

        assert.equal((await accounts.signIn({ email, password: PASSWORD })).id, user.id)
        await accounts.changeName('Anna')
        assert.equal((await accounts.session())?.user.name, 'Anna')
        const elsewhere = accountsOf()
        await elsewhere.signIn({ email, password: PASSWORD })
        assert.equal((await accounts.sessions()).length, 2)
        await accounts.endOtherSessions()
        assert.equal(await elsewhere.session(), null)
        await elsewhere.signIn({ email, password: PASSWORD })
        const { session } = (await elsewhere.session()) ?? assert.fail('there is no session')
        await accounts.endSession(session.token)
        assert.equal((await accounts.sessions()).length, 1)
        await accounts.endAllSessions()
        assert.equal(await accounts.session(), null)
        await accounts.signIn({ email, password: PASSWORD })
        await accounts.deleteAccount({ password: PASSWORD })
        assert.equal(await codeOf(accounts.signIn({ email, password: PASSWORD })), 401)
      })
    }

    it('a password is changed, and reset by mail; the code of a refusal is that of Better Auth', async () => {
      const accounts = accountsOf()
      const email = 'reset@example.com'
      const { user } = await accounts.signUp(person(email))
      const wrong = { currentPassword: 'not this one', newPassword: 'another horse battery' }
      await assert.rejects(accounts.changePassword(wrong), { code: 'INVALID_PASSWORD' })
      const before = await accounts.token()
      await accounts.changePassword({ ...wrong, currentPassword: PASSWORD })
      assert.notEqual(await accounts.token(), before)
      await accounts.requestPasswordReset({ email, redirectTo: `${ORIGIN}/reset` })
      const link = linkIn(await mailbox.next(email))
      const token = link.pathname.split('/').at(-1) ?? ''
      await accounts.resetPassword({ token, newPassword: 'third horse battery' })
      assert.equal((await accounts.signIn({ email, password: 'third horse battery' })).id, user.id)
      await assert.rejects(accounts.signIn({ email, password: PASSWORD }), {
        code: 'INVALID_EMAIL_OR_PASSWORD',
      })
      await accounts.changeEmail({ newEmail: `new-${email}` })
      assert.match(linkIn(await mailbox.next(`new-${email}`)).pathname, /verify-email/)
    })

    it('the token is asked for once at a time, kept, and renewed a minute before it expires', async () => {
      let now = 0
      let asked = 0
      const counting: typeof fetch = (input, init) => {
        if (String(input).endsWith('/token')) asked += 1
        return fetch(input, init)
      }
      const accounts = accountsOf({ now: () => now, fetch: counting })
      await accounts.signUp(person('token@example.com'))
      const [one, other] = await Promise.all([accounts.token(), accounts.token()])
      assert.deepEqual([one, asked], [other, 1])
      now = 839_000
      await accounts.token()
      assert.equal(asked, 1)
      now = 841_000
      await accounts.token()
      assert.equal(asked, 2)
      const refused = await accounts.token()
      await Promise.all([accounts.token(refused), accounts.token(refused)])
      assert.equal(asked, 3)
    })

    it('the token of one user is not that of the next who signs in', async () => {
      const accounts = accountsOf()
      const { user } = await accounts.signUp(person('one@example.com'))
      const source = accounts.tokenOf(user.id)
      assert.equal(claimsOf(await source()).sub, user.id)
      await accounts.signUp(person('two@example.com'))
      assert.equal(await codeOf(source()), 401)
      await accounts.signIn({ email: 'one@example.com', password: PASSWORD })
      assert.equal(claimsOf(await source()).sub, user.id)
    })

    it('a session that has ended elsewhere is forgotten, and a later sign-in is not', async () => {
      const session = memorySession()
      const accounts = accountsOf({ session })
      await accounts.signUp(person('ended@example.com'))
      const elsewhere = accountsOf()
      await elsewhere.signIn({ email: 'ended@example.com', password: PASSWORD })
      await elsewhere.endAllSessions()
      assert.notEqual(session.get(), null)
      assert.equal(await codeOf(accounts.token()), 401)
      assert.equal(session.get(), null)
    })
  })
}

async function codeOf(promise: string | Promise<unknown>): Promise<number> {
  try {
    await promise
    return 200
  } catch (error) {
    if (error instanceof TodoError) return error.status
    throw error
  }
}

/** As a browser: it stores cookies, and sends them with the origin of the page. */
function browserFetch(): typeof fetch {
  const jar = new Map<string, string>()
  return async (input, init) => {
    assert.equal(init?.credentials, 'include')
    const headers = new Headers(init?.headers)
    headers.set('origin', ORIGIN)
    headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(input, { ...init, headers })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }
}
