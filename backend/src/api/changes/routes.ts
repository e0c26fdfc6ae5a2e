import type { FastifyPluginAsyncJsonSchemaToTs } from '@fastify/type-provider-json-schema-to-ts'
import { AppError } from '../../core/errors.ts'
import { listChanges } from '../../models/changes/changes.ts'
import { readToken } from '../../models/changes/token.ts'
import { Change, Changes } from '../../schemas/changes/changes.ts'
import { operations } from './operations.ts'

const DEFAULT_LIMIT = 500

/** The feed of a user's changes (contract §1), under `/api/:user_id/tasks/changes`. */
export const changes: FastifyPluginAsyncJsonSchemaToTs = async (app) => {
  for (const schema of [Change, Changes]) app.addSchema(schema)

  app.get('', { schema: operations.list, config: { access: 'owner' } }, async (request, reply) => {
    const { since, limit = DEFAULT_LIMIT } = request.query
    const position = since === undefined ? undefined : readToken(since)
    const result = await request.asUser(listChanges(position, limit))
    if (result.outcome === 'expired') throw new AppError('sync_expired')
    const { changes, token, more } = result.page
    return reply
      .type('application/json')
      .send(`{"changes":[${changes}],"token":"${token}","more":${more}}`)
  })
}
