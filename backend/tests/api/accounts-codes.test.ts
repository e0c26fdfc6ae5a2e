import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  auth,
  BEHIND_PROXY,
  operatorResets,
  PASSWORD,
  type Person,
  signIn,
  signUp,
} from '../support/accounts.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

const NEW_PASSWORD = 'another horse battery'

/** Mail is switched on for reset codes, which are read from the database. */
const SETTINGS = {
  ...BEHIND_PROXY,
  ...{ SMTP_URL: 'smtp://127.0.0.1:1', SMTP_FROM: 'todo@example.com' },
  REQUIRE_EMAIL_VERIFICATION: 'off',
}

for (const kind of KINDS) {
  describe(`the password-reset codes on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, SETTINGS)
    })
    after(() => test.close())

    let people = 0
    const newPerson = () => {
      people += 1
      return signUp(test, `person-${people}@example.com`)
    }
    const codesOf = async ({ id }: Person) =>
      (
        await test.admin(
          `select substr(identifier, 16) as code from todo_auth.verification where value = $1`,
          [id],
        )
      ).map(({ code }) => String(code))

    /** Asked for, as many as are wanted. */
    async function codes(person: Person, count = 2): Promise<string[]> {
      for (let time = 0; time < count; time += 1) {
        const body = { email: person.email }
        assert.equal((await auth(test, 'POST', '/request-password-reset', { body })).status, 200)
      }
      // They are made after the responses.
      await test.accounts?.settled()
      const all = await codesOf(person)
      assert.equal(all.length, count)
      return all
    }
    const reset = (token?: string, newPassword = NEW_PASSWORD) =>
      auth(test, 'POST', '/reset-password', { body: { newPassword, token } })

    async function assertSpent(person: Person, given: string[], password: string): Promise<void> {
      assert.deepEqual(await codesOf(person), [])
      for (const code of given) {
        const { status, json } = await reset(code, 'of somebody else')
        assert.deepEqual([status, json.code], [400, 'INVALID_TOKEN'])
      }
      assert.equal((await signIn(test, person.email, password)).status, 200)
    }

    it('are gone when one of them is used, and those of others stay', async () => {
      const [person, other] = [await newPerson(), await newPerson()]
      const [all, others] = [await codes(person), await codes(other)]
      assert.equal((await reset(all[1])).status, 200)
      await assertSpent(person, all, NEW_PASSWORD)
      assert.deepEqual(await codesOf(other), others)
    })

    it('are gone after change-password', async () => {
      const person = await newPerson()
      const all = await codes(person)
      const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
      const { session } = person
      assert.equal((await auth(test, 'POST', '/change-password', { session, body })).status, 200)
      await assertSpent(person, all, NEW_PASSWORD)
    })

    it('stay after a change-password that is refused', async () => {
      const person = await newPerson()
      const all = await codes(person)
      const body = { currentPassword: 'not the password', newPassword: NEW_PASSWORD }
      const { session } = person
      assert.equal((await auth(test, 'POST', '/change-password', { session, body })).status, 400)
      assert.deepEqual(await codesOf(person), all)
    })

    it('are gone after npm run user -- reset-password', async () => {
      const person = await newPerson()
      const all = await codes(person)
      await operatorResets(test, person, NEW_PASSWORD)
      await assertSpent(person, all, NEW_PASSWORD)
    })

    it('are gone after the password was set where there was none', async () => {
      const person = await newPerson()
      await test.admin(`update todo_auth.account set "providerId" = 'github' where "userId" = $1`, [
        person.id,
      ])
      const all = await codes(person)
      assert.equal((await reset(all[0])).status, 200)
      await assertSpent(person, all, NEW_PASSWORD)
    })

    it('are gone with the account, by the person and by hand, with a password and without', async () => {
      const people = [await newPerson(), await newPerson(), await newPerson()]
      const given = []
      for (const person of people) given.push(...(await codes(person)))
      const [one, two, three] = people.map(({ id }) => id)
      const { session = '' } = people[0] ?? {}
      const { status } = await auth(test, 'POST', '/delete-user', { session })
      assert.equal(status, 200)
      await test.admin('delete from todo_auth."user" where id = $1', [two])
      await test.admin('delete from todo_auth.account where "userId" = $1', [three])
      assert.deepEqual(
        await test.admin('select * from todo_auth.verification where value = any ($1)', [
          [one, two, three],
        ]),
        [],
      )
      for (const code of given) assert.equal((await reset(code)).status, 400)
    })

    it('are gone after a change by hand, and stay when a provider renews its token', async () => {
      const person = await newPerson()
      const all = await codes(person)
      await test.admin(
        `insert into todo_auth.account (id, "accountId", "providerId", "userId", "updatedAt")
         values ('google-' || $1, $1, 'google', $1, now())`,
        [person.id],
      )
      await test.admin(`update todo_auth.account set "accessToken" = 'x' where "userId" = $1`, [
        person.id,
      ])
      assert.deepEqual(await codesOf(person), all)
      await test.admin('update todo_auth.account set password = password where "userId" = $1', [
        person.id,
      ])
      await assertSpent(person, all, PASSWORD)
    })

    it('one of two used at the same time sets the password, and the other is invalid', async () => {
      for (let round = 0; round < 3; round += 1) {
        const person = await newPerson()
        const all = await codes(person)
        const passwords = all.map((_, at) => `${NEW_PASSWORD} ${at}`)
        const answers = await Promise.all(all.map((code, at) => reset(code, passwords[at])))
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400])
        const won = answers.findIndex(({ status }) => status === 200)
        await assertSpent(person, all, passwords[won] ?? '')
      }
    })
  })
}
