import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Database } from '../../src/database/session.ts'
import { sweepExpired, tokenTime } from '../../src/models/accounts/account.ts'
import {
  auth,
  BEHIND_PROXY,
  claimsOf,
  operatorResets,
  PASSWORD,
  type Person,
  signIn,
  signUp,
} from '../support/accounts.ts'
import { exchange, serve, startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { claims, forge, HS256 } from '../support/tokens.ts'

const NEW_PASSWORD = 'another horse battery'
const SETTINGS = {
  ...BEHIND_PROXY,
  ...{ SMTP_URL: 'smtp://127.0.0.1:1', SMTP_FROM: 'todo@example.com' },
  REQUIRE_EMAIL_VERIFICATION: 'off',
}
/** The list is read when a test says so. */
const revocationTimes = { intervalMs: 3_600_000, idlePauses: 1, waitMs: 3_600_000 }

for (const kind of KINDS) {
  describe(`revoked tokens on ${kind}`, () => {
    let test: TestApp
    let other: Awaited<ReturnType<typeof serve>>
    before(async () => {
      test = await startApp(kind, SETTINGS, undefined, {}, { revocationTimes })
      const { database, connector } = test.test
      const shared: Database = {
        description: '',
        failed: database.failed,
        asUser: (user, asked) => database.asUser(user, asked),
        ping: () => database.ping(),
        close: async () => {},
      }
      const accounts = { revocationTimes }
      other = await serve(shared, SETTINGS, { connector, accounts })
    })
    after(async () => {
      await other.close()
      await test.close()
    })

    let people = 0
    const newPerson = () => {
      people += 1
      return signUp(test, `person-${people}@example.com`)
    }
    const tasks = ({ port }: { port: number }, token: string) =>
      exchange(port, 'GET', '/api/me/tasks', { headers: { authorization: `Bearer ${token}` } })
    const bound = async ({ id }: Person) => {
      const text = `select extract(epoch from before)::int as at from todo_auth.revocation where user_id = $1`
      return (await test.admin(text, [id]))[0]?.at as number | undefined
    }
    const newToken = async (session: string): Promise<string> =>
      (await auth(test, 'GET', '/token', { session })).json.token

    async function assertRevoked(person: Person): Promise<void> {
      for (const server of [test, other]) {
        await (server === other && other.accounts?.revocations.refresh())
        const { status, json, headers } = await tasks(server, person.token)
        assert.deepEqual([status, json.detail], [401, 'The token has been revoked'])
        assert.equal(
          headers['www-authenticate'],
          'Bearer realm="todo", error="invalid_token", error_description="The token has been revoked"',
        )
      }
    }

    async function resetByCode({ id }: Person): Promise<void> {
      await test.admin(
        `insert into todo_auth.verification (id, identifier, value, "expiresAt")
         values ($1, 'reset-password:code-of-' || $1, $1, now() + interval '1 hour')`,
        [id],
      )
      const body = { newPassword: NEW_PASSWORD, token: `code-of-${id}` }
      assert.equal((await auth(test, 'POST', '/reset-password', { body })).status, 200)
    }

    async function post(person: Person, path: string, body: object = {}): Promise<void> {
      const { session } = person
      assert.equal((await auth(test, 'POST', path, { session, body })).status, 200)
    }

    async function operatorSetsPassword(person: Person): Promise<void> {
      await operatorResets(test, person, NEW_PASSWORD)
      await test.accounts?.revocations.refresh()
    }

    async function changeByHand({ id }: Person): Promise<void> {
      await test.admin(`update todo_auth.account set password = 'x' where "userId" = $1`, [id])
      await test.accounts?.revocations.refresh()
    }

    const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
    const WAYS: [string, (person: Person) => Promise<void>][] = [
      ['a password reset', resetByCode],
      ['a password change', (person) => post(person, '/change-password', change)],
      [
        'a password change that ends other sessions',
        (person) => post(person, '/change-password', { ...change, revokeOtherSessions: true }),
      ],
      ['the end of all sessions', (person) => post(person, '/revoke-sessions')],
      ['the end of all other sessions', (person) => post(person, '/revoke-other-sessions')],
      ['the deletion of the account', (person) => post(person, '/delete-user')],
      ['npm run user -- reset-password', operatorSetsPassword],
      ['a password changed by a statement by hand', changeByHand],
    ]
    for (const [way, revoke] of WAYS) {
      it(`401 on both servers after ${way}, and for nobody else`, async () => {
        const [person, bystander] = [await newPerson(), await newPerson()]
        for (const server of [test, other]) {
          assert.equal((await tasks(server, person.token)).status, 200)
        }
        await revoke(person)
        await assertRevoked(person)
        for (const server of [test, other]) {
          assert.equal((await tasks(server, bystander.token)).status, 200)
        }
      })
    }

    it('200 at once for a token of the session that remains, and of a new sign-in', async () => {
      const person = await newPerson()
      await post(person, '/change-password', change)
      const signedIn = (await signIn(test, person.email, NEW_PASSWORD)).json.token
      for (const token of [await newToken(person.session), await newToken(signedIn)]) {
        assert.ok(claimsOf(token).iat >= ((await bound(person)) ?? Number.NaN))
        await other.accounts?.revocations.refresh()
        for (const server of [test, other]) assert.equal((await tasks(server, token)).status, 200)
      }
      await assertRevoked(person)
    })

    it('401 for every token before the bound, 200 from it on', async () => {
      const person = await newPerson()
      const early = Math.floor(Date.now() / 1000)
      await post(person, '/revoke-other-sessions')
      const at = (await bound(person)) ?? Number.NaN
      assert.ok(at > early, 'the second of the change counts as before it')
      const answers: number[] = []
      for (const iat of [at - 1, at]) {
        const token = forge(HS256, claims({ sub: person.id, iat }))
        answers.push((await tasks(test, token)).status)
      }
      assert.deepEqual(answers, [401, 200])
    })

    it('401 for a token without iat while its user is on the list, 200 for others', async () => {
      const [person, bystander] = [await newPerson(), await newPerson()]
      await post(person, '/revoke-other-sessions')
      const answers: number[] = []
      for (const { id } of [person, bystander]) {
        answers.push((await tasks(test, forge(HS256, claims({ sub: id, iat: undefined })))).status)
      }
      assert.deepEqual(answers, [401, 200])
    })

    it('the log says which check, and has no token', async () => {
      const person = await newPerson()
      await post(person, '/revoke-sessions')
      await tasks(test, person.token)
      const line = await test.lineOf('"check":"revocation"')
      assert.ok(!line.includes(person.token))
    })

    it('sign-up, sign-in, sign-out and a new name revoke nothing', async () => {
      const person = await newPerson()
      await post(person, '/update-user', { name: 'Other' })
      const session = (await signIn(test, person.email)).json.token
      await auth(test, 'POST', '/sign-out', { session })
      assert.equal(await bound(person), undefined)
    })

    it('a session that has ended in the meantime gets no token', async () => {
      const person = await newPerson()
      const { accounts } = test
      assert.equal(await accounts?.pool.run(tokenTime(person.id, 'ended')), undefined)
    })

    it('a revocation is neither read nor kept when all tokens from before it have expired', async () => {
      const person = await newPerson()
      await post(person, '/revoke-other-sessions')
      await test.admin(
        `update todo_auth.revocation set before = now() - interval '71 minutes' where user_id = $1`,
        [person.id],
      )
      await test.accounts?.revocations.refresh()
      assert.equal((await tasks(test, person.token)).status, 200)
      await test.accounts?.pool.run(sweepExpired())
      assert.equal(await bound(person), undefined)
    })
  })
}
