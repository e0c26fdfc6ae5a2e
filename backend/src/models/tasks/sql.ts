import type { Row } from '../../database/session.ts'
import { COLUMNS, insertedOf, jsonOf, namesOf, VERSION } from './columns.ts'

/** A task as clients receive it. PostgreSQL writes this text, and the server never parses it. */
export type TaskJson = string

/** A task as statements return it. */
export interface StoredTask {
  readonly id: string
  /** Differs after every change of the task, and only then. */
  readonly version: string
  readonly json: TaskJson
}

/** A task as JSON text. */
export const TASK_JSON = jsonOf(COLUMNS)
/** The columns of a {@link StoredTask}, of a row of `todo.tasks`. */
export const STORED_TASK = `id, ${VERSION} as version, ${TASK_JSON} as json`
/** Every column that {@link STORED_TASK} reads, for RETURNING: it calls no function. */
export const TASK_COLUMNS = namesOf(COLUMNS)

/** Reads the columns of {@link STORED_TASK}. @throws {Error} if there is no task. */
export function readTask([id, version, json]: Row): StoredTask {
  if (typeof id === 'string' && typeof version === 'string' && typeof json === 'string') {
    return { id, version, json }
  }
  throw new Error('The statement returned no task')
}

/** Inserts a task with the id `$2` and the values `$3`. Append FROM or WHERE to make it conditional. */
export const INSERT_TASK = `insert into todo.tasks (${TASK_COLUMNS}) select ${insertedOf(COLUMNS)}`

/**
 * Raises an error if the account `$1` is deleted, otherwise it is null. Statements evaluate it only if they
 * found nothing, because a deleted account has no tasks. It costs other statements almost nothing.
 */
export const REFUSE_DELETED = 'todo.refuse_deleted($1)'

/**
 * False if the account `$1` is deleted and its tasks are still being deleted. Every statement on
 * tasks has this condition. The partial index that it reads contains only those accounts.
 */
export const NOT_DELETED =
  'not exists (select 1 from todo.users where id = $1 and deleted_at is not null)'
