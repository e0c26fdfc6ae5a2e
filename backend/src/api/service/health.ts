import type { FastifyPluginAsync } from 'fastify'
import { AppError } from '../../core/errors.ts'
import type { Database } from '../../database/session.ts'
import { answers } from '../../schemas/problem.ts'

const ok = (description: string) => ({
  description,
  content: {
    'application/json': {
      schema: { type: 'object', properties: { status: { const: 'ok' } } },
      example: { status: 'ok' },
    },
  },
})

/** Alive never asks the database; ready does, and ends when the server begins to stop. */
export const health: FastifyPluginAsync<{ database: Database }> = async (app, { database }) => {
  const isPublic = { config: { access: 'public' } } as const
  let draining = false
  app.addHook('preClose', async () => {
    draining = true
  })

  const live = {
    tags: ['health'],
    operationId: 'isAlive',
    summary: 'Is the process alive?',
    response: answers({ 200: ok('It is') }),
  }
  app.get('/livez', { ...isPublic, schema: live }, async () => ({ status: 'ok' }))

  for (const [path, operationId] of [
    ['/readyz', 'isReady'],
    ['/health', 'isHealthy'],
  ] as const) {
    const schema = {
      tags: ['health'],
      operationId,
      summary: 'Can it serve? Asks the database',
      response: answers({ 200: ok('It can') }, 'service_unavailable'),
    }
    app.get(path, { ...isPublic, schema }, async () => {
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
