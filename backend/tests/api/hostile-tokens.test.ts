import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, KeyObject, sign } from 'node:crypto'
import { after, before, describe, it, mock } from 'node:test'
import fc from 'fast-check'
import { type CryptoKey, exportJWK, importJWK } from 'jose'
import { auth, BEHIND_PROXY, PASSWORD, signIn } from '../support/accounts.ts'
import { SECRET, startApp, type TestApp } from '../support/app.ts'
import { type KeyServer, startKeyServer } from '../support/key-server.ts'
import { linkIn, startMailbox } from '../support/mailbox.ts'
import { assertProblem } from '../support/problem.ts'
import { type RawRequest, sendRaw, WORK_LIMIT_MS } from '../support/raw-request.ts'
import { claims, encode, forge, HS256, now, TOKEN_CHALLENGE } from '../support/tokens.ts'

const ISSUER = 'https://issuer.example'
const AUDIENCE = 'todo'
const CHALLENGE = 'Bearer realm="todo"'

/** As good as it can be for both servers: what is wrong with it is the case's own. */
const good = (more: object = {}) => claims({ iss: ISSUER, aud: AUDIENCE, ...more })
const bearer = (token: string) => [`Authorization: Bearer ${token}`]

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const p256 = ec('P-256')
const STRANGERS: Record<string, { privateKey: KeyObject; publicKey: KeyObject }> = {
  ...{ RS256: rsa, RS384: rsa, RS512: rsa, PS256: rsa, PS384: rsa, PS512: rsa },
  ...{ ES256: p256, ES384: ec('P-384'), ES512: ec('P-521'), ES256K: ec('secp256k1') },
  ...{ EdDSA: generateKeyPairSync('ed25519'), Ed25519: generateKeyPairSync('ed25519') },
}

/** Signed by the key of a stranger, in the way of the algorithm. */
function stranger(alg: string, header: object = {}, payload: object = good()): string {
  const input = `${encode({ alg, typ: 'JWT', ...header })}.${encode(payload)}`
  const key = STRANGERS[alg]?.privateKey
  assert.ok(key)
  const hash = alg.startsWith('Ed') ? null : `sha${/\d{3}/.exec(alg)?.[0]}`
  const pss = alg.startsWith('PS') ? { padding: 6, saltLength: Number(alg.slice(2)) / 8 } : {}
  const options = { key, dsaEncoding: 'ieee-p1363' as const, ...pss }
  return `${input}.${sign(hash, Buffer.from(input), options).toString('base64url')}`
}

/** What the tests sent as a token, to look for it in the log. */
const sent = new Set<string>()
const pieces = (text: string) => text.split(/[^\w-]+/).filter((piece) => piece.length > 20)

/** Whether the request has a bearer token, or more than one Authorization header. */
function sendsBearer({ headers = [] }: Partial<RawRequest>): boolean {
  const values = headers.flatMap((line) => /^authorization: ?(.*)$/i.exec(line)?.[1] ?? [])
  return values.length > 1 || /^bearer(\s|$)/i.test(values[0] ?? '')
}

async function assertRefused(
  { port }: TestApp,
  what: string,
  request: Partial<RawRequest>,
  challenge?: string,
): Promise<void> {
  const answer = await sendRaw(port, { target: '/api/alice/tasks', ...request })
  assert.ok(answer.workMs < WORK_LIMIT_MS, `${what} took too long`)
  assertProblem(answer, 'unauthorized', what)
  const got = String(answer.headers['www-authenticate'])
  if (challenge === undefined && sendsBearer(request)) assert.match(got, TOKEN_CHALLENGE, what)
  else assert.equal(got, challenge ?? CHALLENGE, what)
  for (const piece of pieces([request.target, ...(request.headers ?? []), request.body].join())) {
    sent.add(piece)
    assert.ok(!answer.bytes.includes(piece), `${what} is echoed`)
  }
}

async function assertTaken({ port }: TestApp, what: string, token: string, user = 'alice') {
  const target = `/api/${encodeURIComponent(user)}/tasks`
  const answer = await sendRaw(port, { target, headers: bearer(token) })
  assert.deepEqual([answer.status, answer.text], [200, '[]'], what)
}

describe('tokens of hostile clients', () => {
  let keys: KeyServer
  let strangersKeys: KeyServer
  let secretAlone: TestApp
  let withKeys: TestApp
  let servers: TestApp[]
  before(async () => {
    keys = await startKeyServer()
    strangersKeys = await startKeyServer()
    secretAlone = await startApp('postgres')
    withKeys = await startApp('postgres', {
      BETTER_AUTH_JWKS_URL: keys.url,
      JWT_ISSUER: ISSUER,
      JWT_AUDIENCE: AUDIENCE,
    })
    servers = [secretAlone, withKeys]
    // A key set that was never asked for would refuse nothing.
    await assertTaken(withKeys, 'a token of the key set', await keys.sign(good()))
  })
  after(async () => {
    await Promise.all([...servers.map((server) => server.close()), keys.close()])
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
  /** A payload of raw JSON texts. */
  const payload = (members: Record<string, string>) =>
    `{${Object.entries(members).map(([name, value]) => `"${name}":${value}`)}}`
  const members = (more: Record<string, string>) => ({
    ...{ sub: '"alice"', exp: String(now() + 3_600), iss: `"${ISSUER}"`, aud: `"${AUDIENCE}"` },
    ...more,
  })

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

  it('401 for a good token anywhere but in one Authorization header of one token', async () => {
    const token = forge(HS256, good())
    const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`
    const header = (line: string): [string, Partial<RawRequest>] => [
      line.split(token)[0] ?? '',
      { headers: [line] },
    ]
    const notSent: [string, Partial<RawRequest>][] = [
      ...[
        'token',
        'jwt',
        'access_token',
        'Authorization',
        'better-auth.session_token',
        'better-auth.jwt',
      ].map((name) => header(`Cookie: ${name}=${token}`)),
      ...[
        'X-Authorization',
        'Proxy-Authorization',
        'X-Forwarded-Authorization',
        'Authentication',
        'Authorisation',
      ].map((name) => header(`${name}: Bearer ${token}`)),
      ...[
        'X-Access-Token',
        'X-Auth-Token',
        'Token',
        'X-Jwt-Assertion',
        'Sec-WebSocket-Protocol',
        'Set-Auth-Jwt',
      ].map((name) => header(`${name}: ${token}`)),
      ...['access_token', 'token', 'authorization', 'jwt', 'auth'].map(
        (name): [string, Partial<RawRequest>] => [
          `?${name}=`,
          { target: `/api/alice/tasks?${name}=${token}` },
        ],
      ),
      ['a query with a scheme', { target: `/api/alice/tasks?authorization=Bearer%20${token}` }],
      ['a user of the address', { target: `http://alice:${token}@localhost/api/alice/tasks` }],
      ['a segment of the path', { target: `/api/${token}/tasks` }],
      [
        'a form',
        {
          method: 'POST',
          headers: ['Content-Type: application/x-www-form-urlencoded'],
          body: `access_token=${token}`,
        },
      ],
      [
        'a body',
        {
          method: 'POST',
          headers: ['Content-Type: application/json'],
          body: JSON.stringify({ title: 'x', access_token: token }),
        },
      ],
      [
        'a trailer',
        {
          method: 'POST',
          headers: [
            'Content-Type: application/json',
            'Transfer-Encoding: chunked',
            'Trailer: Authorization',
          ],
          body: `d\r\n{"title":"x"}\r\n0\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        },
      ],
    ]
    const spoilt: [string, Partial<RawRequest>][] = [
      ...[
        '',
        'Basic ',
        'Digest ',
        'Token ',
        'JWT ',
        'Bearer: ',
        'Bearer=',
        'Bearer\t',
        'Bearer',
        'DPoP ',
        'Bearer Bearer ',
      ].map((scheme) => header(`Authorization: ${scheme}${token}`)),
      ...[
        ',',
        ' ',
        ', Bearer ',
        ' Bearer ',
        ', Basic eA==',
        ',x',
        ' x',
        ';x',
        '=',
        '==',
        '%20',
        '"',
        '.',
        '.x',
      ].map((behind): [string, Partial<RawRequest>] => [
        `a token and ${behind}`,
        {
          headers: [
            `Authorization: Bearer ${token}${behind}${/Bearer|^[, ]$/.test(behind) ? token : ''}`,
          ],
        },
      ]),
      ['quotes', { headers: [`Authorization: Bearer "${token}"`] }],
      ['a name', { headers: [`Authorization: Bearer token="${token}"`] }],
      ['the token as user', { headers: [basic(`${token}:`)] }],
      ['the token as password', { headers: [basic(`alice:${token}`)] }],
      ['no scheme and no token', { headers: ['Authorization:'] }],
      ['no token', { headers: ['Authorization: Bearer'] }],
      ['two headers', { headers: [...bearer(token), ...bearer(token)] }],
      ['two in other case', { headers: [...bearer(token), `AUTHORIZATION: bearer ${token}`] }],
      ['an empty one before', { headers: ['Authorization:', ...bearer(token)] }],
      ['an empty one behind', { headers: [...bearer(token), 'authorization:'] }],
      ['three', { headers: [...bearer('x.y.z'), ...bearer(token), ...bearer('x.y.z')] }],
    ]
    for (const server of servers) {
      await assertTaken(server, 'the same token in its place', token)
      for (const [what, request] of notSent) await assertRefused(server, what, request, CHALLENGE)
      for (const [what, request] of spoilt) await assertRefused(server, what, request)
    }
  })

  it('401 for a token that was touched, at each of its bytes', async () => {
    const token = forge(HS256, good())
    const [head = '', body = '', mac = ''] = token.split('.')
    const parts = (...all: string[]) => all.join('.')
    const touched: [string, string][] = [...token].map((old, at) => {
      const other = old === 'A' ? 'Q' : 'A'
      return [`byte ${at}`, token.slice(0, at) + other + token.slice(at + 1)]
    })
    const cut: [string, string][] = [
      0,
      1,
      10,
      head.length,
      head.length + 1,
      head.length + 9,
      token.length - 43,
      token.length - 2,
      token.length - 1,
    ].map((length) => [`the first ${length}`, token.slice(0, length)])
    const padded = (part: string) => part + '='.repeat((4 - (part.length % 4)) % 4 || 1)
    const standard = (bytes: Buffer) => bytes.toString('base64')
    // Text whose Base64 has both letters that the two alphabets do not share.
    const odd = forge(HS256, good({ x: '>>>???~~~' })).split('.')
    const shapes: [string, string][] = [
      ['padding', parts(padded(head), padded(body), padded(mac))],
      ['a padded signature', parts(head, body, padded(mac))],
      ['Base64', parts(...odd.map((part) => standard(Buffer.from(part, 'base64url'))))],
      ['Base64 of the signature', parts(head, body, standard(Buffer.from(mac, 'base64url')))],
      ['hexadecimal digits', parts(head, body, Buffer.from(mac, 'base64url').toString('hex'))],
      ['one part', head],
      ['two parts', parts(head, body)],
      ['four parts', parts(head, body, mac, mac)],
      ['five parts, as encrypted ones have', parts(head, '', body, mac, mac)],
      ['five full parts', parts(head, mac, mac, body, mac)],
      ['an encrypted one', parts(encode({ alg: 'dir', enc: 'A128CBC-HS256' }), '', mac, body, mac)],
      ['no header', parts('', body, mac)],
      ['no payload', parts(head, '', mac)],
      ['no signature', parts(head, body, '')],
      ['a NUL, percent-encoded', `${token}%00`],
      ['a byte beyond ASCII', `${token}é`],
      ['letters of another script', token.replace('e', '\u0435')],
      ['the parts in reverse', parts(mac, body, head)],
      ['the payload as header', parts(body, body, mac)],
      ['a header that is text', parts(encode('"x"'), body, mac)],
      ['a header that is null', parts(encode('null'), body, mac)],
      ['a header that is a list', parts(encode('[]'), body, mac)],
      ['a header of broken UTF-8', parts(Buffer.from([0xff]).toString('base64url'), body, mac)],
      ['a payload that is null', forge(HS256, 'null')],
      ['a payload that is a number', forge(HS256, '1')],
      ['a payload that is a list', forge(HS256, `[${payload(members({}))}]`)],
      ['a payload of nothing', forge(HS256, '')],
      ['a payload with a NUL behind', forge(HS256, `${payload(members({}))}\0`)],
      ['a payload of two objects', forge(HS256, `${payload(members({}))}{}`)],
      ['5000 levels', forge(HS256, '['.repeat(5_000) + ']'.repeat(5_000))],
      [
        'another’s payload',
        parts(head, forge(HS256, good({ sub: 'bob' })).split('.')[1] ?? '', mac),
      ],
      ['8 KB of letters', 'x'.repeat(8_192)],
      ['8 KB of dots', '.'.repeat(8_192)],
      ['8 KB of spaces before it', `${' '.repeat(8_192)}${token}.`],
      ['8 KB in three parts', parts('x'.repeat(2_700), 'x'.repeat(2_700), 'x'.repeat(2_700))],
      ['8 KB of signature', parts(head, body, 'x'.repeat(8_000))],
      ['8 KB of header', parts(encode({ ...HS256, x: 'x'.repeat(6_000) }), body, mac)],
      ['8 KB of payload', parts(head, encode(good({ x: 'x'.repeat(6_000) })), mac)],
      ['15 KB of parts', 'x.'.repeat(7_500)],
    ]
    for (const server of servers) {
      await assertTaken(server, 'untouched', token)
      // The last letter of a signature has four bits of it; with another of the two that are left
      // over, it is the same signature.
      for (const [what, changed] of [...touched.slice(0, -1), ...cut, ...shapes]) {
        await assertRefused(server, what, { headers: bearer(changed) })
      }
      for (const [what, line, status] of [
        ['a NUL', `Authorization: Bearer ${token}\0`, 400],
        ['a NUL within', `Authorization: Bearer ${head}\0.${body}.${mac}`, 400],
        ['a line feed', `Authorization: Bearer ${head}\n.${body}.${mac}`, 400],
        ['a carriage return', `Authorization: Bearer ${token}\rX: y`, 400],
        ['a folded line', `Authorization: Bearer\r\n ${token}`, 400],
        ['a space before the colon', `Authorization : Bearer ${token}`, 400],
        ['17 KB', `Authorization: Bearer ${'x'.repeat(17_408)}`, 431],
        [
          '17 KB in three parts',
          `Authorization: Bearer ${parts(head, 'x'.repeat(17_408), mac)}`,
          431,
        ],
      ] as const) {
        const answer = await sendRaw(server.port, { target: '/api/alice/tasks', headers: [line] })
        assertProblem(answer, status === 431 ? 'headers_too_large' : 'bad_request', what)
        for (const piece of pieces(line)) assert.ok(!answer.bytes.includes(piece), what)
      }
    }
  })

  it('a token that was changed at random is 401, or still the very same user’s', async () => {
    const users = ['alice', 'bob']
    const tokens = users.map((sub) => forge(HS256, good({ sub, exp: now() + 3_600 })))
    const signed = (token: string) => token.slice(0, token.lastIndexOf('.'))
    const mac = (token: string) => Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url')
    /** Whose token it still is: the text that is signed and the bytes of the signature are the same. */
    const whose = (token: string) =>
      users.find((_, n) => {
        const own = tokens[n] ?? ''
        return signed(own) === signed(token) && mac(own).equals(mac(token))
      })
    const letter = fc.constantFrom(...'ABCXYZabcxyz0189-_.=+/~ %"'.split(''))
    const at = fc.nat(Math.max(...tokens.map(({ length }) => length)))
    const change = fc.oneof(
      fc.record({ at, letter }).map(
        ({ at, letter }) =>
          (token: string) =>
            token.slice(0, at) + letter + token.slice(at + 1),
      ),
      fc.record({ at, letter }).map(
        ({ at, letter }) =>
          (token: string) =>
            token.slice(0, at) + letter + token.slice(at),
      ),
      fc.record({ at, bit: fc.nat(6) }).map(({ at, bit }) => (token: string) => {
        const bytes = Buffer.from(token)
        const flipped = (bytes[at] ?? 0) ^ (1 << bit)
        if (at < bytes.length && flipped > 31 && flipped < 127) bytes[at] = flipped
        return bytes.toString()
      }),
      fc.record({ at, length: fc.integer({ min: 1, max: 9 }) }).map(
        ({ at, length }) =>
          (token: string) =>
            token.slice(0, at) + token.slice(at + length),
      ),
      at.map((at) => (token: string, other: string) => token.slice(0, at) + other.slice(at)),
      fc.subarray([0, 1, 2], { minLength: 1, maxLength: 2 }).map(
        (taken) => (token: string, other: string) =>
          token
            .split('.')
            .map((part, n) => (taken.includes(n) ? (other.split('.')[n] ?? '') : part))
            .join('.'),
      ),
    )
    const mutation = fc.record({
      first: fc.nat(1),
      changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(mutation, async ({ first, changes }) => {
        const [own = '', other = ''] = first === 0 ? tokens : tokens.toReversed()
        const token = changes.reduce((text, change) => change(text, other), own).trim()
        const user = whose(token)
        for (const name of users) {
          const answer = await sendRaw(secretAlone.port, {
            target: `/api/${name}/tasks`,
            headers: bearer(token),
          })
          const allowed = user === undefined ? [401] : [401, name === user ? 200 : 403]
          assert.ok(allowed.includes(answer.status), `${name}: ${answer.status} for ${token}`)
        }
      }),
      { numRuns: 300, examples: [[{ first: 0, changes: [(token: string) => token] }]] },
    )
  })

  it('none of it is in a log', () => {
    assert.ok(sent.size > 500)
    for (const { log } of servers) {
      const text = log.join('')
      assert.ok(text.includes('"status":401'))
      for (const piece of sent) assert.ok(!text.includes(piece), piece)
    }
  })
})

describe('what else Better Auth signs and hands out', () => {
  it('401 for the tokens of mails, sessions and cookies, and 200 for that of GET /token', async () => {
    const mailbox = await startMailbox()
    const test = await startApp('postgres', {
      ...BEHIND_PROXY,
      SMTP_URL: mailbox.url,
      SMTP_FROM: 'todo@example.com',
    })
    const email = 'person@example.com'
    const body = { name: 'Somebody', email, password: PASSWORD }
    const { id } = (await auth(test, 'POST', '/sign-up/email', { body })).json.user
    const link = linkIn(await mailbox.next(email))
    await auth(test, 'GET', link.pathname.replace('/api/auth', '') + link.search)
    const reset = { email, redirectTo: '/new-password' }
    await auth(test, 'POST', '/request-password-reset', { body: reset })
    const resetLink =
      linkIn(await mailbox.next(email))
        .pathname.split('/')
        .at(-1) ?? ''
    const signedIn = await signIn(test, email)
    const session: string = signedIn.json.token
    const cookie = /=([^;]+)/.exec(String(signedIn.headers['set-cookie']))?.[1] ?? ''
    const verification = link.searchParams.get('token') ?? ''
    assert.equal(verification.split('.').length, 3)
    assert.ok(cookie.includes('.') && session.length > 20 && resetLink.length > 10)
    const target = `/api/${id}/tasks`
    for (const [what, token] of [
      ['the token of the verification mail', verification],
      ['the token of the reset mail', resetLink],
      ['the session', session],
      ['the cookie', cookie],
      ['the cookie, decoded', decodeURIComponent(cookie)],
      ['the session as three parts', `${session}.${session}.${session}`],
    ] as const) {
      await assertRefused(test, what, { target, headers: bearer(token) })
    }
    await assertRefused(
      test,
      'a cookie',
      { target, headers: [`Cookie: ${signedIn.headers['set-cookie']}`] },
      CHALLENGE,
    )
    const { token } = (await auth(test, 'GET', '/token', { session })).json
    await assertTaken(test, 'the token for the tasks', token, id)
    await test.close()
    await mailbox.close()
  })
})
