import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SignJWT } from 'jose/jwt/sign'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import {
  auth,
  BEHIND_PROXY,
  claimsOf,
  PASSWORD,
  type Person,
  signIn,
  signUp,
} from '../support/accounts.ts'
import { SECRET, startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'

const tasksOf = ({ id }: Person) => `/api/${id}/tasks`
const bearer = ({ token }: Person) => ({ as: null, headers: { authorization: `Bearer ${token}` } })

for (const kind of KINDS) {
  describe(`accounts on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, BEHIND_PROXY)
    })
    after(() => test.close())

    it('sign-up, sign-in and token lead to a task of one’s own', async () => {
      const made = await signUp(test, 'first@example.com')
      const again = await signIn(test, 'FIRST@Example.com')
      assert.equal(again.status, 200)
      assert.equal(again.json.user.id, made.id)
      const got = await auth(test, 'GET', '/token', { session: again.json.token })
      assert.equal(got.status, 200)
      const person = { ...made, token: got.json.token }
      const task = await test.send('POST', tasksOf(person), {
        ...bearer(person),
        body: { title: 'x' },
      })
      assert.equal(task.status, 201)
      assert.equal(task.json.user_id, made.id)
      const list = await test.send('GET', tasksOf(made), bearer(made))
      assert.deepEqual(list.json, [task.json])
      const other = await signUp(test, 'other@example.com')
      assert.equal((await test.send('GET', tasksOf(made), bearer(other))).status, 403)
      assert.deepEqual((await test.send('GET', tasksOf(other), bearer(other))).json, [])
    })

    it('200 for the token, with its lifetime in seconds and its user', async () => {
      const made = await signUp(test, 'lifetime@example.com')
      const { json } = await auth(test, 'GET', '/token', { session: made.session })
      assert.deepEqual(Object.keys(json), ['token', 'expires_in', 'user_id'])
      assert.deepEqual([json.expires_in, json.user_id], [900, made.id])
    })

    it('the token is HS256 and carries sub, iat, exp, iss and aud, and nothing else', async () => {
      const earlier = Math.floor(Date.now() / 1000)
      const { token, id } = await signUp(test, 'claims@example.com')
      const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
      assert.deepEqual(header, { alg: 'HS256' })
      const { iat, exp, ...rest } = claimsOf(token)
      assert.deepEqual(rest, {
        sub: id,
        iss: 'http://localhost:8000',
        aud: 'http://localhost:8000',
      })
      assert.equal(exp - iat, 900)
      assert.ok(earlier <= iat && iat <= Date.now() / 1000)
    })

    it('no endpoint of Better Auth takes the token for anything', async () => {
      const { token, email } = await signUp(test, 'token@example.com')
      for (const [method, path, body] of [
        ['GET', `/verify-email?token=${token}`],
        ['POST', '/reset-password', { newPassword: 'a new password', token }],
        ['POST', '/revoke-session', { token }],
        ['POST', '/update-user', { name: 'x' }],
        ['POST', '/delete-user', {}],
        ['GET', '/token'],
        ['GET', '/list-sessions'],
      ] as const) {
        for (const session of [token, undefined]) {
          const answer = await auth(test, method, path, {
            ...(body && { body }),
            ...(session && { session }),
          })
          assert.ok(
            answer.status >= 400 && answer.status < 500,
            `${method} ${path}: ${answer.status}`,
          )
          assert.equal(answer.json.status, answer.status)
        }
      }
      const link = await auth(test, 'GET', `/verify-email?token=${token}&callbackURL=/`)
      assert.deepEqual([link.status, link.headers.location], [302, '/?error=INVALID_TOKEN'])
      const [user] = await test.admin('select * from todo_auth."user" where email = $1', [email])
      assert.deepEqual([user?.emailVerified, user?.name], [false, 'Somebody'])
      assert.equal((await auth(test, 'GET', '/get-session', { session: token })).text, 'null')
      const accepted = await signIn(test, email)
      assert.equal(accepted.status, 200)
    })

    it('a token for the tasks from elsewhere verifies no address, though it has one in it', async () => {
      const { email, id } = await signUp(test, 'elsewhere@example.com')
      const key = new TextEncoder().encode(SECRET)
      for (const claims of [
        { sub: id, email },
        { user_id: 17, email },
        { email, userId: id, updateTo: 'other@example.com' },
        { email, userId: id, user_id: id },
        { email },
      ]) {
        const token = await new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256' })
          .setIssuedAt()
          .setExpirationTime('5m')
          .sign(key)
        const answer = await auth(test, 'GET', `/verify-email?token=${token}`)
        assert.deepEqual([answer.status, answer.json.code], [401, 'INVALID_TOKEN'])
        const link = await auth(test, 'GET', `/verify-email?token=${token}&callbackURL=/`)
        assert.deepEqual([link.status, link.headers.location], [302, '/?error=INVALID_TOKEN'])
      }
      const [user] = await test.admin('select * from todo_auth."user" where id = $1', [id])
      assert.deepEqual([user?.email, user?.emailVerified], [email, false])
    })

    it('what is done is answered, though the count that follows fails', async () => {
      const { email, session } = await signUp(test, 'done@example.com')
      await test.admin(
        `create function pg_temp_fail() returns trigger language plpgsql as $$ begin raise 'no'; end $$`,
      )
      await test.admin(
        'create trigger fail before delete on todo_auth.rate_limit execute function pg_temp_fail()',
      )
      assert.equal((await signIn(test, email)).status, 200)
      const body = { currentPassword: PASSWORD, newPassword: 'another password' }
      assert.equal((await auth(test, 'POST', '/change-password', { session, body })).status, 200)
      await test.admin('drop function pg_temp_fail cascade')
      assert.equal((await signIn(test, email, 'another password')).status, 200)
    })

    it('sign-out ends the session, and the token of before lives until its exp', async () => {
      const person = await signUp(test, 'out@example.com')
      const { session } = person
      assert.equal((await auth(test, 'POST', '/sign-out', { session })).status, 200)
      assert.equal((await auth(test, 'GET', '/token', { session })).status, 401)
      assert.equal((await test.send('GET', tasksOf(person), bearer(person))).status, 200)
    })

    it('a change of the password keeps the account, and ends the other sessions where asked', async () => {
      const { email, session } = await signUp(test, 'change@example.com')
      const other = (await signIn(test, email)).json.token
      const body = {
        currentPassword: PASSWORD,
        newPassword: 'another password',
        revokeOtherSessions: true,
      }
      const wrong = { ...body, currentPassword: 'not the password' }
      const refused = await auth(test, 'POST', '/change-password', { session, body: wrong })
      assert.deepEqual([refused.status, refused.json.code], [400, 'INVALID_PASSWORD'])
      assert.equal((await auth(test, 'POST', '/change-password', { session, body })).status, 200)
      assert.equal((await auth(test, 'GET', '/token', { session: other })).status, 401)
      assert.equal((await signIn(test, email)).status, 401)
      assert.equal((await signIn(test, email, 'another password')).status, 200)
    })

    it('deleting the account deletes its tasks, and its tokens are worth nothing from then on', async () => {
      const person = await signUp(test, 'gone@example.com')
      const kept = await signUp(test, 'kept@example.com')
      for (const one of [person, kept]) {
        const sending = { ...bearer(one), body: { title: 'x' } }
        assert.equal((await test.send('POST', tasksOf(one), sending)).status, 201)
      }
      const [{ id } = { id: '' }] = (await test.send('GET', tasksOf(person), bearer(person))).json
      const { session } = person
      assert.equal((await auth(test, 'POST', '/delete-user', { session })).status, 200)
      await worthNothing(test, person, id)
      assert.equal((await auth(test, 'GET', '/token', { session })).status, 401)
      assert.equal((await signIn(test, person.email)).status, 401)
      assert.equal((await test.send('GET', tasksOf(kept), bearer(kept))).json.length, 1)
    })

    it('also when somebody deletes the row by hand, and before the first task', async () => {
      const person = await signUp(test, 'by-hand@example.com')
      await test.admin('delete from todo_auth."user" where id = $1', [person.id])
      await worthNothing(test, person, '00000000-0000-7000-8000-000000000001')
    })
  })
}

/** More than are deleted in one statement, and one more user with as many. */
const MANY_TASKS = 2_500

for (const kind of KINDS) {
  describe(`an account with very many tasks, on ${kind}`, () => {
    let test: TestApp
    let kept: Person
    before(async () => {
      test = await startApp(kind, BEHIND_PROXY)
      kept = await personWithMany('kept@example.com')
      // The first use of accounts looks for deleted ones.
      await test.accounts?.settled()
    })
    after(() => test.close())

    async function personWithMany(email: string): Promise<Person> {
      const person = await signUp(test, email)
      const headers = { ...bearer(person).headers, 'idempotency-key': 'used' }
      const sending = { as: null, headers, body: { title: 'x' } }
      assert.equal((await test.send('POST', tasksOf(person), sending)).status, 201)
      await test.admin(
        `insert into todo.tasks (user_id, id, title, completed, created_at, updated_at, seq)
         select $1, gen_random_uuid(), 'x', false, now(), now(), 0 from generate_series(1, $2::int)`,
        [person.id, MANY_TASKS],
      )
      return person
    }
    const count = async (table: string, { id }: Person): Promise<unknown> => {
      const [row] = await test.admin(
        `select count(*)::int as count from ${table} where user_id = $1`,
        [id],
      )
      return row?.count
    }
    async function untilEmptied(person: Person): Promise<void> {
      await test.accounts?.settled()
      const left = 'select * from todo_auth.deleted_user where id = $1 and emptied_at is null'
      assert.deepEqual(await test.admin(left, [person.id]), [])
      assert.deepEqual(await rowsOf(test, person), [])
      assert.equal(await count('todo.idempotency_keys', person), 0)
    }

    it('cannot be used at once, while its tasks still exist', async () => {
      const person = await personWithMany('by-hand@example.com')
      const [task] = (await test.send('GET', `${tasksOf(person)}?limit=1`, bearer(person))).json
      await test.admin('delete from todo_auth."user" where id = $1', [person.id])
      assert.equal(await count('todo.tasks', person), MANY_TASKS + 1)
      await refusedEverywhere(test, person, task.id)
      assert.equal(await count('todo.tasks', person), MANY_TASKS + 1)
      assert.equal(await count('todo.idempotency_keys', person), 1)
      test.accounts?.continueDeletions()
      await untilEmptied(person)
      await refusedEverywhere(test, person, task.id)
    })

    it('is emptied after a deletion by request, and others keep theirs', async () => {
      const person = await personWithMany('by-request@example.com')
      await test.admin(
        `insert into todo.idempotency_keys (user_id, key, request_hash, answer)
         select $1, n, '', '{}' from generate_series(1, $2::int) n`,
        [person.id, MANY_TASKS],
      )
      const { session } = person
      assert.equal((await auth(test, 'POST', '/delete-user', { session })).status, 200)
      await refusedEverywhere(test, person, '00000000-0000-7000-8000-000000000001')
      await untilEmptied(person)
      assert.equal(await count('todo.tasks', kept), MANY_TASKS + 1)
      assert.equal(await count('todo.idempotency_keys', kept), 1)
      assert.equal((await auth(test, 'GET', '/token', { session: kept.session })).status, 200)
    })

    it('several deleted accounts are emptied, also by several servers at once', async () => {
      const people = [
        await personWithMany('one@example.com'),
        await personWithMany('two@example.com'),
        await personWithMany('three@example.com'),
      ]
      for (const { id } of people) {
        await test.admin('delete from todo_auth."user" where id = $1', [id])
      }
      const other = openAccounts(test.config, test.test.connector, test.app.log)
      await Promise.all([test.accounts?.emptyDeleted(), other?.emptyDeleted()])
      for (const person of people) await untilEmptied(person)
      assert.equal(await count('todo.tasks', kept), MANY_TASKS + 1)
      await other?.close()
    })
  })
}

describe('a deletion that fails', () => {
  it('503, and the account is whole: it can be signed in to, and deleted again', async () => {
    const test = await startApp('postgres', BEHIND_PROXY)
    const person = await signUp(test, 'locked@example.com')
    await test.send('POST', tasksOf(person), { ...bearer(person), body: { title: 'x' } })
    const { session } = person
    await withDirectClient(test.test.connector.direct, async (client) => {
      await client.query('begin')
      await client.query('select * from todo.users for update')
      const refused = await auth(test, 'POST', '/delete-user', { session })
      assert.deepEqual([refused.status, refused.json.error], [503, 'service_unavailable'])
      await client.query('rollback')
    })
    assert.equal((await auth(test, 'GET', '/token', { session })).status, 200)
    assert.equal((await signIn(test, person.email)).status, 200)
    assert.equal((await test.send('GET', tasksOf(person), bearer(person))).json.length, 1)
    assert.equal((await auth(test, 'POST', '/delete-user', { session })).status, 200)
    await worthNothing(test, person, '00000000-0000-7000-8000-000000000001')
    await test.close()
  })
})

/** Every operation, the body that would be good and no rows left. */
async function worthNothing(test: TestApp, person: Person, id: string): Promise<void> {
  await refusedEverywhere(test, person, id)
  assert.deepEqual(await rowsOf(test, person), [])
}

async function rowsOf(test: TestApp, { id }: Person) {
  const users = await test.admin('select * from todo.users where id = $1', [id])
  return [...users, ...(await test.admin('select * from todo.tasks where user_id = $1', [id]))]
}

async function refusedEverywhere(test: TestApp, person: Person, id: string): Promise<void> {
  const one = `${tasksOf(person)}/${id}`
  for (const [method, path, body] of [
    ['GET', tasksOf(person)],
    ['GET', `${tasksOf(person)}?limit=5&completed=false`],
    ['HEAD', tasksOf(person)],
    ['POST', tasksOf(person), { title: 'x' }],
    ['GET', one],
    ['PUT', one, { title: 'x' }],
    ['PATCH', `${one}/complete`],
    ['PATCH', `${one}/complete`, { completed: true }],
    ['DELETE', one],
  ] as const) {
    for (const condition of CONDITIONS) {
      const { headers } = bearer(person)
      const sending = { as: null, headers: { ...headers, ...condition }, body }
      const answer = await test.send(method, path, sending)
      assert.equal(answer.status, 401, `${method} ${path}: ${answer.status} ${answer.text}`)
      assert.match(String(answer.headers['www-authenticate']), /error="invalid_token"/)
    }
  }
}

const CONDITIONS: Record<string, string>[] = [
  {},
  { 'if-match': '"2026-01-01T00:00:00.000Z"' },
  { 'idempotency-key': 'used' },
  { 'idempotency-key': 'new' },
]
