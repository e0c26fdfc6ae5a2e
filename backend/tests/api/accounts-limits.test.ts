import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { auth, BEHIND_PROXY, newAddress, PASSWORD, signIn, signUp } from '../support/accounts.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { KINDS } from '../support/databases.ts'
import { startServer } from '../support/served.ts'

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
      await signUp(test, 'person@example.com')
    })
    after(() => test.close())

    it('429 for a fourth sign-in within ten seconds from one address, however they come', async () => {
      const from = newAddress()
      const body = { email: 'unknown@example.com', password: PASSWORD }
      const attempts = Array.from({ length: 4 }, () =>
        auth(test, 'POST', '/sign-in/email', { from, body }),
      )
      const answers = await Promise.all(attempts)
      assert.deepEqual(answers.map(({ status }) => status).sort(), [401, 401, 401, 429])
      for (const answer of answers.filter(({ status }) => status === 429)) assertLimited(answer)
      assertLimited(await auth(test, 'POST', '/sign-in/email', { from, body }))
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

    it('503 with Retry-After for more sign-ins at once than are let in, and the others succeed', async () => {
      const { email } = await signUp(test, 'crowd@example.com')
      const answers = await Promise.all(Array.from({ length: 25 }, () => signIn(test, email)))
      const counts = Object.groupBy(answers, ({ status }) => status)
      assert.deepEqual(Object.keys(counts), ['200', '503'])
      assert.ok((counts[200]?.length ?? 0) >= 10, `${counts[200]?.length} of 25`)
      const waits = (counts[503] ?? []).map(({ headers }) => Number(headers['retry-after']))
      for (const seconds of waits) assert.ok(seconds >= 1 && seconds <= 60, String(seconds))
      for (const { json } of counts[503] ?? []) assert.equal(json.error, 'service_unavailable')
    })

    it('one client alone cannot keep the others out', async () => {
      const from = newAddress()
      const flood = Array.from({ length: 20 }, () =>
        auth(test, 'POST', '/sign-in/email', { from, body: wrong }),
      )
      assert.equal((await signIn(test, 'crowd@example.com')).status, 200)
      await Promise.all(flood)
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
    const { config } = one.test
    const two = await startServer(config.kind === 'postgres' ? config.url : '', BEHIND_PROXY)
    const from = newAddress()
    const statuses = []
    for (const test of [one, two, one, two, one]) {
      statuses.push((await auth(test, 'POST', '/sign-in/email', { from, body: wrong })).status)
    }
    assert.deepEqual(statuses, [401, 401, 401, 429, 429])
    await two.close()
    await one.close()
  })

  it('go by the connection where no proxy is trusted, whatever a client says', async () => {
    const test = await startApp('postgres')
    const statuses = []
    for (let time = 0; time < 4; time += 1) {
      const headers = { 'x-client-address': newAddress(), 'x-real-ip': newAddress() }
      const sending = { from: newAddress(), headers, body: wrong }
      statuses.push((await auth(test, 'POST', '/sign-in/email', sending)).status)
    }
    assert.deepEqual(statuses, [401, 401, 401, 429])
    await test.close()
  })

  it('an unknown address takes as long as a wrong password', async () => {
    const test = await startApp('postgres', BEHIND_PROXY)
    await signUp(test, 'person@example.com')
    const quickest: Record<string, number> = {}
    for (const email of Array(4).fill(['person@example.com', 'nobody@example.com']).flat()) {
      const started = performance.now()
      assert.equal((await signIn(test, email, 'not the password')).status, 401)
      quickest[email] = Math.min(quickest[email] ?? Infinity, performance.now() - started)
    }
    const [known = 0, unknown = 0] = Object.values(quickest)
    assert.ok(unknown > known / 2 && unknown < known * 2, JSON.stringify(quickest))
    await test.close()
  })
})
