import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SignJWT } from 'jose/jwt/sign'
import { pino } from 'pino'
import { loadConfig } from '../../src/core/config/config.ts'
import { LIMITS, type Limits } from '../../src/core/limits.ts'
import { NO_REVOCATIONS } from '../../src/http/identity/revocations.ts'
import { tokenVerifier } from '../../src/http/identity/verify-token.ts'
import { SECRET } from '../support/app.ts'

const config = loadConfig({ BETTER_AUTH_SECRET: SECRET, DATABASE_URL: 'pglite:memory' })
const quiet = pino({ level: 'silent' })

/** A token of about so many bytes. */
const tokenOf = (sub: string, bytes: number) =>
  new SignJWT({ sub, more: 'x'.repeat(bytes * 0.75) })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(SECRET))

const verifier = (limits: Partial<Limits> = {}) =>
  tokenVerifier(config, quiet, NO_REVOCATIONS, { ...LIMITS, ...limits })

describe('remembered tokens', () => {
  it('are answered at once, where they are as long as usual', async () => {
    const verify = verifier()
    const token = await tokenOf('alice', 3_000)
    assert.equal(await verify(token), 'alice')
    assert.equal(verify(token), 'alice')
  })

  it('of 15 kB are verified each time', async () => {
    const verify = verifier()
    const token = await tokenOf('alice', 15_000)
    for (let time = 0; time < 3; time += 1) {
      const user = verify(token)
      assert.ok(user instanceof Promise)
      assert.equal(await user, 'alice')
    }
  })

  it('are bounded in bytes, and the latest are kept', async () => {
    const verify = verifier({ tokenBytesRemembered: 40_000 })
    const tokens = await Promise.all(Array.from({ length: 30 }, (_, n) => tokenOf(`u${n}`, 3_000)))
    for (const token of tokens) await verify(token)
    const known = tokens.filter((token) => typeof verify(token) === 'string')
    assert.ok(known.length > 5 && known.length < 14, String(known.length))
    assert.deepEqual(known, tokens.slice(-known.length))
  })

  it('count their users too', async () => {
    const verify = verifier({ tokenBytesRemembered: 40_000 })
    const tokens = await Promise.all(
      Array.from({ length: 60 }, (_, n) => tokenOf('💾'.repeat(250) + n, 100)),
    )
    for (const token of tokens) await verify(token)
    const known = tokens.filter((token) => typeof verify(token) === 'string')
    const bytes = known.reduce((sum, token) => sum + token.length + 1_000, 0)
    assert.ok(bytes < 40_000, `${bytes}`)
  })
})
