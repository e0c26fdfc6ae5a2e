import type { FastifyPluginAsyncJsonSchemaToTs } from '@fastify/type-provider-json-schema-to-ts'
import { AppError } from '../../core/errors.ts'
import { type List, sendList } from '../../http/resource/pages.ts'
import { found, sendStored } from '../../http/resource/send.ts'
import { listLongTrash, listTrash } from '../../models/tasks/list.ts'
import { LOCK_USER } from '../../models/tasks/move.ts'
import { findTrashed, purgeTask, purgeTrash, restoreTask } from '../../models/tasks/trash.ts'
import { TrashedTask } from '../../schemas/tasks/trash.ts'
import { operations } from './operations.ts'

const config = { access: 'owner' } as const
/** Tasks that one statement deletes permanently, so that no other user waits for it. */
const BATCH_TASKS = 500
const TRASH: List = { short: listTrash, long: listLongTrash }

/** The endpoints of a user's trash (contract §1), under `/api/:user_id/tasks/trash`. */
export const trash: FastifyPluginAsyncJsonSchemaToTs<{ Options: { pageMs: number } }> = async (
  app,
  { pageMs },
) => {
  app.addSchema(TrashedTask)

  app.get('', { schema: operations.list, config }, async (request, reply) => {
    const { cursor, limit } = request.query
    return sendList(reply, TRASH, { resource: 'tasks/trash', cursor, limit, pageMs })
  })

  app.delete('', { schema: operations.empty, config }, async (request, reply) => {
    while ((await request.asUser(purgeTrash(BATCH_TASKS))) === BATCH_TASKS) {
      if (request.raw.socket.destroyed) break
    }
    return reply.code(204).send()
  })

  app.get('/:id', { schema: operations.get, config }, async (request, reply) =>
    sendStored(reply, found(await request.asUser(findTrashed(request.params.id)))),
  )

  app.delete('/:id', { schema: operations.delete, config }, async (request, reply) => {
    await request.asUser([LOCK_USER, purgeTask(request.params.id)])
    return reply.code(204).send()
  })

  app.post('/:id/restore', { schema: operations.restore, config }, async (request, reply) => {
    const change = await request.asUser(restoreTask(request.params.id))
    if (change.outcome !== 'changed') throw new AppError('not_found')
    return sendStored(reply, change.task)
  })
}
