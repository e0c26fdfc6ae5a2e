import assert from 'node:assert/strict'
import { createHash, KeyObject } from 'node:crypto'
import { after, before, describe, it, mock } from 'node:test'
import { type CryptoKey, exportJWK, importJWK } from 'jose'
import { SECRET, type TestApp } from '../support/app.ts'
import {
  assertRefused,
  assertTaken,
  bearer,
  good,
  ISSUER,
  members,
  p256,
  payload,
  STRANGERS,
  sent,
  startTokenServers,
  stranger,
  type TokenServers,
} from '../support/hostile-tokens.ts'
import { type KeyServer, startKeyServer } from '../support/key-server.ts'
import { assertProblem } from '../support/problem.ts'
import { sendRaw } from '../support/raw-request.ts'
import { encode, forge, HS256, now } from '../support/tokens.ts'

describe('tokens of hostile clients', () => {
  let started: TokenServers
  let keys: KeyServer
  let secretAlone: TestApp
  let withKeys: TestApp
  let servers: TestApp[]
  let strangersKeys: KeyServer
  before(async () => {
    strangersKeys = await startKeyServer()
    started = await startTokenServers()
    ;({ keys, secretAlone, withKeys, servers } = started)
  })
  after(async () => {
    await started.close()
    await strangersKeys.close()
  })

  it('200 for the tokens the others are made of', async () => {
    for (const server of servers) await assertTaken(server, 'good', forge(HS256, good()))
  })

  it('401 for every algorithm but the configured ones, whoever signs', async () => {
    const none = ['none', 'None', 'NONE', 'nOnE', 'none ', ' none', 'none\0', '']
    const odd = [
      'hs256',
      'Hs256',
      'HS256 ',
      'HS256\0',
      'HS1',
      'HS2560',
      'dir',
      'A128KW',
      '__proto__',
    ]
    const notText = [null, 0, 256, true, [], ['HS256'], {}, { alg: 'HS256' }]
    const mac = (alg: unknown, hash?: string) => forge({ alg }, good(), SECRET, hash)
    const input = (alg: unknown) => `${encode({ alg })}.${encode(good())}`
    const cases: [string, string][] = [
      ...[...none, ...odd, ...notText].map((alg): [string, string] => [
        `${JSON.stringify(alg)} with the HMAC of the secret`,
        mac(alg),
      ]),
      ...[...none, 'HS256', 'RS256'].flatMap((alg): [string, string][] => [
        [`${JSON.stringify(alg)} without a signature`, `${input(alg)}.`],
        [
          `${JSON.stringify(alg)} with an empty signature of 32 bytes`,
          `${input(alg)}.${'A'.repeat(43)}`,
        ],
      ]),
      ['HS384 with the secret', mac('HS384', 'sha384')],
      ['HS512 with the secret', mac('HS512', 'sha512')],
      ['HS256 that is HS512', mac('HS256', 'sha512')],
      ['no algorithm', forge({ typ: 'JWT' }, good())],
      ...Object.keys(STRANGERS).flatMap((alg): [string, string][] => [
        [`${alg} by a stranger`, stranger(alg)],
        [`${alg} with the HMAC of the secret`, mac(alg)],
        [`${alg} by a stranger who names our key`, stranger(alg, { kid: 'key-1' })],
      ]),
      ['of two algorithms the last', forge('{"alg":"HS256","alg":"none"}', good())],
      ['an algorithm inherited', forge('{"__proto__":{"alg":"HS256"}}', good())],
    ]
    for (const server of servers) {
      for (const [what, token] of cases) {
        await assertRefused(server, what, { headers: bearer(token) })
      }
    }
  })

  it('401 for HS256 by every key but the secret, public keys above all', async () => {
    const [jwk = {}] = keys.served()
    const imported = await importJWK(jwk, 'ES256')
    const spki = KeyObject.from(imported as CryptoKey) // which a JWK of two coordinates is
    const pem = spki.export({ type: 'spki', format: 'pem' }).toString()
    const secrets: [string, string | Buffer][] = [
      ['an empty secret', ''],
      ['a secret of one NUL', '\0'],
      ['a known default', 'better-auth-secret-123456789012345'],
      ['the secret and a line end', `${SECRET}\n`],
      ['the secret in upper case', SECRET.toUpperCase()],
      ['the beginning of the secret', SECRET.slice(0, 32)],
      ['the hash of the secret', createHash('sha256').update(SECRET).digest()],
      ['the secret in Base64', Buffer.from(SECRET).toString('base64')],
      ['the secret read as Base64', Buffer.from(SECRET, 'base64')],
      ['the secret in UTF-16', Buffer.from(SECRET, 'utf16le')],
      ['the PEM of the key set', pem],
      ['that PEM without its line end', pem.trimEnd()],
      ['the DER of the key set', spki.export({ type: 'spki', format: 'der' })],
      ['the JWK of the key set', JSON.stringify(jwk)],
      ['the JWK as it is served', JSON.stringify({ keys: [jwk] })],
      ['the coordinate of the key set', String(jwk.x)],
      ['the bytes of that coordinate', Buffer.from(String(jwk.x), 'base64url')],
      ['the address of the key set', keys.url],
    ]
    for (const server of servers) {
      for (const [what, secret] of secrets) {
        for (const header of [HS256, { ...HS256, kid: 'key-1' }]) {
          await assertRefused(server, what, { headers: bearer(forge(header, good(), secret)) })
        }
      }
    }
  })

  it('401 for keys that a token brings along or names, and nobody is asked for them', async () => {
    const url = strangersKeys.url
    const own = await exportJWK(p256.publicKey)
    const k = encode('a key of the sender')
    const kids = [
      ...['../../../../dev/null', '/dev/null', 'file:///dev/null', 'C:\\nul', '..\\..\\secret'],
      ...["' or '1'='1", "x' union select 'a key of the sender' --", '$(id)', '`id`', '{{7*7}}'],
      ...['', '\0', 'key-1\0', '__proto__', 'constructor', '0', url, 'k'.repeat(7_000)],
      ...[null, 0, true, [], ['key-1'], {}, { kid: 'key-1' }],
    ]
    const headers: [string, object][] = [
      ['jwk', { jwk: own }],
      ['a symmetric jwk', { jwk: { kty: 'oct', k } }],
      ['a jwk that is no key', { jwk: 'x' }],
      ['jku', { jku: url, kid: 'key-1' }],
      ['x5u', { x5u: url, kid: 'key-1' }],
      ['x5c', { x5c: [p256.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] }],
      ['x5t', { x5t: encode('x'), 'x5t#S256': encode('x') }],
      ['all of them', { jwk: own, jku: url, x5u: url, kid: 'key-1' }],
      ...kids.map((kid): [string, object] => [`kid ${JSON.stringify(kid)?.slice(0, 40)}`, { kid }]),
    ]
    const theirs = await strangersKeys.sign(good())
    for (const server of servers) {
      await assertRefused(server, 'a key set of a stranger', { headers: bearer(theirs) })
      for (const [what, header] of headers) {
        const byMac = ['', 'a key of the sender'].map((key) =>
          forge({ ...HS256, ...header }, good(), key),
        )
        for (const token of [...byMac, stranger('ES256', header)]) {
          await assertRefused(server, what, { headers: bearer(token) })
        }
      }
    }
    assert.equal(strangersKeys.asked(), 0)
    // The key set is asked at most every ten seconds, whatever tokens name.
    assert.ok(keys.asked() <= 1 + Math.ceil(performance.now() / 10_000), `${keys.asked()}`)
  })

  it('401 for critical headers that are not understood; what is not critical is left aside', async () => {
    const crits: [string, unknown, object?][] = [
      ['an unknown one', ['x'], { x: 1 }],
      ['one that is not there', ['x']],
      ['a claim', ['exp']],
      ['a header of the standard', ['alg']],
      ['none', []],
      ['null', null],
      ['text', 'x', { x: 1 }],
      ['an object', { x: 1 }, { x: 1 }],
      ['a number', [1]],
      ['an empty name', ['']],
      ['b64, false', ['b64'], { b64: false }],
      ['b64, no boolean', ['b64'], { b64: 'true' }],
      ['b64 among others', ['b64', 'x'], { b64: true, x: 1 }],
    ]
    for (const server of servers) {
      for (const [what, crit, more] of crits) {
        const token = forge({ ...HS256, ...more, crit }, good())
        await assertRefused(server, `critical: ${what}`, { headers: bearer(token) })
      }
      const raw = `${encode({ ...HS256, crit: ['b64'], b64: false })}.${JSON.stringify(good())}`
      await assertRefused(server, 'a payload as it is', { headers: bearer(`${raw}.x`) })
      for (const more of [
        { kid: '../x' },
        { jku: strangersKeys.url },
        { x: 1, cty: 'x', typ: 1 },
      ]) {
        await assertTaken(server, 'what is not critical', forge({ ...HS256, ...more }, good()))
      }
    }
    assert.equal(strangersKeys.asked(), 0)
  })

  /** JSON of every type and of the edges of numbers, as text: JSON.stringify has no 1e400 and no -0. */
  const VALUES = [
    ...['null', 'true', 'false', '0', '-0', '-1', '1.5', '1e400', '-1e400', '1e-400', '1e3'],
    ...['9007199254740992', '9007199254740993', '-9007199254740992', '9223372036854775808'],
    ...[
      '""',
      '" "',
      '"NaN"',
      '"Infinity"',
      '"4102444800"',
      '"0x7fffffff"',
      '"2099-01-01T00:00:00Z"',
    ],
    ...['[]', '[4102444800]', '["alice"]', '{}', '{"$gt":0}', '{"toString":"alice"}'],
  ]

  it('401 for every type and number in exp and nbf that is no time that passes, and of iat for every type', async () => {
    const past = ['0', '-0', '-1', '1.5', '1e-400', '1e3', '-9007199254740992']
    const farther = ['9007199254740991', `${now() + 3_600}.0`, `${(now() + 3_600) / 1e9}e9`]
    for (const server of servers) {
      for (const claim of ['exp', 'nbf', 'iat']) {
        for (const value of VALUES) {
          const token = forge(HS256, payload(members({ [claim]: value })))
          const what = `${claim} ${value}`
          const read: unknown = JSON.parse(value)
          const taken =
            claim === 'iat' ? typeof read === 'number' : claim === 'nbf' && past.includes(value)
          if (taken) await assertTaken(server, what, token)
          else await assertRefused(server, what, { headers: bearer(token) })
        }
      }
      for (const exp of farther) {
        await assertTaken(server, `exp ${exp}`, forge(HS256, payload(members({ exp }))))
      }
    }
  })

  it('401 for every type in sub and user_id that is no user, by whatever name it is asked for', async () => {
    const { sub: _sub, ...nobody } = members({})
    for (const server of servers) {
      for (const claim of ['sub', 'user_id']) {
        for (const value of VALUES) {
          const token = forge(HS256, payload({ ...nobody, [claim]: value }))
          const read: unknown = JSON.parse(value)
          const asText = typeof read === 'object' ? value : String(read)
          const text = typeof read === 'string' && read !== ''
          const what = `${claim} ${value}`
          if (text || (claim === 'user_id' && Number.isSafeInteger(read))) {
            await assertTaken(server, what, token, String(read))
            continue
          }
          for (const name of ['alice', asText || 'alice', value]) {
            const target = `/api/${encodeURIComponent(name)}/tasks`
            await assertRefused(server, what, { target, headers: bearer(token) })
          }
        }
      }
      for (const user_id of ['null', '""', '"bob"', '["alice"]', '"Alice"', '0', 'false']) {
        const token = forge(HS256, payload(members({ user_id })))
        await assertRefused(server, `alice and ${user_id}`, { headers: bearer(token) })
      }
      for (const name of [
        'email',
        'userId',
        'uid',
        'id',
        'name',
        'SUB',
        'Sub',
        'sub ',
        '__proto__',
      ]) {
        const token = forge(HS256, payload({ ...nobody, [name]: '"alice"' }))
        await assertRefused(server, `a user in ${name}`, { headers: bearer(token) })
      }
      const inherited = payload({ ...nobody, __proto__x: '0' }).replace(
        '__proto__x":0',
        '__proto__":{"sub":"alice"}',
      )
      await assertRefused(server, 'a user inherited', { headers: bearer(forge(HS256, inherited)) })
    }
  })

  it('401 for every type in iss and aud where they are pinned; they are not looked at elsewhere', async () => {
    const near = [`"${ISSUER}/"`, `"${ISSUER.toUpperCase()}"`, `["${ISSUER}"]`, `{"0":"${ISSUER}"}`]
    const nearly = ['"TODO"', '"todo "', '["TODO"]', '[["todo"]]', '{"0":"todo"}', '{"todo":true}']
    for (const [claim, values] of [
      ['iss', [...VALUES, ...near]],
      ['aud', [...VALUES, ...nearly]],
    ] as const) {
      for (const value of values) {
        const token = forge(HS256, payload(members({ [claim]: value })))
        await assertRefused(withKeys, `${claim} ${value}`, { headers: bearer(token) })
        await assertTaken(secretAlone, `${claim} ${value}`, token)
      }
    }
  })

  it('the last of a claim that comes twice counts (RFC 7519 §4)', async () => {
    const end = payload(members({})).slice(1)
    const twice = (first: string) => forge(HS256, `{${first},${end}`)
    const last = (member: string) => forge(HS256, `${payload(members({})).slice(0, -1)},${member}}`)
    for (const server of servers) {
      for (const first of ['"sub":"bob"', '"sub":1', '"exp":0', '"exp":"x"', '"\\u0073ub":"bob"']) {
        await assertTaken(server, first, twice(first))
      }
      for (const member of ['"sub":1', '"exp":0', '"\\u0065xp":0', '"exp":1e400']) {
        await assertRefused(server, member, { headers: bearer(last(member)) })
      }
      const target = '/api/alice/tasks'
      const bob = await sendRaw(server.port, { target, headers: bearer(last('"sub":"bob"')) })
      assertProblem(bob, 'user_id_mismatch')
    }
  })

  it('the tolerance is 60 s to the second, and is one for a token that is remembered', async () => {
    const second = now()
    for (const milliseconds of [0, 999]) {
      mock.timers.enable({ apis: ['Date'], now: second * 1_000 + milliseconds })
      try {
        for (const server of servers) {
          const edge = (more: object) => forge(HS256, good({ ...more, jti: milliseconds }))
          await assertTaken(server, 'exp 59 s ago', edge({ exp: second - 59 }))
          await assertTaken(server, 'nbf in 60 s', edge({ nbf: second + 60 }))
          await assertTaken(server, 'iat in an hour', edge({ iat: second + 3_600 }))
          for (const more of [{ exp: second - 60 }, { nbf: second + 61 }]) {
            await assertRefused(server, JSON.stringify(more), { headers: bearer(edge(more)) })
          }
          const token = edge({ exp: second + 60 })
          for (const [ahead, taken] of [
            [0, true],
            [60, true],
            [119, true],
            [120, false],
          ] as const) {
            mock.timers.setTime((second + ahead) * 1_000 + milliseconds)
            if (taken) await assertTaken(server, `exp ${ahead - 60} s ago`, token)
            else await assertRefused(server, `exp ${ahead - 60} s ago`, { headers: bearer(token) })
          }
          mock.timers.setTime(second * 1_000 + milliseconds)
        }
      } finally {
        mock.timers.reset()
      }
    }
  })

  it('none of it is in a log', () => {
    assert.ok(sent.size > 200)
    started.assertNotLogged()
  })
})
