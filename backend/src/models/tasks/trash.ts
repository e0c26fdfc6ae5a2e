import { type Statement, sql } from '../../database/session.ts'
import { DELETED_AT } from '../columns.ts'
import { findOne, NOT_DELETED, REFUSE_DELETED, readFound, type Stored } from '../stored.ts'
import { changedOf } from '../update.ts'
import { COLUMNS } from './columns.ts'
import {
  IN_TRASH,
  type Part,
  STORED_TASK,
  STORED_TRASHED,
  TASK_COLUMNS,
  taskWhere,
  WITHOUT_TEXT,
} from './sql.ts'
import { CHANGED, type Change, change, changeAt, readChange } from './task.ts'

const FIND = findOne(`select ${STORED_TRASHED} from ${taskWhere(IN_TRASH)} and ${NOT_DELETED}`)

/** Finds a task in the trash. Its JSON has {@link DELETED_AT} as well. */
export function findTrashed(id: string): Statement<Stored | undefined> {
  return { sql: FIND, values: [id], read: readFound }
}

/** No task may be before `first_position`. Room before the first task was perhaps made without those in the trash. */
const LOWER_TO_RESTORED = `, first_position = least(first_position, (
     select min(position) from todo.tasks where user_id = $1 and (id = $2 or parent_id = $2) and ${IN_TRASH}
   ))`

const RESTORE = change({
  also: LOWER_TO_RESTORED,
  set: ['deleted_at = null', ...changedOf(COLUMNS)].join(', '),
  of: IN_TRASH,
  outcome: CHANGED,
  versions: '$3',
})

/** Takes a task out of the trash, where it was. */
export function restoreTask(id: string): Part<Change> {
  return changeAt(RESTORE, [id], undefined)
}

/**
 * Overwrites the text of tasks in the trash, and the text in the responses to keyed requests. The rows remain,
 * so that the feed tells of them. Nothing changes for the feed, so the tasks keep their numbers.
 *
 * @param which an SQL condition for rows of `todo.tasks`.
 * @param before CTEs that it reads, each with a comma.
 */
const purge = (which: string, before = '') =>
  `with ${before}locked as materialized (
     select 1 from todo.users where id = $1 and deleted_at is null for no key update
   ), purged as (
     update todo.tasks set ${WITHOUT_TEXT}, purged_at = now()
     from locked where user_id = $1 and ${IN_TRASH} and ${which} returning ${TASK_COLUMNS}
   ), emptied as (
     update todo.idempotency_keys set answer = gone.json
     from (select ${STORED_TASK} from purged) gone where user_id = $1 and task_id = gone.id
   )`

/** A task in the trash and its children there. */
const WITH_CHILDREN = `(id = $2 or parent_id = $2 and exists (select 1 from ${taskWhere(IN_TRASH)}))`
const PURGED = `${purge(WITH_CHILDREN)} select 'deleted' from purged where id = $2`
const NOT_PURGED = 'not exists (select 1 from purged where id = $2)'
const PURGE = sql(
  `${PURGED} union all select 'missing' where ${NOT_PURGED} and ${REFUSE_DELETED} is not null`,
)
const PURGE_REQUIRED = sql(
  `${PURGED} union all select todo.refuse('missing') where ${NOT_PURGED} and ${REFUSE_DELETED} is null`,
)

/** Deletes a task in the trash permanently, with its children there. */
export function purgeTask(id: string): Statement<Change> {
  return { sql: PURGE, required: PURGE_REQUIRED, values: [id], read: readChange }
}

const BATCH = `batch as materialized (
     select id from todo.tasks where user_id = $1 and ${IN_TRASH} order by seq limit $2
   ), `
const PURGE_ALL = sql(
  `${purge('id in (select id from batch)', BATCH)}
   select count(*), case when not exists (select 1 from purged) then ${REFUSE_DELETED} end from batch`,
)

/**
 * Deletes at most `most` tasks in the trash permanently.
 *
 * @returns how many it found. Fewer than `most` are all that were there. A concurrent statement may have
 *   restored or deleted some of them, so the number of those that it deleted itself does not tell.
 */
export function purgeTrash(most: number): Statement<number> {
  return { sql: PURGE_ALL, values: [most], read: ([row]) => Number(row?.[0]) }
}

const PURGE_EXPIRED = sql('select todo.purge_tasks($2, $3)')

/**
 * Overwrites the text of tasks of any user that have been in the trash for more than `trashDays`, and deletes
 * the rows of tasks that no token of the feed can refer to any more: at most `most` of each.
 *
 * @returns how many.
 */
export function purgeExpired(trashDays: number, most: number): Statement<number> {
  return { sql: PURGE_EXPIRED, values: [trashDays, most], read: ([row]) => Number(row?.[0]) }
}
