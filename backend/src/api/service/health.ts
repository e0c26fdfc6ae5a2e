import type { FastifyPluginAsync } from 'fastify'
import { AppError } from '../../core/errors.ts'
import { VERSION } from '../../core/version.ts'
import type { Database } from '../../database/session.ts'
import { object } from '../../schemas/object.ts'
import { responses } from '../../schemas/problem.ts'

const ok = (description: string, more = {}, example = {}) => ({
  description,
  content: {
    'application/json': {
      schema: object({ status: { const: 'ok' }, ...more }),
      example: { status: 'ok', ...example },
    },
  },
})
/** A fixed example, so that a release does not change the OpenAPI document. */
const EXAMPLE = { version: '1.0.0' }

/** Serves `/livez`, which does not ask the database, and `/readyz`, which does and fails during a stop. */
export const health: FastifyPluginAsync<{ database: Database }> = async (app, { database }) => {
  const isProbe = { config: { access: 'public', probe: true } } as const
  let draining = false
  app.addHook('preClose', async () => {
    draining = true
  })

  const live = {
    tags: ['health'],
    operationId: 'isAlive',
    summary: 'Check that the process is alive',
    description: 'Does not ask the database. `version` is the version of the server.',
    ...responses({ 200: ok('The process is alive', { version: { type: 'string' } }, EXAMPLE) }),
  }
  app.get('/livez', { ...isProbe, schema: live }, async () => ({ status: 'ok', version: VERSION }))

  for (const [path, operationId] of [
    ['/readyz', 'isReady'],
    ['/health', 'isHealthy'],
  ] as const) {
    const schema = {
      tags: ['health'],
      operationId,
      summary: 'Check that the server can handle requests',
      description: 'Asks the database. Fails from the moment at which the server begins to stop.',
      ...responses({ 200: ok('The server can handle requests') }, 'service_unavailable'),
    }
    app.get(path, { ...isProbe, schema }, async () => {
      if (draining) {
        throw new AppError('service_unavailable', {
          detail: 'The server is stopping',
          headers: { 'retry-after': '1' },
        })
      }
      await database.ping()
      return { status: 'ok' }
    })
  }
}
