import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.ts'
import type { Statement } from '../../database/session.ts'
import { collectionPath, sendStored } from '../../http/resource/send.ts'
import type { ChangeOnce } from '../../models/tasks/once.ts'
import type { Insertion } from '../../models/tasks/task.ts'
import { keyInProgress, keyReused } from './idempotency.ts'

/**
 * Sends the response to a change: the task, or 204 after a deletion.
 *
 * @throws {AppError} `not_found`, `precondition_failed`, `validation_error`, `conflict`
 */
export function sendChange(reply: FastifyReply, change: ChangeOnce): FastifyReply {
  switch (change.outcome) {
    case 'changed':
      return sendStored(reply, change.task)
    case 'replayed':
      return sendStored(reply.header('idempotency-replayed', 'true'), change.task)
    case 'deleted':
      return reply.code(204).send()
    case 'missing':
      throw new AppError('not_found')
    case 'stale':
      throw new AppError('precondition_failed')
    case 'reused':
      throw keyReused()
    case 'in progress':
      throw keyInProgress()
  }
}

/** Why a new task cannot have the id of a deleted one. */
export const TAKEN = 'The task with this id was deleted; restore it, or choose another id'

/** Creates a task with an id of the client. A concurrent request may have just created it. */
export async function insertAs(
  request: FastifyRequest,
  insertion: Statement<Insertion>,
): Promise<Insertion> {
  const first = await request.asUser(insertion)
  return first.outcome === 'missing' ? request.asUser(insertion) : first
}

/** Sends the response to {@link insertAs}: 201, 200 with the task as it is, or 409. */
export function sendNewAs(reply: FastifyReply, insertion: Insertion): FastifyReply {
  if (insertion.outcome === 'present') return sendStored(reply, insertion.task)
  if (insertion.outcome !== 'taken') return sendNew(reply, insertion)
  throw new AppError('conflict', { detail: TAKEN })
}

/** Sends the response to a creation: the task, and its path in `Location`. */
export function sendNew(reply: FastifyReply, change: ChangeOnce): FastifyReply {
  if ('task' in change) {
    const path = collectionPath(reply.request, 'tasks')
    reply.code(201).header('location', `${path}/${change.task.id}`)
  }
  return sendChange(reply, change)
}
