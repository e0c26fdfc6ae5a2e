import { v7 as uuidv7 } from 'uuid'
import { AppError, type ErrorCode } from '../../core/errors.ts'
import { isCanonicalUuid, NIL_UUID } from '../../core/uuid.ts'
import { versionsIn } from '../../http/resource/conditions.ts'
import type { Operation } from '../../models/tasks/batch.ts'
import { moveTask } from '../../models/tasks/move.ts'
import {
  deleteTask,
  type Insertion,
  insertTask,
  insertTaskAs,
  toggleTask,
} from '../../models/tasks/task.ts'
import { purgeTask, restoreTask } from '../../models/tasks/trash.ts'
import { updateTask } from '../../models/tasks/update.ts'
import type { AskedOperation } from '../../schemas/tasks/batch.ts'
import { TAKEN } from './send.ts'

export interface BatchOptions {
  /** How long a deleted task stays in the trash. With 0, deletion is permanent. */
  readonly trashDays: number
}

/** How the server runs one kind of operation, and the reasons for which it may refuse it. */
interface Kind<Asked> {
  /** The status of a changed task. */
  readonly status: 200 | 201
  readonly statements: (asked: Asked, options: BatchOptions) => Operation
  /** Where the operation has the body of the request that does the same alone. */
  readonly body: '' | '/task'
  /** For each problem of a failed statement: the message, and a detail other than that of the problem. */
  readonly refusals: Partial<Record<ErrorCode, { message: string; detail?: string }>>
}

/** A malformed id is as an unknown one. */
function idOf(id: string): string {
  return isCanonicalUuid(id) ? id : NIL_UUID
}

const ON_A_TASK = {
  status: 200,
  body: '',
  refusals: {
    not_found: { message: 'is for a task that does not exist' },
    precondition_failed: { message: 'is for a task with another ETag than if_match' },
    conflict: { message: 'completes a child of a task that has no place for its next occurrence' },
  },
} as const

/** All operations of a batch, by `op`. */
const KINDS: { readonly [Op in AskedOperation['op']]: Kind<Extract<AskedOperation, { op: Op }>> } =
  {
    create: {
      status: 201,
      body: '/task',
      statements: ({ task: { id, ...task } }) => [
        id === undefined ? insertTask(uuidv7(), task) : insertTaskAs(id, task),
      ],
      refusals: { conflict: { message: 'has the id of a deleted task', detail: TAKEN } },
    },
    update: {
      ...ON_A_TASK,
      body: '/task',
      statements: ({ id, task, if_match }) => [updateTask(idOf(id), task, versionsIn(if_match))],
    },
    complete: {
      ...ON_A_TASK,
      statements: ({ id, completed, if_match }) => [
        completed === undefined
          ? toggleTask(idOf(id), versionsIn(if_match))
          : updateTask(idOf(id), { completed }, versionsIn(if_match)),
      ],
    },
    delete: {
      ...ON_A_TASK,
      statements: ({ id, if_match }, { trashDays }) => {
        const deletion = deleteTask(idOf(id), versionsIn(if_match))
        return trashDays > 0 ? [deletion] : [deletion, purgeTask(idOf(id))]
      },
    },
    restore: {
      ...ON_A_TASK,
      refusals: {
        ...ON_A_TASK.refusals,
        conflict: { message: 'is for a task whose parent is deleted' },
      },
      statements: ({ id }) => [restoreTask(idOf(id))],
    },
    move: {
      ...ON_A_TASK,
      statements: ({ id, if_match, before, after, to }) => {
        const place = { ...(before && { before }), ...(after && { after }), ...(to && { to }) }
        return [moveTask(idOf(id), place, versionsIn(if_match))]
      },
    },
  }

const kindOf = (asked: AskedOperation) => KINDS[asked.op] as Kind<AskedOperation> // the kind of its own `op`

export function statementsOf(asked: AskedOperation, options: BatchOptions): Operation {
  return kindOf(asked).statements(asked, options)
}

/** @returns the status that the operation would have alone. */
export function statusOf(asked: AskedOperation, outcome: Insertion['outcome']): number {
  if (outcome === 'changed') return kindOf(asked).status
  return outcome === 'deleted' ? 204 : 200
}

/**
 * @param at the index of the operation.
 * @returns the problem that it would get alone, with its place in the batch. The same error if the operation is not
 *   the reason.
 */
export function explain(error: AppError, asked: AskedOperation, at: number): AppError {
  const { refusals, body } = kindOf(asked)
  if (error.errors !== undefined) return withPlace(error, `/operations/${at}${body}`)
  const refusal = refusals[error.code]
  if (refusal === undefined) return error
  const { message, detail = error.detail } = refusal
  return new AppError(error.code, {
    detail,
    errors: [{ in: 'body', path: `/operations/${at}`, message }],
    cause: error,
  })
}

/** The statement has named members of the body. */
function withPlace({ code, errors = [] }: AppError, place: string): AppError {
  const placed = errors.map((fault) => ({ ...fault, path: place + fault.path }))
  const [first] = placed
  const detail = first && `${first.path.slice(1)} ${first.message}`
  return new AppError(code, { ...(detail !== undefined && { detail }), errors: placed })
}
