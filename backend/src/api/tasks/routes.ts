import type { FastifyPluginAsyncJsonSchemaToTs } from '@fastify/type-provider-json-schema-to-ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { v7 as uuidv7 } from 'uuid'
import type { Statement } from '../../database/session.ts'
import { acceptJson } from '../../http/protocol/body.ts'
import { etagOf, isNotModified, requiredVersions } from '../../http/resource/conditions.ts'
import { found, sendStored } from '../../http/resource/send.ts'
import { withDefaults } from '../../models/tasks/columns.ts'
import { LOCK_USER, moveTask } from '../../models/tasks/move.ts'
import {
  type ChangeOnce,
  insertTaskOnce,
  insertTaskOnceAs,
  toggleTaskOnce,
} from '../../models/tasks/once.ts'
import {
  type Change,
  deleteTask,
  findTask,
  insertTask,
  insertTaskAs,
  toggleTask,
} from '../../models/tasks/task.ts'
import { purgeTask } from '../../models/tasks/trash.ts'
import { updateTask } from '../../models/tasks/update.ts'
import { TaskMove } from '../../schemas/tasks/move.ts'
import { Completion, NewTask, Task, TaskChanges } from '../../schemas/tasks/task.ts'
import { changesOnce, idempotencyKey } from './idempotency.ts'
import { sendTasks } from './list.ts'
import { type Around, linkNext, type Next, runWithin, withOccurrences } from './occurrences.ts'
import { operations } from './operations.ts'
import { insertAs, sendChange, sendNew, sendNewAs } from './send.ts'

const config = { access: 'owner' } as const

export interface TaskOptions {
  /** How long a page looks for tasks that match. */
  readonly pageMs: number
  /** How long a deleted task stays in the trash. With 0, deletion is permanent. */
  readonly trashDays: number
}

/** The endpoints of a user's tasks (contract §1), under `/api/:user_id/tasks`. */
export const tasks: FastifyPluginAsyncJsonSchemaToTs<{ Options: TaskOptions }> = async (
  app,
  { pageMs, trashDays },
) => {
  for (const schema of [Task, NewTask, TaskChanges, Completion, TaskMove]) app.addSchema(schema)
  const changeOnce = changesOnce()
  const change = async (
    reply: FastifyReply,
    make: (around: Around | undefined) => Promise<readonly [ChangeOnce, Next]>,
    key?: string,
  ) => {
    const keys = key === undefined ? undefined : ([key, key] as const)
    const [result, made] = await withOccurrences(make, { keys })
    if (!('task' in result)) return sendChange(reply, result)
    const next = 'next' in result ? result.next : made.get(result.task.id)
    return sendChange(linkNext(reply, next), result)
  }
  const update = (request: FastifyRequest, reply: FastifyReply, statement: Statement<Change>) =>
    change(reply, (around) => runWithin(request, around, statement))

  app.get('', { schema: operations.list, config }, (request, reply) =>
    sendTasks(reply, request.query, pageMs),
  )

  app.post('', { schema: operations.create, config }, async (request, reply) => {
    const { id, ...body } = request.body
    const asked = { body: withDefaults(body), ...(id !== undefined && { id }) }
    const key = idempotencyKey(request, asked)
    if (key !== undefined) {
      const insertion =
        id === undefined ? insertTaskOnce(uuidv7(), body, key) : insertTaskOnceAs(id, body, key)
      const [change] = await changeOnce(request, insertion)
      // The user has a task with this id already.
      if (id === undefined || change.outcome !== 'missing') return sendNew(reply, change)
    }
    if (id === undefined) return sendNew(reply, await request.asUser(insertTask(uuidv7(), body)))
    return sendNewAs(reply, await insertAs(request, insertTaskAs(id, body)))
  })

  app.get('/:id', { schema: operations.get, config }, async (request, reply) => {
    const task = found(await request.asUser(findTask(request.params.id)))
    if (isNotModified(request, task)) return reply.code(304).header('etag', etagOf(task)).send()
    return sendStored(reply, task)
  })

  app.put('/:id', { schema: operations.update, config }, async (request, reply) => {
    const { params, body } = request
    return update(request, reply, updateTask(params.id, body, requiredVersions(request)))
  })

  // A plugin of its own, because no other route accepts the media type of a merge patch.
  await app.register(async (patches: typeof app) => {
    acceptJson(patches, 'application/merge-patch+json')
    patches.patch('/:id', { schema: operations.patch, config }, async (request, reply) => {
      const { params, body } = request
      return update(request, reply, updateTask(params.id, body, requiredVersions(request)))
    })
  })

  app.delete('/:id', { schema: operations.delete, config }, async (request, reply) => {
    const { params } = request
    const deletion = deleteTask(params.id, requiredVersions(request))
    if (trashDays > 0) return sendChange(reply, await request.asUser(deletion))
    const [change] = await request.asUser([deletion, purgeTask(params.id)])
    return sendChange(reply, change)
  })

  app.post('/:id/move', { schema: operations.move, config }, async (request, reply) => {
    const move = moveTask(request.params.id, request.body, requiredVersions(request))
    const [, change] = await request.asUser([LOCK_USER, move])
    return sendChange(reply, change)
  })

  app.patch('/:id/complete', { schema: operations.complete, config }, async (request, reply) => {
    const { params, body } = request
    const versions = requiredVersions(request)
    if (body?.completed !== undefined) {
      return update(request, reply, updateTask(params.id, body, versions))
    }
    const key = idempotencyKey(request, { id: params.id, versions, body: body ?? {} })
    if (key === undefined) return update(request, reply, toggleTask(params.id, versions))
    const toggle = toggleTaskOnce(params.id, versions, key)
    return change(reply, (around) => changeOnce(request, toggle, around), key.key)
  })
}
