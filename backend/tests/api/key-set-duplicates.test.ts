import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { JWK } from 'jose'
import { pino } from 'pino'
import { loadConfig } from '../../src/core/config/config.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { tokenVerifier } from '../../src/http/identity/verify-token.ts'
import { SECRET } from '../support/app.ts'
import { type KeyPage, signingKey, startKeyPage } from '../support/key-page.ts'

describe('a key set of which several keys fit a token', () => {
  let page: KeyPage
  before(async () => {
    page = await startKeyPage()
  })
  after(() => page.close())

  /** Of a server that has just started. */
  function verifierOf(keys: readonly JWK[]) {
    page.serve(keys)
    const settings = { BETTER_AUTH_SECRET: SECRET, DATABASE_URL: 'pglite:memory' }
    const config = loadConfig({ ...settings, BETTER_AUTH_JWKS_URL: page.url })
    return tokenVerifier(config, pino({ level: 'silent' }))
  }
  const refused = { code: 'unauthorized' }

  it('accepts tokens signed by either of two keys with one id, and 401 for others', async () => {
    const keys = [await signingKey('one'), await signingKey('one')]
    const verify = verifierOf(keys.map(({ jwk }) => jwk))
    for (const key of keys) assert.equal(await verify(await key.sign()), 'alice')
    const stranger = await signingKey('one')
    await assert.rejects(async () => verify(await stranger.sign()), refused)
  })

  it('takes each key for its own algorithm, where they share an id', async () => {
    const keys = [
      await signingKey('one', 'ES256'),
      await signingKey('one', 'RS256'),
      await signingKey('one', 'EdDSA'),
    ]
    const verify = verifierOf(keys.map(({ jwk }) => jwk))
    for (const key of keys) assert.equal(await verify(await key.sign()), 'alice')
    for (const alg of ['ES256', 'RS256', 'PS256', 'EdDSA']) {
      const stranger = await signingKey('one', alg)
      await assert.rejects(async () => verify(await stranger.sign()), refused, alg)
    }
  })

  it('tries those that fit where the keys name no algorithm, and where the token names no key', async () => {
    const anyAlg = { alg: undefined } as unknown as JWK // exactOptionalPropertyTypes
    const keys = [
      await signingKey('one', 'RS256', anyAlg),
      await signingKey('one', 'PS256', anyAlg),
      await signingKey('two', 'RS256', anyAlg),
    ]
    const verify = verifierOf(keys.map(({ jwk }) => jwk))
    for (const key of keys) {
      assert.equal(await verify(await key.sign()), 'alice')
      assert.equal(await verify(await key.sign({ sub: 'alice' }, {})), 'alice')
    }
  })

  it('accepts a token without a key id from each key of its algorithm', async () => {
    const keys = [
      await signingKey('one'),
      await signingKey('two'),
      await signingKey('three', 'EdDSA'),
    ]
    const verify = verifierOf(keys.map(({ jwk }) => jwk))
    for (const key of keys)
      assert.equal(await verify(await key.sign({ sub: 'alice' }, {})), 'alice')
    const stranger = await signingKey('one')
    await assert.rejects(async () => verify(await stranger.sign({ sub: 'alice' }, {})), refused)
  })

  it('accepts a token without a key id from a key that the issuer has added since', async (context) => {
    const old = await signingKey('one')
    const added = await signingKey('two')
    const verify = verifierOf([old.jwk])
    context.mock.method(performance, 'now', () => clockMs)
    let clockMs = 0
    assert.equal(await verify(await old.sign({ sub: 'alice' }, {})), 'alice')
    page.serve([old.jwk, added.jwk])
    await assert.rejects(async () => verify(await added.sign({ sub: 'alice' }, {})), refused)
    clockMs += 10_000
    assert.equal(await verify(await added.sign({ sub: 'alice' }, {})), 'alice')
  })

  it('skips an unusable key', async () => {
    const good = await signingKey('one')
    const broken = { ...good.jwk, x: 'AAAA' }
    for (const keys of [
      [broken, good.jwk],
      [good.jwk, broken],
    ]) {
      assert.equal(await verifierOf(keys)(await good.sign()), 'alice')
    }
  })

  it('401 for a signed token that is expired or of nobody, as with one key', async () => {
    const keys = [await signingKey('one'), await signingKey('one')]
    const verify = verifierOf(keys.map(({ jwk }) => jwk))
    for (const key of keys) {
      await assert.rejects(async () => verify(await key.sign({ email: 'alice@a.b' })), refused)
      await assert.rejects(async () => verify(await key.sign({ sub: 'alice', nbf: 9e9 })), refused)
    }
  })

  it('tries every key of the largest set, with a key id and without', async () => {
    const keys = await Promise.all(
      Array.from({ length: LIMITS.keySetKeys }, () => signingKey('one')),
    )
    const verify = verifierOf(keys.map(({ jwk }) => jwk))
    for (const key of keys) {
      assert.equal(await verify(await key.sign()), 'alice')
      assert.equal(await verify(await key.sign({ sub: 'alice' }, {})), 'alice')
    }
    const stranger = await signingKey('one')
    await assert.rejects(async () => verify(await stranger.sign({ sub: 'alice' }, {})), refused)
  })
})
