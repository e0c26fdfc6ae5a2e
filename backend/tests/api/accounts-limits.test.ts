import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { REMEMBERED_MS } from '../../src/accounts/limits.ts'
import { HASHES_AT_ONCE } from '../../src/accounts/passwords.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import { sweepExpired } from '../../src/models/accounts/account.ts'
import {
  auth,
  BEHIND_PROXY,
  holdWindows,
  newAddress,
  PASSWORD,
  signIn,
  signUp,
} from '../support/accounts.ts'
import { type Answer, PATIENT, startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { startServer } from '../support/served.ts'

/** Another server on the database of the first. */
function startSecond({ test: { config } }: TestApp) {
  assert.ok(config.kind === 'postgres')
  return startServer(config.url, BEHIND_PROXY, { ...LIMITS, ...PATIENT })
}

/**
 * Sends requests at once, and holds up the passwords of those that are let in until so many others are
 * refused: so none is let in because another was quick.
 */
async function sendAtOnce(
  { passwords }: TestApp,
  requests: readonly (() => Promise<Answer>)[],
  refused: number,
  meanwhile?: () => Promise<void>,
): Promise<{ answers: Answer[]; refusals: Answer[] }> {
  const release = passwords.hold()
  const first: Answer[] = []
  const enough = Promise.withResolvers<void>()
  const all = requests.map(async (send) => {
    const answer = await send()
    first.push(answer)
    if (first.length === refused) enough.resolve()
    return answer
  })
  await enough.promise
  const refusals = [...first]
  const done = meanwhile?.()
  release()
  await done
  return { answers: await Promise.all(all), refusals }
}

function assertLimited(answer: Answer): void {
  assert.deepEqual([answer.status, answer.json.error], [429, 'too_many_requests'])
  const seconds = Number(answer.headers['retry-after'])
  assert.ok(seconds >= 1 && seconds <= 900, `${seconds} s`)
  assert.match(String(answer.headers['ratelimit-policy']), /^"account";q=\d+;w=\d+$/)
  assert.equal(answer.headers.ratelimit, `"account";r=0;t=${seconds}`)
}

const wrong = { email: 'person@example.com', password: 'not the password' }

for (const kind of KINDS) {
  describe(`the limits of accounts on ${kind}`, () => {
    let test: TestApp
    before(async () => {
      test = await startApp(kind, BEHIND_PROXY)
      await holdWindows(test)
      await signUp(test, 'person@example.com')
    })
    after(() => test.close())

    it('429 for a fourth sign-in within ten seconds from one address, however they come', async () => {
      const from = newAddress()
      const body = { email: 'unknown@example.com', password: PASSWORD }
      const attempt = () => auth(test, 'POST', '/sign-in/email', { from, body })
      const { answers } = await sendAtOnce(test, Array(6).fill(attempt), 3)
      const statuses = answers.map(({ status }) => status).sort()
      // Of one client three are let in at once; the others are told to come back.
      assert.deepEqual(statuses, [401, 401, 401, 503, 503, 503])
      for (let time = 0; time < 3; time += 1) assertLimited(await attempt())
      assert.equal((await signIn(test, 'person@example.com')).status, 200)
    })

    it('429 for an eleventh attempt on one account, from wherever they come; a sign-in begins anew', async () => {
      const attempt = () => auth(test, 'POST', '/sign-in/email', { body: wrong })
      for (let time = 0; time < 9; time += 1) assert.equal((await attempt()).status, 401)
      assert.equal((await signIn(test, 'Person@Example.com')).status, 200)
      for (let time = 0; time < 10; time += 1) assert.equal((await attempt()).status, 401)
      assertLimited(await attempt())
      assertLimited(await signIn(test, 'PERSON@example.com'))
      assert.equal((await signIn(test, 'nobody@example.com')).status, 401)
    })

    it('503 with Retry-After for more sign-ins at once than are let in, and the others go on', async () => {
      const more = 10
      const letIn = HASHES_AT_ONCE + LIMITS.hashesWaiting
      const crowd = Array.from(
        { length: letIn + more },
        (_, at) => () => signIn(test, `crowd-${at}@example.com`),
      )
      const { answers, refusals } = await sendAtOnce(test, crowd, more)
      const counts = Object.groupBy(answers, ({ status }) => status)
      assert.deepEqual([counts[401]?.length, counts[503]?.length], [letIn, more])
      for (const { status, headers, json } of refusals) {
        assert.deepEqual([status, json.error], [503, 'service_unavailable'])
        const seconds = Number(headers['retry-after'])
        assert.ok(seconds >= 1 && seconds <= 60, String(seconds))
      }
    })

    it('one client alone cannot keep the others out, with all the addresses of its network', async () => {
      const { email } = await signUp(test, 'crowded-out@example.com')
      const flood = Array.from(
        { length: 60 },
        (_, at) => () =>
          auth(test, 'POST', '/sign-in/email', {
            from: `2001:db8:1:2:${at.toString(16)}::1`,
            body: { email: `flood-${at}@example.com`, password: PASSWORD },
          }),
      )
      const refused = flood.length - LIMITS.hashesOfOneNetwork
      const { answers } = await sendAtOnce(test, flood, refused, async () => {
        assert.equal((await signIn(test, email)).status, 200)
      })
      assert.equal(answers.filter(({ status }) => status === 503).length, refused)
    })

    it('attempts that the address or the origin is refused for do not count against the account', async () => {
      const { email } = await signUp(test, 'victim@example.com')
      const from = newAddress()
      const body = { email, password: 'not the password' }
      const headers = { origin: 'https://evil.example' }
      for (let time = 0; time < 12; time += 1) {
        const evil = await auth(test, 'POST', '/sign-in/email', { headers, body })
        assert.equal(evil.status, 403)
        await auth(test, 'POST', '/sign-in/email', { from, body })
      }
      assert.equal((await signIn(test, email)).status, 200)
    })

    it('429 for an eleventh password in one session, and the account stays', async () => {
      const { session } = await signUp(test, 'open@example.com')
      let guesses = 0
      const guess = () => {
        guesses += 1
        const authorization = `Bearer${' '.repeat(guesses)}${session}`
        const body = { password: 'not the password' }
        return auth(test, 'POST', '/delete-user', { headers: { authorization }, body })
      }
      for (let time = 0; time < 10; time += 1) assert.equal((await guess()).status, 400)
      assertLimited(await guess())
      const right = await auth(test, 'POST', '/delete-user', {
        session,
        body: { password: PASSWORD },
      })
      assertLimited(right)
      assert.equal((await auth(test, 'GET', '/token', { session })).status, 200)
    })

    it('links are limited by their route, whatever stands in them, and no token is kept', async () => {
      const from = newAddress()
      const statuses = []
      for (let time = 0; time < 102; time += 1) {
        const path = `/reset-password/token-${time}?callbackURL=/`
        statuses.push((await auth(test, 'GET', path, { from })).status)
      }
      assert.deepEqual(statuses, [...Array(100).fill(302), 429, 429])
      const rows = await test.admin(
        `select key from todo_auth.rate_limit where key like '%token-%'`,
      )
      assert.deepEqual(rows, [])
    })

    it('what has expired is deleted while accounts are used, and nothing else', async () => {
      const { id } = await signUp(test, 'swept@example.com')
      await test.admin(
        `update todo_auth.session set "expiresAt" = now() - interval '1 s' where "userId" <> $1`,
        [id],
      )
      await test.admin(`insert into todo_auth.rate_limit values ('old', 1, now() - interval '1 s')`)
      const swept = new AccountPool(test.test.connector)
      await swept.run(sweepExpired())
      await swept.close()
      const left = await test.admin('select distinct "userId" from todo_auth.session')
      assert.deepEqual(left, [{ userId: id }])
      assert.deepEqual(await test.admin(`select * from todo_auth.rate_limit where key = 'old'`), [])
      assert.ok((await test.admin('select * from todo_auth.rate_limit')).length > 0)
    })

    it('no address is kept with the counts', async () => {
      const rows = await test.admin('select key from todo_auth.rate_limit')
      assert.ok(rows.length > 3)
      assert.ok(!JSON.stringify(rows).includes('@'))
    })
  })
}

describe('the limits of accounts', () => {
  it('are shared by servers on one database', async () => {
    const one = await startApp('postgres', BEHIND_PROXY)
    const two = await startSecond(one)
    // A start refuses a database with a trigger that is not its own.
    await holdWindows(one)
    const from = newAddress()
    const statuses = []
    for (const test of [one, two, one, two, one]) {
      statuses.push((await auth(test, 'POST', '/sign-in/email', { from, body: wrong })).status)
    }
    assert.deepEqual(statuses, [401, 401, 401, 429, 429])
    await two.close()
    await one.close()
  })

  it('are forgotten by one server when another was signed in to', async (context) => {
    const one = await startApp('postgres', BEHIND_PROXY)
    const two = await startSecond(one)
    const { email } = await signUp(one, 'person@example.com')
    for (let time = 0; time < 11; time += 1)
      await auth(one, 'POST', '/sign-in/email', { body: wrong })
    assertLimited(await signIn(one, email))
    await one.admin(`delete from todo_auth.rate_limit where key like 'sign-in:%'`)
    assert.equal((await signIn(two, email)).status, 200)
    assertLimited(await signIn(one, email))
    const now = performance.now.bind(performance)
    const later = mock.method(performance, 'now', () => now() + REMEMBERED_MS)
    context.after(() => later.mock.restore())
    assert.equal((await signIn(one, email)).status, 200)
    await two.close()
    await one.close()
  })

  it('and of two sign-ups of one address on two servers at once, one makes the account', async () => {
    const one = await startApp('postgres', BEHIND_PROXY)
    const two = await startSecond(one)
    for (const round of [1, 2, 3]) {
      const body = { name: 'x', email: `twice-${round}@example.com`, password: PASSWORD }
      const answers = await Promise.all(
        [one, two].map((test) => auth(test, 'POST', '/sign-up/email', { body })),
      )
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 422])
    }
    assert.equal((await one.admin('select * from todo_auth.account')).length, 3)
    await two.close()
    await one.close()
  })

  it('go by the connection where no proxy is trusted, whatever a client says', async () => {
    const test = await startApp('postgres')
    await holdWindows(test)
    const statuses = []
    for (let time = 0; time < 4; time += 1) {
      const headers = { 'x-client-address': newAddress(), 'x-real-ip': newAddress() }
      const sending = { from: newAddress(), headers, body: wrong }
      statuses.push((await auth(test, 'POST', '/sign-in/email', sending)).status)
    }
    assert.deepEqual(statuses, [401, 401, 401, 429])
    await test.close()
  })

  it('an unknown address costs one password hash, as a wrong password does', async (context) => {
    const test = await startApp('postgres', BEHIND_PROXY)
    context.after(() => test.close())
    await signUp(test, 'person@example.com')
    for (const email of ['person@example.com', 'nobody@example.com']) {
      const earlier = test.passwords.done()
      assert.equal((await signIn(test, email, 'not the password')).status, 401)
      assert.equal(test.passwords.done(), earlier + 1, email)
    }
  })
})

describe('without limits on accounts', () => {
  it('a test suite signs up, signs in and mistypes from one address as often as it wants', async () => {
    const test = await startApp('postgres', { ...BEHIND_PROXY, ACCOUNT_LIMITS: 'off' })
    const from = newAddress()
    const people = Array.from({ length: 12 }, (_, n) => `suite-${n}@example.com`)
    const signedUp = await Promise.all(
      people.map((email) => {
        const body = { name: 'Suite', email, password: PASSWORD }
        return auth(test, 'POST', '/sign-up/email', { from, body })
      }),
    )
    assert.deepEqual(new Set(signedUp.map(({ status }) => status)), new Set([200]))
    const wrong = { email: people[0], password: 'not the password' }
    for (let n = 0; n <= LIMITS.passwordsPerAccount; n += 1) {
      const answer = await auth(test, 'POST', '/sign-in/email', { from, body: wrong })
      assert.equal(answer.status, 401)
    }
    await test.close()
  })
})
