import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ACCOUNT_OPERATIONS } from '../../src/api/accounts/operations.ts'
import { auth, BEHIND_PROXY, signUp } from '../support/accounts.ts'
import { startApp } from '../support/app.ts'

const levels = (open: string, close: string) => open.repeat(5_000) + close.repeat(5_000)

/** As text, since JSON.stringify has no 1e400. */
const VALUES = [
  ...['null', 'true', '0', '1e400', '[]', '[null]', '{}', '{"__proto__":{"polluted":1}}'],
  ...['""', '" "', '"text"', '"\\u0000"', '"\\ud800"', `"${'x'.repeat(60_000)}"`],
  ...[levels('[', ']'), `{"a":${levels('[', ']')}}`],
]

interface BodySchema {
  readonly properties: Record<string, { type?: string | string[] }>
  readonly examples: readonly [object]
}

/** Whether JSON Schema has this value among those of the type. */
function isOf(type: string | string[] | undefined, value: unknown): boolean {
  const is = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  return type === undefined || [type].flat().includes(is)
}

describe('bodies of hostile clients for accounts', () => {
  it('422 for the wrong type in each member, and never a fault of the server', async () => {
    const test = await startApp('postgres', BEHIND_PROXY)
    const person = await signUp(test, 'person@example.com')
    // A password that is changed may end the session, and the others are to be asked within one.
    const changing = await signUp(test, 'changing@example.com')
    let tried = 0

    const send = async (path: string, raw: string) => {
      tried += 1
      const headers = { 'content-type': 'application/json' }
      const { session } = path === '/change-password' ? changing : person
      const answer = await auth(test, 'POST', path, { session, headers, raw })
      const what = `${path} ${raw.slice(0, 60)}: ${answer.status} ${answer.text.slice(0, 200)}`
      assert.ok(answer.status < 500, what)
      if (answer.status >= 400)
        assert.match(String(answer.headers['content-type']), /problem/, what)
      return { answer, what }
    }
    const assertFault = async (path: string, raw: string, pointer: string) => {
      const { answer, what } = await send(path, raw)
      assert.equal(answer.status, 422, what)
      const places = answer.json.errors.map((fault: { path: string }) => fault.path)
      assert.ok(places.includes(pointer), what)
    }

    for (const { path, body } of ACCOUNT_OPERATIONS) {
      if (body === undefined) continue
      const { properties, examples } = body as unknown as BodySchema // our own
      const [example] = examples
      for (const [member, { type }] of Object.entries(properties)) {
        for (const value of VALUES) {
          const raw = JSON.stringify({ ...example, [member]: '@' }).replace('"@"', () => value)
          if (isOf(type, JSON.parse(value))) await send(path, raw)
          else await assertFault(path, raw, `/${member}`)
        }
      }
      for (const value of VALUES) {
        if (!value.startsWith('{')) await assertFault(path, value, '')
      }
      const polluting = JSON.stringify({ '@': 0, ...example }).replace(
        '"@":0',
        () => '"__proto__":{"polluted":1}',
      )
      await assertFault(path, polluting, '/__proto__')
      for (const raw of ['{', '\0', '\ufeff{}', '['.repeat(60_000)]) {
        const { answer, what } = await send(path, raw)
        assert.equal(answer.status, 400, what)
      }
    }
    assert.ok(tried > 500)
    assert.equal((await auth(test, 'GET', '/token', { session: person.session })).status, 200)
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
    await test.close()
  })
})
