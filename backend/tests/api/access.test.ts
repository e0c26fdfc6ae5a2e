import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/core/config/config.ts'
import { NO_DATABASE, SECRET } from '../support/app.ts'

/** The whole app, which still takes routes. */
function build(): Promise<FastifyInstance> {
  const config = loadConfig({ BETTER_AUTH_SECRET: SECRET, DATABASE_URL: 'pglite:memory' })
  const logger = pino({ level: 'silent' })
  return buildApp({ config, database: NO_DATABASE, accounts: null, logger })
}

async function add(url: string, config?: FastifyContextConfig): Promise<void> {
  const app = await build()
  try {
    await app.register(async (feature) => {
      feature.get(url, config ? { config } : {}, async () => 'reached')
    })
  } finally {
    await app.close()
  }
}

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
  })

  it('is taken with an access that fits its path', async () => {
    await add('/new', { access: 'public' })
    await add('/new', { access: 'token' })
    await add('/api/:user_id/new', { access: 'owner' })
  })
})
