import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/core/config/config.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { signToken } from '../../src/core/token.ts'
import { RequestWindows } from '../../src/http/rate/request-windows.ts'
import { NO_DATABASE, SECRET } from '../support/app.ts'

const config = loadConfig({
  BETTER_AUTH_SECRET: SECRET,
  DATABASE_URL: 'pglite:memory',
  RATE_LIMIT_PER_MINUTE: '3',
})
/** Of a window that no test outlasts. */
const WINDOW_MS = 3_600_000

/** The whole app with one route more, which is `GET` and says whose request it is. */
async function add(url: string, access?: FastifyContextConfig): Promise<FastifyInstance> {
  const logger = pino({ level: 'silent' })
  const limit = new RequestWindows(config.rateLimitPerMinute, WINDOW_MS)
  const app = await buildApp({ config, database: NO_DATABASE, accounts: null, logger, limit })
  try {
    await app.register(async (feature) => {
      feature.get(url, access ? { config: access } : {}, async ({ userId }) => `of ${userId}`)
    })
  } catch (error) {
    await app.close()
    throw error
  }
  return app
}

/** Sends requests one after the other. */
async function get(app: FastifyInstance, ...requests: [path: string, user: string | null][]) {
  const answers = []
  for (const [url, user] of requests) {
    const headers = user ? { authorization: `Bearer ${await signToken(config, user)}` } : {}
    const { statusCode, body } = await app.inject({ url, headers })
    answers.push(statusCode === 200 ? body : statusCode)
  }
  await app.close()
  return answers
}

describe('the depth of a body', () => {
  it('is bounded for each route, by default as the limits say', async () => {
    const logger = pino({ level: 'silent' })
    const app = await buildApp({ config, database: NO_DATABASE, accounts: null, logger })
    const body = { type: 'object', additionalProperties: true }
    for (const bodyLevels of [undefined, 1, 4]) {
      const bounded = { access: 'public', ...(bodyLevels && { bodyLevels }) } as const
      const schema = { body, 'x-problems': [] }
      app.post(`/levels/${bodyLevels}`, { config: bounded, schema }, async () => 'taken')
    }
    for (const [bodyLevels, most] of [
      [undefined, LIMITS.bodyLevels],
      [1, 1],
      [4, 4],
    ] as const) {
      for (const levels of [most, most + 1, 1_000]) {
        const payload = `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`
        const headers = { 'content-type': 'application/json' }
        const url = `/levels/${bodyLevels}`
        const answer = await app.inject({ method: 'POST', url, headers, payload })
        assert.equal(answer.statusCode, levels === most ? 200 : 422, `${levels} of ${most}`)
        if (levels === most) continue
        const message = `must have at most ${most} levels of objects and arrays`
        assert.deepEqual(answer.json().errors, [{ in: 'body', path: '', message }])
        assert.equal(answer.json().detail, `The body ${message}`)
      }
    }
    await app.close()
  })
})

describe('a route', () => {
  it('is refused without an access, on any path', async () => {
    const reason = /has no config\.access\. Set it to 'public', 'token' or 'owner'/
    await assert.rejects(add('/new'), reason)
    await assert.rejects(add('/api/:user_id/new'), reason)
    await assert.rejects(add('/new', { bodyLevels: 2 }), reason)
    await assert.rejects(add('/new', { access: 'Public' as 'public' }), reason)
  })

  it('is refused under /api/:user_id unless it is the owner’s, and the owner’s elsewhere', async () => {
    const reason = /All of \/api\/:user_id, and nothing else, has 'owner'/
    await assert.rejects(add('/api/:user_id/new', { access: 'public' }), reason)
    await assert.rejects(add('/api/:user_id/new', { access: 'token' }), reason)
    await assert.rejects(add('/api/:user_id', { access: 'public' }), reason)
    await assert.rejects(add('/api/users/:user_id/new', { access: 'owner' }), reason)
    for (const url of ['/api/:id/new', '/api/:user_id.json', '/api/*']) {
      await assert.rejects(add(url, { access: 'public' }), reason, url)
      await assert.rejects(add(url, { access: 'token' }), reason, url)
    }
  })

  it('of an owner: 401 without a token, 403 for another user, 429 beyond the limit', async () => {
    const app = await add('/api/:user_id/new', { access: 'owner' })
    const mine = ['/api/alice/new', 'alice'] as [string, string]
    assert.deepEqual(
      await get(app, ['/api/alice/new', null], ['/api/alice/new', 'bob'], mine, mine, mine, mine),
      [401, 403, 'of alice', 'of alice', 'of alice', 429],
    )
  })

  it('of an owner: `me` is the user of the token, and is counted as that user', async () => {
    const app = await add('/api/:user_id/new', { access: 'owner' })
    const me = '/api/me/new'
    assert.deepEqual(
      await get(
        app,
        [me, null],
        [me, 'alice'],
        [me, 'bob'],
        [me, 'me'],
        ['/api/%6de/new', 'alice'],
        ['/api/ME/new', 'alice'],
        ['/api/alice/new', 'me'],
        ['/api/alice/new', 'alice'],
        [me, 'alice'],
      ),
      [401, 'of alice', 'of bob', 'of me', 'of alice', 403, 403, 'of alice', 429],
    )
  })

  it('of an owner: 404 for a malformed id, in any letter case', async () => {
    const app = await add('/api/:user_id/new/:id', { access: 'owner' })
    const id = '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'
    assert.deepEqual(
      await get(
        app,
        [`/api/alice/new/${id}`, 'alice'],
        [`/api/alice/new/${id.toUpperCase()}`, 'alice'],
        ['/api/alice/new/1', 'alice'],
      ),
      ['of alice', 'of alice', 404],
    )
  })

  it('for any user: 401 without a token, 429 beyond the limit', async () => {
    const app = await add('/new', { access: 'token' })
    const mine = ['/new', 'alice'] as [string, string]
    assert.deepEqual(await get(app, ['/new', null], ['/new', 'bob'], mine, mine, mine, mine), [
      401,
      'of bob',
      'of alice',
      'of alice',
      'of alice',
      429,
    ])
  })

  it('that is public has no user, whatever token is sent', async () => {
    const app = await add('/new', { access: 'public' })
    assert.deepEqual(await get(app, ['/new', null], ['/new', 'alice']), ['of ', 'of '])
  })
})
