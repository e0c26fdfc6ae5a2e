import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, generateKeyPair } from 'jose'
import { SignJWT } from 'jose/jwt/sign'
import { pino } from 'pino'
import { loadConfig } from '../../src/core/config/config.ts'
import { tokenVerifier } from '../../src/http/identity/verify-token.ts'
import { auth, BEHIND_PROXY, claimsOf, signUp } from '../support/accounts.ts'
import { SECRET, startApp, type TestApp } from '../support/app.ts'
import { type Elsewhere, startElsewhere } from '../support/better-auth-elsewhere.ts'
import { KINDS } from '../support/databases.ts'
import { startKeyServer } from '../support/key-server.ts'

const as = (token: string) => ({ as: null, headers: { authorization: `Bearer ${token}` } })

for (const kind of KINDS) {
  describe(`a Better Auth elsewhere, on ${kind}`, () => {
    let byKeys: Elsewhere
    let bySecret: Elsewhere
    let test: TestApp
    before(async () => {
      byKeys = await startElsewhere()
      bySecret = await startElsewhere(SECRET)
      test = await startApp(kind, { ...BEHIND_PROXY, BETTER_AUTH_JWKS_URL: byKeys.jwksUrl })
    })
    after(async () => {
      await test.close()
      await Promise.all([byKeys.close(), bySecret.close()])
    })

    it('its tokens work, by its key set and by the shared secret, beside those of the box', async () => {
      for (const [elsewhere, alg] of [
        [byKeys, 'EdDSA'],
        [bySecret, 'HS256'],
      ] as const) {
        const { id, token } = await elsewhere.person(`${alg}@example.com`)
        const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
        assert.equal(header.alg, alg)
        // As it comes, the payload is the whole user.
        assert.ok(claimsOf(token).email)
        const path = `/api/${id}/tasks`
        assert.deepEqual((await test.send('GET', path, as(token))).json, [])
        const users = () => test.admin('select id from todo.users where id = $1', [id])
        assert.deepEqual(await users(), [])
        const made = await test.send('POST', path, { ...as(token), body: { title: 'x' } })
        assert.equal(made.status, 201)
        assert.deepEqual(await users(), [{ id }])
        assert.deepEqual((await test.send('GET', path, as(token))).json, [made.json])
      }
      const own = await signUp(test, 'own@example.com')
      assert.equal((await test.send('GET', `/api/${own.id}/tasks`, as(own.token))).status, 200)
    })

    it('its users see nothing of each other', async () => {
      const [one, two] = [
        await byKeys.person('one@example.com'),
        await bySecret.person('two@example.com'),
      ]
      for (const [asking, owner] of [
        [one, two],
        [two, one],
      ] as const) {
        const path = `/api/${owner.id}/tasks`
        assert.equal((await test.send('GET', path, as(asking.token))).status, 403)
      }
    })
  })
}

describe('tokens of a key set', () => {
  it('401 for another key, for a key of the set under another algorithm, and for the set used as a secret', async () => {
    const keys = await startKeyServer()
    const test = await startApp('postgres', { BETTER_AUTH_JWKS_URL: keys.url })
    const stranger = await generateKeyPair('ES256')
    const good = await keys.sign({ sub: 'alice' })
    assert.equal((await test.send('GET', '/api/alice/tasks', as(good))).status, 200)
    const [jwk] = keys.served()
    const token = (alg: string, kid = jwk?.kid) =>
      new SignJWT({ sub: 'alice' })
        .setProtectedHeader({ alg, ...(kid && { kid }) })
        .setExpirationTime('5m')
    const publicText = new TextEncoder().encode(JSON.stringify(jwk).padEnd(64))
    for (const [what, bad] of [
      ['another key', await token('ES256').sign(stranger.privateKey)],
      ['its public key as a secret', await token('HS256').sign(publicText)],
      ['HS384', await token('HS384').sign(new TextEncoder().encode(SECRET.repeat(2)))],
      ['ES384', await token('ES384').sign((await generateKeyPair('ES384')).privateKey)],
      ['a key id that is unknown', await token('ES256', 'unknown').sign(stranger.privateKey)],
      ['no user', await keys.sign({ email: 'alice@example.com' })],
      ['an expired one', await keys.sign({ sub: 'alice' }, Date.now() / 1000 - 120)],
      [
        'a key in its header',
        await new SignJWT({ sub: 'alice' })
          .setProtectedHeader({ alg: 'ES256', jwk: await exportJWK(stranger.publicKey) })
          .setExpirationTime('5m')
          .sign(stranger.privateKey),
      ],
      [
        'a key set in its header',
        await new SignJWT({ sub: 'alice' })
          .setProtectedHeader({ alg: 'ES256', jku: 'http://127.0.0.1:1/', kid: 'x' })
          .setExpirationTime('5m')
          .sign(stranger.privateKey),
      ],
    ] as const) {
      const answer = await test.send('GET', '/api/alice/tasks', as(bad))
      assert.equal(answer.status, 401, what)
      assert.match(String(answer.headers['www-authenticate']), /error="invalid_token"/, what)
    }
    await test.close()
    await keys.close()
  })

  it('401 for an algorithm that is not taken, by a key of the set', async () => {
    for (const [alg, status] of [
      ['ES512', 200],
      ['ES384', 401],
    ] as const) {
      const keys = await startKeyServer(alg)
      const test = await startApp('postgres', { BETTER_AUTH_JWKS_URL: keys.url })
      const token = await keys.sign({ sub: 'alice' })
      assert.equal((await test.send('GET', '/api/alice/tasks', as(token))).status, status, alg)
      await test.close()
      await keys.close()
    }
  })

  it('JWT_ISSUER and JWT_AUDIENCE pin them, and the box signs for both', async () => {
    const keys = await startKeyServer()
    const pins = { JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'todo' }
    const settings = { ...BEHIND_PROXY, ...pins, BETTER_AUTH_JWKS_URL: keys.url }
    const test = await startApp('postgres', settings)
    const pinned = { iss: 'https://issuer.example', aud: 'todo', sub: 'alice' }
    for (const [claims, status] of [
      [pinned, 200],
      [{ ...pinned, aud: ['other', 'todo'] as string[] }, 200],
      [{ ...pinned, iss: 'https://issuer.example/' }, 401],
      [{ ...pinned, aud: 'other' }, 401],
      [{ sub: 'alice' }, 401],
    ] as const) {
      const answer = await test.send('GET', '/api/alice/tasks', as(await keys.sign(claims)))
      assert.equal(answer.status, status, JSON.stringify(claims))
    }
    const own = await signUp(test, 'own@example.com')
    assert.equal((await test.send('GET', `/api/${own.id}/tasks`, as(own.token))).status, 200)
    await test.close()
    await keys.close()
  })

  it('401 after 10 minutes for a token whose key was taken back, however long it lasts', async () => {
    const keys = await startKeyServer()
    const config = loadConfig({ BETTER_AUTH_SECRET: SECRET, BETTER_AUTH_JWKS_URL: keys.url })
    const verify = tokenVerifier(config, pino({ level: 'silent' }))
    mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const now = performance.now()
    const later = mock.method(performance, 'now', () => now + (Date.now() - started))
    const started = Date.now()
    try {
      const token = await keys.sign({ sub: 'alice' }, Date.now() / 1000 + 30 * 86_400)
      assert.equal(await verify(token), 'alice')
      await keys.rotate()
      mock.timers.setTime(started + 601_000)
      const checked = verify(token)
      assert.ok(checked instanceof Promise, 'the token is not remembered any longer than its keys')
      await checked // with the earlier keys, while new ones are fetched
      const good = async () => verify(token)
      while (await good().catch(() => false)) await sleep(10)
      await assert.rejects(good, { code: 'unauthorized' })
      assert.equal(keys.asked(), 2)
    } finally {
      later.mock.restore()
      mock.timers.reset()
      await keys.close()
    }
  })

  it('503 with Retry-After while no key could be fetched yet, and tokens of the secret work', async () => {
    const keys = await startKeyServer()
    const token = await keys.sign({ sub: 'alice' })
    await keys.close()
    const test = await startApp('postgres', { BETTER_AUTH_JWKS_URL: keys.url })
    const answer = await test.send('GET', '/api/alice/tasks', as(token))
    assert.deepEqual([answer.status, answer.json.error], [503, 'service_unavailable'])
    assert.equal(answer.headers['retry-after'], '10')
    assert.equal((await test.send('GET', '/api/alice/tasks')).status, 200)
    await test.close()
  })
})

describe('rotated secrets', () => {
  const OLD = 'the old secret has more than 32 bytes as well'
  const NEW = 'the new secret has more than 32 bytes too'

  it('new tokens use the first of BETTER_AUTH_SECRETS, and all verify', async () => {
    const settings = {
      ...BEHIND_PROXY,
      BETTER_AUTH_SECRET: '',
      BETTER_AUTH_SECRETS: `2:${NEW},1:${OLD}`,
    }
    const test = await startApp('postgres', settings)
    const sign = (secret: string) =>
      new SignJWT({ sub: 'alice' })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('5m')
        .sign(new TextEncoder().encode(secret))
    for (const [secret, status] of [
      [NEW, 200],
      [OLD, 200],
      [SECRET, 401],
    ] as const) {
      const answer = await test.send('GET', '/api/alice/tasks', as(await sign(secret)))
      assert.equal(answer.status, status, secret)
    }
    const { token, id } = await signUp(test, 'rotated@example.com')
    const only = await startApp('postgres', { BETTER_AUTH_SECRET: NEW })
    assert.equal((await only.send('GET', `/api/${id}/tasks`, as(token))).status, 200)
    await only.close()
    await test.close()
  })
})

describe('ACCOUNTS=off', () => {
  it('removes /api/auth, and tokens from elsewhere work', async () => {
    const test = await startApp('postgres', { ACCOUNTS: 'off' })
    for (const [method, path] of [
      ['POST', '/sign-up/email'],
      ['GET', '/token'],
    ] as const) {
      const answer = await auth(test, method, path)
      assert.deepEqual([answer.status, answer.json.error], [404, 'not_found'])
    }
    assert.equal((await test.send('GET', '/api/alice/tasks')).status, 200)
    const document = (await test.send('GET', '/openapi.json')).json
    assert.ok(!Object.keys(document.paths).some((path) => path.startsWith('/api/auth')))
    await test.close()
  })
})
