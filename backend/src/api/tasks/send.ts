import type { FastifyReply } from 'fastify'
import { AppError } from '../../core/errors.ts'
import type { ChangeOnce } from '../../models/tasks/once.ts'
import type { StoredTask } from '../../models/tasks/sql.ts'
import { etagOf } from './conditions.ts'
import { keyInFlight, keyReused } from './idempotency.ts'
import { tasksPath } from './pages.ts'

/** @returns the task. @throws {AppError} `not_found` if it is undefined. */
export function found(task: StoredTask | undefined): StoredTask {
  if (task === undefined) throw new AppError('not_found')
  return task
}

/** Sends the task's JSON as PostgreSQL wrote it, with its `ETag`. */
export function sendTask(reply: FastifyReply, task: StoredTask): FastifyReply {
  return reply.header('etag', etagOf(task)).type('application/json').send(task.json)
}

/**
 * Sends the response to a change: the task, or 204 after a deletion.
 *
 * @throws {AppError} `not_found`, `precondition_failed`, `validation_error`, `conflict`
 */
export function sendChange(reply: FastifyReply, change: ChangeOnce): FastifyReply {
  switch (change.outcome) {
    case 'changed':
      return sendTask(reply, change.task)
    case 'replayed':
      return sendTask(reply.header('idempotency-replayed', 'true'), change.task)
    case 'deleted':
      return reply.code(204).send()
    case 'missing':
      throw new AppError('not_found')
    case 'stale':
      throw new AppError('precondition_failed')
    case 'reused':
      throw keyReused()
    case 'in flight':
      throw keyInFlight()
  }
}

/** Sends the response to a creation: the task, and its path in `Location`. */
export function sendNew(reply: FastifyReply, change: ChangeOnce): FastifyReply {
  if ('task' in change) {
    const path = tasksPath(reply.request.userId)
    reply.code(201).header('location', `${path}/${change.task.id}`)
  }
  return sendChange(reply, change)
}
