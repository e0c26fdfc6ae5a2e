import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '../../src/core/limits.ts'
import { readMigrations } from '../../src/database/migrate/migrate.ts'
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

const MOST = LIMITS.sessionsPerAccount
const ROWS = `insert into todo_auth.session (id, token, "userId", "expiresAt", "updatedAt", "createdAt")
  select $1 || n, 'token-' || $1 || n, $1, now() + interval '1 day', now(), now() - n * interval '1 s'
  from generate_series(1, $2::int) n`
const NEW_PASSWORD = 'another horse battery'

/** Mail is switched on for reset codes, which are read from the database. */
const SETTINGS = {
  ...BEHIND_PROXY,
  ...{ SMTP_URL: 'smtp://127.0.0.1:1', SMTP_FROM: 'todo@example.com' },
  REQUIRE_EMAIL_VERIFICATION: 'off',
}

for (const kind of KINDS) {
  describe(`the sessions of an account on ${kind}`, () => {
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
    const tokensOf = async ({ id }: Person) =>
      (await test.admin('select token from todo_auth.session where "userId" = $1', [id])).map(
        ({ token }) => String(token),
      )

    /** Sessions as an earlier version left them. */
    async function fill({ id }: Person, count: number): Promise<void> {
      const table = 'alter table todo_auth.session'
      await test.admin(`${table} disable trigger keep_newest_sessions`)
      await test.admin(ROWS, [id, count])
      await test.admin(`${table} enable trigger keep_newest_sessions`)
    }

    it('revoke-other-sessions ends all of 250 but the one that asks', async () => {
      const [person, other] = [await newPerson(), await newPerson()]
      await fill(person, 250)
      const { status, json } = await auth(test, 'POST', '/revoke-other-sessions', {
        session: person.session,
      })
      assert.deepEqual([status, json], [200, { status: true }])
      assert.deepEqual(await tokensOf(person), [person.session])
      assert.deepEqual(await tokensOf(other), [other.session])
      assert.equal((await auth(test, 'POST', '/revoke-other-sessions')).status, 401)
    })

    it('revoke-other-sessions from a page elsewhere is 403 and ends none', async () => {
      const person = await newPerson()
      await fill(person, 3)
      const signedIn = await signIn(test, person.email)
      const [cookie = ''] = (signedIn.headers['set-cookie'] ?? []).map((one) => one.split(';')[0])
      const headers = { cookie, origin: 'https://evil.example' }
      const { status } = await auth(test, 'POST', '/revoke-other-sessions', { headers })
      assert.equal(status, 403)
      assert.equal((await tokensOf(person)).length, 5)
    })

    it('revoke-sessions ends all of 250', async () => {
      const person = await newPerson()
      await fill(person, 250)
      const { session } = person
      assert.equal((await auth(test, 'POST', '/revoke-sessions', { session })).status, 200)
      assert.deepEqual(await tokensOf(person), [])
    })

    it('change-password ends all of 250 where that is asked, and none otherwise', async () => {
      const person = await newPerson()
      await fill(person, 250)
      const { session } = person
      const change = (body: object) => auth(test, 'POST', '/change-password', { session, body })
      const kept = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
      assert.equal((await change(kept)).status, 200)
      assert.equal((await tokensOf(person)).length, 251)
      const ended = { currentPassword: NEW_PASSWORD, newPassword: PASSWORD }
      const { status, json } = await change({ ...ended, revokeOtherSessions: true })
      assert.equal(status, 200)
      assert.deepEqual(await tokensOf(person), [json.token])
    })

    it('reset-password ends all of 250', async () => {
      const person = await newPerson()
      await fill(person, 250)
      await test.admin(
        `insert into todo_auth.verification (id, identifier, value, "expiresAt")
         values ($1, 'reset-password:code-of-' || $1, $1, now() + interval '1 hour')`,
        [person.id],
      )
      const body = { newPassword: NEW_PASSWORD, token: `code-of-${person.id}` }
      assert.equal((await auth(test, 'POST', '/reset-password', { body })).status, 200)
      assert.deepEqual(await tokensOf(person), [])
    })

    it('npm run user -- reset-password ends all of 250', async () => {
      const person = await newPerson()
      await fill(person, 250)
      await operatorResets(test, person, NEW_PASSWORD)
      assert.deepEqual(await tokensOf(person), [])
    })

    it('sign-out and revoke-session end one of 250', async () => {
      const person = await newPerson()
      await fill(person, 250)
      const { session } = person
      const body = { token: `token-${person.id}200` }
      assert.equal((await auth(test, 'POST', '/revoke-session', { session, body })).status, 200)
      assert.equal((await auth(test, 'POST', '/sign-out', { session })).status, 200)
      const left = await tokensOf(person)
      assert.equal(left.length, 249)
      assert.ok(!left.includes(session) && !left.includes(body.token))
    })

    it('a sign-in leaves the 50 newest, and list-sessions lists all of them', async () => {
      const person = await newPerson()
      await fill(person, 250)
      const session: string = (await signIn(test, person.email)).json.token
      const left = await tokensOf(person)
      const newest = Array.from({ length: MOST - 2 }, (_, n) => `token-${person.id}${n + 1}`)
      assert.deepEqual(left.sort(), [...newest, person.session, session].sort())
      const { json } = await auth(test, 'GET', '/list-sessions', { session })
      assert.deepEqual(json.map(({ token }: { token: string }) => token).sort(), left.sort())
    })

    it('a sign-in ends expired ones first, and stays itself, though its server is behind', async () => {
      const person = await newPerson()
      await fill(person, 60)
      await test.admin(
        `update todo_auth.session set "expiresAt" = now() - interval '1 s'
         where "userId" = $1 and token in ('token-' || $1 || '1', 'token-' || $1 || '2')`,
        [person.id],
      )
      await test.admin(
        `insert into todo_auth.session (id, token, "userId", "expiresAt", "updatedAt", "createdAt")
         values ('late-' || $1, 'late-' || $1, $1, now() + interval '1 day', now(), now() - interval '1 year')`,
        [person.id],
      )
      const left = await tokensOf(person)
      assert.equal(left.length, MOST)
      assert.ok(left.includes(`late-${person.id}`) && left.includes(person.session))
      assert.ok(!left.includes(`token-${person.id}1`) && !left.includes(`token-${person.id}2`))
    })

    it('of sessions made in one moment 50 are left, and of those made at once', async () => {
      const person = await newPerson()
      await test.admin(
        `insert into todo_auth.session (id, token, "userId", "expiresAt", "updatedAt", "createdAt")
         select $1 || n, $1 || n, $1, now() + interval '1 day', now(), now()
         from generate_series(1, 120) n`,
        [person.id],
      )
      assert.equal((await tokensOf(person)).length, MOST)
      const insert = (n: number) =>
        test.admin(
          `insert into todo_auth.session (id, token, "userId", "expiresAt", "updatedAt")
           values ($1 || $2, $1 || $2, $1, now() + interval '1 day', now())`,
          [person.id, `-at-once-${n}`],
        )
      await Promise.all(Array.from({ length: 12 }, (_, n) => insert(n)))
      assert.equal((await tokensOf(person)).length, MOST)
    })

    it('an account with 1 000 has 50 after the migration', async () => {
      const [person, other] = [await newPerson(), await newPerson()]
      await fill(person, 1_000)
      await fill(other, 10)
      const migration = (await readMigrations()).find(({ name }) => name.startsWith('0006'))
      const last = migration?.sql.split('\n-- next\n').at(-1) ?? ''
      assert.match(last, /^delete from todo_auth\.session/)
      await test.admin(last)
      const left = await tokensOf(person)
      assert.equal(left.length, MOST)
      assert.ok(left.includes(person.session) && left.includes(`token-${person.id}49`))
      assert.equal((await tokensOf(other)).length, 11)
    })
  })
}
