import { type Sql, type Statement, sql } from '../../database/session.ts'
import { DELETED_AT, insertedOf, namesOf } from '../columns.ts'
import { jsonOf } from '../json.ts'
import { NOT_DELETED, storedOf } from '../stored.ts'
import { COLUMNS, type NewTask, withDefaults } from './columns.ts'
import { FOLDED_COLUMNS, insertedFolded, withFolded } from './folded.ts'
import { firstPosition, GIVEN_POSITION } from './position.ts'

/** A task as JSON text. */
export const TASK_JSON = jsonOf(COLUMNS)
/** The columns of a stored task, of a row of `todo.tasks`. */
export const STORED_TASK = storedOf(COLUMNS)
/** A task in the trash as JSON text. */
export const TRASHED_JSON = jsonOf([...COLUMNS, DELETED_AT])
/** The columns of a stored task in the trash. */
export const STORED_TRASHED = storedOf([...COLUMNS, DELETED_AT])
/** The stored length of the texts, for which PostgreSQL reads only the tags. The JSON is longer. */
export const STORED_BYTES = `octet_length(title) + coalesce(octet_length(description), 0) + case when tags = '{}' then 0 else octet_length(array_to_string(tags, ' ')) end`
/** The assignments that overwrite the text of a task. The function `todo.purge_tasks` has the same. */
export const WITHOUT_TEXT = `title = '', description = null, tags = '{}', folded_title = '', folded_description = null, folded_tags = '{}'`
/** Every column that {@link STORED_TASK} reads. A RETURNING of these calls no function. */
export const TASK_COLUMNS = namesOf(COLUMNS)

/** The condition for the tasks that every request sees except those on the trash. */
export const ALIVE = 'deleted_at is null'
/** The condition for the tasks in the trash. The rows of others are kept for the feed only. */
export const IN_TRASH = 'deleted_at is not null and purged_at is null'

/** The rows of one task, `$2`, that a condition selects. */
export const taskWhere = (condition: string) =>
  `todo.tasks where user_id = $1 and id = $2 and ${condition}`

/**
 * A CTE `turn`, which raises the counter of the user and returns the number as `next`. It precedes the change
 * in every statement that changes tasks. Two things depend on that: the lock of the user's row makes the
 * order of the numbers the order of the commits, so the feed misses no change; and two statements of a user
 * cannot deadlock, because each locks the user before any task.
 *
 * @param condition whether something will change. It sees the snapshot of the statement, so a concurrent
 *   change may waste a number.
 * @param also more assignments to the user's row.
 */
export const takeTurn = (condition: string, also = '') =>
  `turn as (
     update todo.users set seq = seq + 1${also} where id = $1 and deleted_at is null and ${condition} returning seq as next
   )`

/** The same for a new task with the values `$3`, also the user's first one. `first` is the position before all others. */
export const takeFirstTurn = (condition: string) =>
  `turn as (
     insert into todo.users as u (id, seq, first_position)
     select $1, 1, coalesce(${GIVEN_POSITION}, 'a0') where ${condition} and ${NOT_DELETED}
     on conflict (id) do update set seq = u.seq + 1, first_position = ${firstPosition('u.first_position')}
     where u.deleted_at is null returning seq as next, first_position as first
   )`

/** Inserts a task with the id `$2` and the values `$3`, if it has a turn. */
export const INSERT_TASK = `insert into todo.tasks (${TASK_COLUMNS}, ${FOLDED_COLUMNS}, seq)
   select ${insertedOf(COLUMNS)}, ${insertedFolded()}, next from turn`

/** A statement that may be an operation of a batch. */
export interface Part<Result> extends Statement<Result> {
  /**
   * The same with one more value, the key under which it notes its outcome and its task. A purge of the task finds
   * the note by the task, as it finds every response to a keyed request.
   */
  readonly noted: Sql
  /** The task that it creates, if it creates one. */
  readonly creation?: Creation
}

/** A new task. */
export interface Creation {
  readonly id: string
  /** Its values as JSON (`withFolded`). */
  readonly values: string
}

/** @returns the values of a statement that creates a task, and the task. */
export function creating(id: string, task: NewTask) {
  const values = withFolded(withDefaults(task))
  return { values: [id, values], creation: { id, values } }
}

/**
 * @param ctes the CTEs of a change. @param select its result: the outcome, and the columns of a stored task.
 * @param values how many values the statement has.
 * @returns the statement with a note ({@link Part}).
 */
export const noting = (ctes: string, select: string, values: number) =>
  sql(`with ${ctes}, result (outcome, id, version, json) as materialized (${select}
   ), noted as (
     insert into todo.idempotency_keys (user_id, key, request_hash, answer, task_id)
     select $1, $${values + 2}, outcome, json, id from result where json is not null
   ) select * from result`)
