import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { after, before, describe, it, mock } from 'node:test'
import { NO_DATABASE, SECRET, serve, startApp, type TestApp } from '../support/app.ts'
import { claims, encode, forge, HS256, now, TOKEN_CHALLENGE } from '../support/tokens.ts'

describe('who is asking', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres')
  })
  after(() => test.close())

  const ask = (authorization: string | string[] | undefined, user = 'alice') =>
    test.send('GET', `/api/${encodeURIComponent(user)}/tasks`, {
      as: null,
      headers: authorization === undefined ? {} : { authorization },
    })

  // Made when they are sent, while the clock stands still: some are good for seconds only.
  const accepted: Record<string, [() => string, string?]> = {
    'a token as Better Auth signs it': [() => forge(HS256, claims())],
    'a token without typ': [() => forge({ alg: 'HS256' }, claims())],
    'user_id where there is no sub': [() => forge(HS256, { user_id: 'alice', exp: now() + 3_600 })],
    'an integer user_id as its decimal string': [
      () => forge(HS256, { user_id: 42, exp: now() + 3_600 }),
      '42',
    ],
    'sub and the same user_id': [() => forge(HS256, claims({ user_id: 'alice' }))],
    'exp 59 s ago: the clock tolerance is 60 s': [() => forge(HS256, claims({ exp: now() - 59 }))],
    'nbf 60 s ahead': [() => forge(HS256, claims({ nbf: now() + 60 }))],
    'iat in a day, which is not checked': [() => forge(HS256, claims({ iat: now() + 86_400 }))],
    'an exp with a far future': [() => forge(HS256, claims({ exp: 2 ** 40 }))],
  }
  for (const [what, [token, user]] of Object.entries(accepted)) {
    it(`200 for ${what}`, async (context) => {
      context.mock.timers.enable({ apis: ['Date'], now: Date.now() })
      assert.equal((await ask(`Bearer ${token()}`, user)).status, 200)
    })
  }

  it('200 for the scheme in any case', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR', 'Bearer ']) {
      assert.equal((await ask(`${scheme} ${forge(HS256, claims())}`)).status, 200)
    }
  })

  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsaInput = `${encode({ alg: 'RS256' })}.${encode(claims())}`
  const good = forge(HS256, claims())
  const [head = '', body = '', signature = ''] = good.split('.')

  const refused: Record<string, string> = {
    'no signature (alg none)': `${encode({ alg: 'none' })}.${encode(claims())}.`,
    'alg none with a signature': forge({ alg: 'none' }, claims()),
    'alg NONE': forge({ alg: 'nOnE' }, claims()),
    'HS384 with the right secret': forge({ alg: 'HS384' }, claims(), SECRET, 'sha384'),
    'HS512 with the right secret': forge({ alg: 'HS512' }, claims(), SECRET, 'sha512'),
    'an algorithm list': forge({ alg: ['HS256'] }, claims()),
    'no algorithm': forge({ typ: 'JWT' }, claims()),
    'RS256 by a key of the sender': `${rsaInput}.${sign('sha256', Buffer.from(rsaInput), privateKey).toString('base64url')}`,
    'HS256 keyed with a public key': forge(
      HS256,
      claims(),
      publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ),
    'another secret': forge(HS256, claims(), 'another secret of more than 32 bytes'),
    'an empty secret': forge(HS256, claims(), ''),
    'an embedded key': forge({ ...HS256, jwk: { kty: 'oct', k: encode('x') } }, claims(), 'x'),
    'a remote key': forge({ ...HS256, jku: 'http://127.0.0.1:1/keys' }, claims(), 'x'),
    'an unknown critical header': forge({ ...HS256, crit: ['x'], x: 1 }, claims()),
    'b64 false': forge({ ...HS256, crit: ['b64'], b64: false }, claims()),
    'a changed payload': `${head}.${encode(claims({ sub: 'bob' }))}.${signature}`,
    'a changed signature': `${head}.${body}.${signature.slice(0, -4)}AAAA`,
    'a cut signature': `${head}.${body}.${signature.slice(0, 20)}`,
    'no exp': forge(HS256, { sub: 'alice', iat: now() }),
    'exp 61 s ago': forge(HS256, claims({ exp: now() - 61 })),
    'exp as text': forge(HS256, claims({ exp: String(now() + 3_600) })),
    'exp null': forge(HS256, claims({ exp: null })),
    'exp beyond all numbers': forge(HS256, `{"sub":"alice","exp":1e400}`),
    'exp with a fraction': forge(HS256, claims({ exp: now() + 3_600.5 })),
    'nbf in an hour': forge(HS256, claims({ nbf: now() + 3_600, exp: now() + 7_200 })),
    'nbf as text': forge(HS256, claims({ nbf: '0' })),
    'iat as text': forge(HS256, claims({ iat: '0' })),
    'no user': forge(HS256, { exp: now() + 3_600 }),
    'an empty sub': forge(HS256, claims({ sub: '' })),
    'an empty sub beside a user_id': forge(HS256, claims({ sub: '', user_id: 'alice' })),
    'sub null beside a user_id': forge(HS256, claims({ sub: null, user_id: 'alice' })),
    'sub as a number': forge(HS256, claims({ sub: 1 })),
    'sub as a list': forge(HS256, claims({ sub: ['alice'] })),
    'sub as an object': forge(HS256, claims({ sub: { id: 'alice' } })),
    'sub and another user_id': forge(HS256, claims({ user_id: 'bob' })),
    'sub with U+0000': forge(HS256, claims({ sub: 'alice\0' })),
    'sub with a lone surrogate': forge(HS256, `{"sub":"alice\\ud800","exp":${now() + 3_600}}`),
    'sub of 256 characters': forge(HS256, claims({ sub: 'a'.repeat(256) })),
    'user_id with a fraction': forge(HS256, { user_id: 1.5, exp: now() + 3_600 }),
    'user_id as true': forge(HS256, { user_id: true, exp: now() + 3_600 }),
    'email alone, as Better Auth signs for e-mail verification': forge(HS256, {
      email: 'alice',
      exp: now() + 3_600,
    }),
    'a payload that is a list': forge(HS256, [claims()]),
    'a payload that is no JSON': forge(HS256, 'alice'),
    'a header that is no JSON': `${encode('x')}.${body}.${signature}`,
    'two parts': `${head}.${body}`,
    'four parts': `${good}.${signature}`,
    'junk of 8 KB': 'x'.repeat(8192),
    dots: '..',
    nothing: '',
  }
  for (const [what, token] of Object.entries(refused)) {
    it(`401 for ${what}`, async () => {
      const answer = await ask(`Bearer ${token}`)
      assert.equal(answer.status, 401)
      assert.equal(answer.json.error, 'unauthorized')
      assert.match(String(answer.headers['www-authenticate']), TOKEN_CHALLENGE)
    })
  }

  const reasons: Record<string, [token: string, description: string, logged: object]> = {
    'an expired token': [
      forge(HS256, claims({ exp: now() - 3_600 })),
      'The token has expired',
      { check: 'expiry', claim: 'exp' },
    ],
    'a token for later': [
      forge({ ...HS256, kid: 'key-1' }, claims({ nbf: now() + 3_600 })),
      'The token is not valid yet',
      { check: 'claim check_failed', claim: 'nbf', kid: 'key-1' },
    ],
    'a token without exp': [
      forge(HS256, { sub: 'alice' }),
      'The token has no exp',
      { check: 'claim missing', claim: 'exp' },
    ],
    'another secret': [
      forge({ ...HS256, kid: 'key-1' }, claims(), 'another secret of more than 32 bytes'),
      "The token's signature is not valid",
      { check: 'signature', kid: 'key-1' },
    ],
    'another algorithm': [
      forge({ alg: 'HS384' }, claims(), SECRET, 'sha384'),
      'The algorithm of the token is not accepted',
      { check: 'algorithm' },
    ],
    'alg none without a signature': [
      `${encode({ alg: 'none', kid: 'key-1' })}.${encode(claims())}.`,
      'The algorithm of the token is not accepted',
      { check: 'algorithm', kid: 'key-1' },
    ],
    'no signature': [
      `${head}.${body}.`,
      "The token's signature is not valid",
      { check: 'signature' },
    ],
    'a critical header': [
      forge({ ...HS256, crit: ['x'], x: 1 }, claims()),
      'The header of the token has an unsupported parameter',
      { check: 'header' },
    ],
    'a token without a user': [
      forge(HS256, { exp: now() + 3_600 }),
      'The token does not name a valid user',
      { check: 'claim invalid', claim: 'user_id' },
    ],
    'a key id that is no name': [
      forge({ ...HS256, kid: `${good} "x"` }, claims(), 'another secret of more than 32 bytes'),
      "The token's signature is not valid",
      { check: 'signature' },
    ],
    'something else': ['x', 'The token is malformed', { check: 'form' }],
  }
  for (const [what, [token, description, logged]] of Object.entries(reasons)) {
    it(`401 says why for ${what}, and the log which check failed`, async () => {
      const before = test.log.length
      const answer = await ask(`Bearer ${token}`)
      assert.equal(answer.status, 401)
      assert.equal(answer.json.detail, description)
      assert.equal(
        answer.headers['www-authenticate'],
        `Bearer realm="todo", error="invalid_token", error_description="${description}"`,
      )
      const id = answer.json.request_id
      const lines = test.log.slice(before).map((line) => JSON.parse(line))
      const line = lines.find(({ reqId, refusal }) => reqId === id && refusal !== undefined)
      assert.equal(line.level, 30)
      assert.deepEqual(line.refusal, { ...logged, description })
      assert.ok(token === 'x' || !test.log.join('').includes(token))
    })
  }

  it('401 without a bearer token names no error, whatever the scheme', async () => {
    for (const authorization of [undefined, 'Basic eDp5', good, `Bearer${good}`]) {
      const answer = await ask(authorization)
      assert.equal(answer.status, 401)
      assert.equal(answer.headers['www-authenticate'], 'Bearer realm="todo"')
    }
  })

  it('401 for a good token in any other place', async () => {
    const places: Record<string, string>[] = [
      { authorization: `Basic ${good}` },
      { authorization: good },
      { authorization: `Bearer ${good}, Bearer ${good}` },
      { authorization: `Bearer\t${good}` },
      { cookie: `token=${good}; better-auth.session_token=${good}` },
      { 'x-access-token': good },
      { 'proxy-authorization': `Bearer ${good}` },
    ]
    for (const headers of places) {
      const answer = await test.send('GET', '/api/alice/tasks', { as: null, headers })
      assert.equal(answer.status, 401, JSON.stringify(Object.keys(headers)))
    }
    for (const query of [`access_token=${good}`, `token=${good}`]) {
      assert.equal((await test.send('GET', `/api/alice/tasks?${query}`, { as: null })).status, 401)
    }
  })

  it('401 for two Authorization headers, whichever is good', async () => {
    for (const authorization of [
      [`Bearer ${good}`, `Bearer ${good}`],
      [`Bearer ${good}`, 'Bearer x.y.z'],
      ['Bearer x.y.z', `Bearer ${good}`],
    ]) {
      assert.equal((await ask(authorization)).status, 401)
    }
  })

  it('401 for what is like a remembered token but in one part', async () => {
    const payload = claims({ jti: 'remembered' })
    const remembered = forge(HS256, payload)
    const [head, body, signature] = remembered.split('.')
    const bobs = encode({ ...payload, sub: 'bob' })
    for (let n = 0; n < 2; n += 1) {
      assert.equal((await ask(`Bearer ${remembered}`)).status, 200)
      for (const [token, user] of [
        [`${head}.${body}.${'A'.repeat(43)}`, 'alice'],
        [`${head}.${bobs}.${signature}`, 'alice'],
        [`${head}.${bobs}.${signature}`, 'bob'],
        [`${encode({ ...HS256, kid: 'x' })}.${body}.${signature}`, 'alice'],
      ] as const) {
        assert.equal((await ask(`Bearer ${token}`, user)).status, 401)
      }
    }
    const others = forge(HS256, { ...payload, sub: 'bob' })
    assert.equal((await ask(`Bearer ${others}`, 'bob')).status, 200)
    assert.equal((await ask(`Bearer ${others}`, 'alice')).status, 403)
    assert.equal((await ask(`Bearer ${remembered}`, 'bob')).status, 403)
  })

  it('401 from the second on at which a remembered token expires', async () => {
    const second = now()
    const token = forge(HS256, claims({ exp: second - 57 }))
    mock.timers.enable({ apis: ['Date'], now: second * 1_000 })
    try {
      assert.equal((await ask(`Bearer ${token}`)).status, 200)
      mock.timers.setTime((second + 3) * 1_000 - 1)
      assert.equal((await ask(`Bearer ${token}`)).status, 200)
      mock.timers.setTime((second + 3) * 1_000)
      assert.equal((await ask(`Bearer ${token}`)).status, 401)
    } finally {
      mock.timers.reset()
    }
  })

  it('401 for a token that expired, with CLOCK_TOLERANCE_SECONDS=0', async (context) => {
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const strict = await serve(NO_DATABASE, { CLOCK_TOLERANCE_SECONDS: '0' })
    for (const [exp, status] of [
      [now(), 401],
      [now() + 1, 403],
    ]) {
      const headers = { authorization: `Bearer ${forge(HS256, claims({ exp }))}` }
      assert.equal(
        (await strict.send('GET', '/api/bob/tasks', { as: null, headers })).status,
        status,
      )
    }
    await strict.app.close()
  })

  it('401 and 403 are decided without a database', async () => {
    const blind = await serve(NO_DATABASE)
    assert.equal((await blind.send('GET', '/api/alice/tasks', { as: null })).status, 401)
    assert.equal((await blind.send('GET', '/api/alice/tasks', { as: 'bob' })).status, 403)
    assert.equal((await blind.send('GET', '/api/alice/tasks')).status, 500)
    await blind.app.close()
  })
})

describe('where the issuer and audience are pinned', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', {
      JWT_ISSUER: 'https://auth.example.com',
      JWT_AUDIENCE: 'todo',
    })
  })
  after(() => test.close())

  const pinned = { iss: 'https://auth.example.com', aud: 'todo' }
  for (const [what, more, claim] of [
    ['another issuer', { ...pinned, iss: 'https://evil.example.com' }, 'iss'],
    ['another audience', { ...pinned, aud: 'x' }, 'aud'],
  ] as const) {
    it(`401 for ${what} says that the token is for another service`, async () => {
      const headers = { authorization: `Bearer ${forge(HS256, claims(more))}` }
      const answer = await test.send('GET', '/api/alice/tasks', { as: null, headers })
      assert.match(
        String(answer.headers['www-authenticate']),
        /error_description="The token is not valid for this service"/,
      )
      assert.ok(test.log.some((line) => line.includes(`"claim":"${claim}"`)))
    })
  }

  for (const [what, more, status] of [
    ['both as they are set', pinned, 200],
    ['the audience among others', { ...pinned, aud: ['x', 'todo'] }, 200],
    ['another issuer', { ...pinned, iss: 'https://evil.example.com' }, 401],
    ['no issuer', { aud: 'todo' }, 401],
    ['another audience', { ...pinned, aud: 'x' }, 401],
    ['no audience', { iss: pinned.iss }, 401],
  ] as const) {
    it(`${status} for ${what}`, async () => {
      const headers = { authorization: `Bearer ${forge(HS256, claims(more))}` }
      assert.equal(
        (await test.send('GET', '/api/alice/tasks', { as: null, headers })).status,
        status,
      )
    })
  }

  it('the tokens this server prints pass', async () => {
    assert.equal((await test.send('GET', '/api/alice/tasks')).status, 200)
  })
})
