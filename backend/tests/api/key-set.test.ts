import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { jwtVerify } from 'jose/jwt/verify'
import { pino } from 'pino'
import { remoteKeySet } from '../../src/http/identity/key-set.ts'
import { type KeyServer, startKeyServer } from '../support/key-server.ts'

const quiet = pino({ level: 'silent' })

/** A clock that goes on when it is told to. */
let clockMs = 0
const nowMs = () => clockMs

describe('a key set', () => {
  let keys: KeyServer
  before(async () => {
    keys = await startKeyServer()
  })
  after(() => keys.close())

  it('is fetched with the first token, and kept for the next', async () => {
    const getKey = remoteKeySet(keys.url, quiet, () => {})
    const before = keys.asked()
    for (let time = 0; time < 3; time += 1) await jwtVerify(await keys.sign({}), getKey)
    const many = Array.from({ length: 20 }, async () => jwtVerify(await keys.sign({}), getKey))
    await Promise.all(many)
    assert.equal(keys.asked(), before + 1)
  })

  it('is fetched again for an unknown key id, at a bounded rate', async () => {
    const cooldownMs = 300
    const getKey = remoteKeySet(keys.url, quiet, () => {}, { cooldownMs, nowMs })
    await jwtVerify(await keys.sign({}), getKey)
    await keys.rotate()
    const asked = keys.asked()
    const token = await keys.sign({})
    for (let time = 0; time < 20; time += 1) await assert.rejects(jwtVerify(token, getKey))
    assert.equal(keys.asked(), asked, 'asked again within the cooldown')
    clockMs += cooldownMs
    await jwtVerify(token, getKey)
    assert.equal(keys.asked(), asked + 1)
  })

  it('is asked for no more often while the other side fails, and the keys of before are kept', async () => {
    const cooldownMs = 200
    const settings = { cooldownMs, maxAgeMs: 100, nowMs }
    const getKey = remoteKeySet(keys.url, quiet, () => {}, settings)
    const known = await keys.sign({})
    await jwtVerify(known, getKey)
    keys.break(true)
    const asked = keys.asked()
    clockMs += cooldownMs
    for (let time = 0; time < 20; time += 1) await jwtVerify(known, getKey)
    await keys.rotate()
    const unknown = await keys.sign({})
    for (let time = 0; time < 20; time += 1) await assert.rejects(jwtVerify(unknown, getKey))
    assert.equal(keys.asked(), asked + 1)
    clockMs += cooldownMs
    for (let time = 0; time < 20; time += 1) await assert.rejects(jwtVerify(unknown, getKey))
    assert.equal(keys.asked(), asked + 2)
    keys.break(false)
    clockMs += cooldownMs
    await jwtVerify(unknown, getKey)
  })

  it('tells when its keys are others than before, and a key that is gone is refused', async () => {
    let changes = 0
    const changed = () => {
      changes += 1
    }
    const getKey = remoteKeySet(keys.url, quiet, changed, { cooldownMs: 0, nowMs })
    const old = await keys.sign({})
    await jwtVerify(old, getKey)
    const asked = keys.asked()
    const [, payload, signature] = old.split('.')
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'unknown' }))
    const unknown = [header.toString('base64url'), payload, signature].join('.')
    await assert.rejects(jwtVerify(unknown, getKey))
    assert.deepEqual([keys.asked(), changes], [asked + 1, 0])
    await keys.rotate()
    await jwtVerify(await keys.sign({}), getKey)
    assert.equal(changes, 1)
    await assert.rejects(jwtVerify(old, getKey), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })
})
