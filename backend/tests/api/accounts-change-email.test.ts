import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { auth, BEHIND_PROXY, claimsOf, PASSWORD, signIn, signUp } from '../support/accounts.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { linkIn, type Mailbox, startMailbox } from '../support/mailbox.ts'
import { forge, HS256 } from '../support/tokens.ts'

const path = ({ pathname, search }: URL) => pathname.replace('/api/auth', '') + search
const NEW_PASSWORD = 'another horse battery'

for (const kind of KINDS) {
  describe(`a change of the address on ${kind}`, () => {
    let mailbox: Mailbox
    let test: TestApp
    before(async () => {
      mailbox = await startMailbox()
      const mail = { SMTP_URL: mailbox.url, SMTP_FROM: 'Todo <todo@example.com>' }
      const settings = { ...BEHIND_PROXY, ...mail, REQUIRE_EMAIL_VERIFICATION: 'off' }
      test = await startApp(kind, settings)
    })
    after(async () => {
      await test.close()
      await mailbox.close()
    })

    let people = 0
    async function newPerson() {
      people += 1
      const person = await signUp(test, `old-${people}@example.com`)
      return { ...person, newEmail: `new-${people}@example.com` }
    }
    type Changing = Awaited<ReturnType<typeof newPerson>>
    const ask = ({ session, newEmail }: Changing, more: object = {}) =>
      auth(test, 'POST', '/change-email', { session, body: { newEmail, ...more } })
    const askForLink = async (person: Changing) => {
      assert.deepEqual((await ask(person)).json, { status: true })
      return linkIn(await mailbox.next(person.newEmail))
    }
    const emailOf = async ({ id }: { id: string }) =>
      (await test.admin('select email from todo_auth."user" where id = $1', [id]))[0]?.email

    it('happens when the link to the new address is opened, and the old one is told', async () => {
      const person = await newPerson()
      const link = await askForLink(person)
      assert.equal(await emailOf(person), person.email)
      assert.equal((await signIn(test, person.newEmail)).status, 401)
      const opened = await auth(test, 'GET', path(link))
      const { email, emailVerified } = opened.json.user
      assert.deepEqual([opened.status, email, emailVerified], [200, person.newEmail, true])
      const { user } = (await auth(test, 'GET', '/get-session', person)).json
      assert.deepEqual([user.email, user.emailVerified], [person.newEmail, true])
      assert.match(await mailbox.next(person.email), /has another e-mail address/)
      assert.equal((await signIn(test, person.newEmail)).status, 200)
      assert.equal((await signIn(test, person.email)).status, 401)
      const again = await auth(test, 'GET', path(link))
      assert.deepEqual([again.status, again.json.code], [401, 'INVALID_TOKEN'])
    })

    it('200 for another operation with such a token in its query, which changes nothing of the address', async () => {
      const person = await newPerson()
      const body = { name: 'Ann' }
      const forged = forge(HS256, { email: person.newEmail, updateTo: person.email })
      for (const token of ['x', forged]) {
        const changed = await auth(test, 'POST', `/update-user?token=${token}`, { ...person, body })
        assert.equal(changed.status, 200, changed.text)
      }
      await test.accounts?.settled()
      assert.equal(mailbox.count(person.newEmail), 0)
      const { user } = (await auth(test, 'GET', '/get-session', person)).json
      assert.deepEqual([user.name, user.emailVerified], ['Ann', false])
    })

    it('ends the links and codes that were mailed before', async () => {
      const person = await newPerson()
      const other = { ...person, newEmail: `other-${person.newEmail}` }
      const otherLink = await askForLink(other)
      const { session, email } = person
      await auth(test, 'POST', '/send-verification-email', { session, body: { email } })
      const verification = linkIn(await mailbox.next(email))
      await auth(test, 'POST', '/request-password-reset', { body: { email } })
      const [, code] = /use this code: ([\w-]+)/.exec(await mailbox.next(email)) ?? []
      const opened = await auth(test, 'GET', path(await askForLink(person)))
      assert.equal(opened.status, 200)
      for (const link of [otherLink, verification]) {
        assert.equal((await auth(test, 'GET', path(link))).status, 401)
      }
      const body = { newPassword: NEW_PASSWORD, token: code }
      const reset = await auth(test, 'POST', '/reset-password', { body })
      assert.deepEqual([reset.status, reset.json.code], [400, 'INVALID_TOKEN'])
      assert.equal(await emailOf(person), person.newEmail)
    })

    it('401 for the link after a new password, and after the end of all other sessions', async () => {
      for (const [way, body] of [
        ['/change-password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }],
        ['/revoke-other-sessions', {}],
      ] as const) {
        const person = await newPerson()
        const link = await askForLink(person)
        const { session } = person
        assert.equal((await auth(test, 'POST', way, { session, body })).status, 200)
        const opened = await auth(test, 'GET', path(link))
        assert.deepEqual([opened.status, opened.json.code], [401, 'INVALID_TOKEN'])
        assert.equal(await emailOf(person), person.email)
      }
    })

    it('answers the same for a taken address, to which no mail goes', async () => {
      const [person, owner] = [await newPerson(), await newPerson()]
      const free = await ask(person)
      await mailbox.next(person.newEmail)
      const taken = await ask({ ...person, newEmail: owner.email.toUpperCase() })
      assert.deepEqual([taken.status, taken.text], [free.status, free.text])
      await test.accounts?.settled()
      assert.equal(mailbox.count(owner.email), 0)
    })

    it('401 without a session, 400 for the same address, 422 for none', async () => {
      const person = await newPerson()
      const body = { newEmail: person.newEmail }
      assert.equal((await auth(test, 'POST', '/change-email', { body })).status, 401)
      assert.equal((await ask({ ...person, newEmail: person.email })).status, 400)
      assert.equal((await ask({ ...person, newEmail: 'nowhere' })).status, 422)
      assert.equal((await ask(person, { callbackURL: 'https://evil.example' })).status, 403)
    })

    it('401 for the token of another purpose or of one step of Better Auth that is not used', async () => {
      const person = await newPerson()
      const payload = claimsOf((await askForLink(person)).searchParams.get('token') ?? '')
      for (const change of [
        { requestType: undefined },
        { requestType: 'change-email-confirmation' },
        { scope: 'tasks' },
      ]) {
        const token = forge(HS256, { ...payload, ...change })
        assert.equal((await auth(test, 'GET', `/verify-email?token=${token}`)).status, 401)
      }
      assert.equal(await emailOf(person), person.email)
      const sound = forge(HS256, payload)
      assert.equal((await auth(test, 'GET', `/verify-email?token=${sound}`)).status, 200)
    })
  })
}

describe('a change of the address without mail', () => {
  it('is 400 and names the setting, whether the address is taken or not', async () => {
    const test = await startApp('postgres', BEHIND_PROXY)
    const { session } = await signUp(test, 'alice@example.com')
    await signUp(test, 'bob@example.com')
    for (const newEmail of ['bob@example.com', 'free@example.com']) {
      const answer = await auth(test, 'POST', '/change-email', { session, body: { newEmail } })
      assert.deepEqual(
        [answer.status, answer.json.message],
        [400, 'This server sends no mail; the operator can set SMTP_URL'],
      )
    }
    await test.close()
  })
})
