import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '../../src/core/limits.ts'
import { type Answer, type Sending, startApp, type TestApp } from '../support/app.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const SOCIAL = '/api/auth/sign-in/social'
const many = (count: number, item: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => item(n)).join(',')

describe('a request of very many faults', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres')
  })
  after(() => test.close())

  const post = (path: string, raw: string, sending: Sending = {}) =>
    test.send('POST', path, { ...sending, headers: JSON_TYPE, raw })

  function assertShort(answer: Answer, faults: number | null, what: string): void {
    assert.equal(answer.status, 422, `${what}: ${answer.text.slice(0, 200)}`)
    const { errors, more = 0 } = answer.json
    assert.ok(Buffer.byteLength(answer.text) <= LIMITS.errorBytes, what)
    assert.ok(errors.length > 0 && errors.length <= LIMITS.faultsNamed, what)
    if (faults !== null) assert.equal(errors.length + more, faults, what)
  }

  it('422 with the first 20 errors and the number of further ones', async () => {
    const bodies: [what: string, path: string, body: string, faults: number | null][] = [
      [
        'scopes of numbers',
        SOCIAL,
        `{"provider":"google","scopes":[${many(32_000, () => '1')}]}`,
        32_001,
      ],
      [
        'scopes of objects',
        SOCIAL,
        `{"provider":"google","scopes":[${many(20_000, () => '{}')}]}`,
        20_001,
      ],
      [
        'unknown members',
        SOCIAL,
        `{"provider":"google",${many(6_000, (n) => `"m${n}":1`)}}`,
        6_000,
      ],
      [
        'unknown members inside',
        SOCIAL,
        `{"provider":"google","idToken":{"token":"x",${many(6_000, (n) => `"m${n}":1`)}}}`,
        6_000,
      ],
      [
        'unknown members of a task',
        '/api/alice/tasks',
        `{"title":"x",${many(6_000, (n) => `"m${n}":1`)}}`,
        6_000,
      ],
      [
        'numbers for names',
        '/api/alice/tasks',
        `{"title":"x",${many(6_000, (n) => `"${n}":1`)}}`,
        6_000,
      ],
      [
        '21 unknown members',
        '/api/alice/tasks',
        `{"title":"x",${many(21, (n) => `"m${n}":1`)}}`,
        21,
      ],
      [
        'unknown members beside others',
        '/api/alice/tasks',
        `{"title":1,"completed":1,${many(30, (n) => `"m${n}":1`)}}`,
        32,
      ],
      ['a name of 60 kB', '/api/alice/tasks', `{"title":"x","${'n'.repeat(60_000)}":1}`, 1],
      [
        '20 names of 3 kB',
        '/api/alice/tasks',
        `{"title":"x",${many(20, (n) => `"${'~/'.repeat(1_500)}${n}":1`)}}`,
        20,
      ],
      [
        'names of escapes',
        '/api/alice/tasks',
        `{"title":"x",${many(40, (n) => `"${'\\u0001'.repeat(240)}${n}":1`)}}`,
        40,
      ],
      [
        'names of emoji',
        '/api/alice/tasks',
        `{"title":"x",${many(40, (n) => `"${'👩'.repeat(300)}${n}":1`)}}`,
        40,
      ],
      ['an array for an object', '/api/alice/tasks', `[${many(30_000, () => '1')}]`, 1],
      ['an array for a text', '/api/alice/tasks', `{"title":[${many(30_000, () => '1')}]}`, 1],
      ['a member many times', '/api/alice/tasks', `{${many(6_000, () => '"title":1')}}`, 1],
    ]
    for (const [what, path, body, faults] of bodies) {
      assert.ok(body.length <= LIMITS.bodyBytes, what)
      assertShort(await post(path, body), faults, what)
    }
  })

  it('21 names of faults are 20 and one more; 20 are all named, and there is no more', async () => {
    const unknown = (count: number) =>
      post('/api/alice/tasks', `{"title":"x",${many(count, (n) => `"m${n}":1`)}}`)
    const { errors, more } = (await unknown(21)).json
    assert.deepEqual([errors.length, more], [20, 1])
    const exactly = (await unknown(20)).json
    assert.equal(exactly.errors.length, 20)
    assert.ok(!('more' in exactly))
  })

  it('422 for thousands of names in a query, and for one that is there as often', async () => {
    const names = (count: number) => many(count, (n) => `m${n}`).replaceAll(',', '&')
    assertShort(await test.send('GET', `/api/alice/tasks?${names(2_400)}`), 2_400, 'names')
    assertShort(
      await test.send('GET', `/api/alice/tasks?${'limit=1&'.repeat(1_900)}`),
      1,
      'one name',
    )
    assertShort(
      await test.send('GET', `/api/alice/tasks?${'a=&'.repeat(5_000)}`),
      1,
      'one that is unknown',
    )
    assertShort(await test.send('GET', `/api/auth/verify-email?${names(2_400)}`), 2_401, 'accounts')
    const body = `{${many(3_000, (n) => `"b${n}":1`)}}`
    assertShort(await post(`/api/alice/tasks?${names(2_000)}`, body), 5_001, 'both')
  })

  it('422 about the depth on every deeper level, and other errors are still named', async () => {
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    for (const levels of [3, 100, 32_000]) {
      for (const [path, body] of [
        ['/api/alice/tasks', deep(levels)],
        ['/api/alice/tasks', `{"title":${deep(levels)}}`.slice(0, 65_536)],
        [SOCIAL, `{"provider":"google","idToken":${deep(levels)}}`],
      ] as const) {
        const answer = await post(path, body)
        assertShort(answer, null, `${levels} levels`)
        assert.equal(
          answer.json.detail,
          'The body must have at most 2 levels of objects and arrays',
        )
      }
    }
    const { id } = (await test.send('POST', '/api/alice/tasks', { body: { title: 'x' } })).json
    for (const levels of [1, 2, 32_000]) {
      for (const method of ['PUT', 'PATCH']) {
        // The value of this member is ignored, but not its depth.
        const sending = { headers: JSON_TYPE, raw: `{"updated_at":${deep(levels)}}` }
        const answer = await test.send(method, `/api/alice/tasks/${id}`, sending)
        assert.equal(answer.status, levels === 1 ? 200 : 422)
        if (levels === 1) continue
        const message = 'must have at most 2 levels of objects and arrays'
        assert.deepEqual(answer.json.errors, [{ in: 'body', path: '', message }])
      }
    }
    const flat = await post('/api/alice/tasks', '{"title":[[]]}')
    assert.deepEqual(flat.json.errors, [
      { in: 'body', path: '/title', message: 'must be a string' },
    ])
  })

  it('no words of Better Auth, and no key, make an answer long', async () => {
    const reset = await test.send('POST', '/api/auth/reset-password', {
      body: { newPassword: 'x'.repeat(10), token: 't'.repeat(4_096) },
      as: null,
    })
    assert.ok(reset.status >= 400 && Buffer.byteLength(reset.text) <= LIMITS.errorBytes, reset.text)
    const headers = { ...JSON_TYPE, 'idempotency-key': '"'.repeat(12_000) }
    const key = await test.send('POST', '/api/alice/tasks', { headers, raw: '{"title":"x"}' })
    assertShort(key, 1, 'a key')
  })
})
