import { type Statement, sql } from '../../database/session.ts'
import { NOT_DELETED, REFUSE_DELETED } from '../stored.ts'
import { changedOf } from '../update.ts'
import { COLUMNS } from './columns.ts'
import { ALIVE, noting, type Part, TASK_COLUMNS, taskWhere } from './sql.ts'
import { CHANGED, type Change, isThere, readChange, type Versions } from './task.ts'

/** Where a task is moved: directly before or after another task, or to an end of the list. It has one member. */
export interface Place {
  readonly before?: string
  readonly after?: string
  readonly to?: 'top' | 'bottom'
}

/**
 * Locks the user. A statement that reads positions and then writes some is sent behind it, because its snapshot must
 * be taken when it has the lock: only then it sees the moves that it waited for.
 */
export const LOCK_USER: Statement<undefined> = {
  sql: sql('select 1 from todo.users where id = $1 and deleted_at is null for no key update'),
  values: [],
  read: () => undefined,
}

/**
 * The other tasks of the user, without the one that is moved. They are ordered by position and id. There is
 * no index on the position: it would cost every write, and a move reads 100 000 tasks in a tenth of a second.
 */
const OTHERS = `todo.tasks where user_id = $1 and id <> $2 and ${ALIVE} and ${NOT_DELETED}`
const AT_VERSION = '($5::timestamptz[] is null or updated_at = any($5))'

/** The columns that a task gets with its new position, of a row of `placed`. */
const PLACED = [
  'position = place',
  'seq = next - (select count(*) from placed) + nth',
  ...changedOf(COLUMNS),
].join(', ')

/**
 * Writes the positions of `placed`, which has the rows that get one: `task`, `place` and `nth`, from 1. Each takes a
 * number, of which `turn` has the last.
 */
export const UPDATE_PLACED = `update todo.tasks set ${PLACED} from turn, placed
     where user_id = $1 and id = task and ${ALIVE} returning ${TASK_COLUMNS}`

/**
 * The task on one side of a place: the neighbour, or of all tasks the nearest to the neighbour or to the end. PostgreSQL
 * reads the tasks only for the places with `$4` in the condition that stands for itself, so a move reads them once.
 */
const nearest = (side: Side) =>
  `select position, id from neighbour where $4 = '${side.neighbour}'
     union all (select position, id from ${OTHERS} and $4 in ('${side.place}', '${side.end}')
       and ($4 = '${side.end}' or (position, id) ${side.compare} (select position, id from neighbour))
     order by position ${side.order}, id ${side.order} limit 1)`

interface Side {
  /** The place for which the neighbour is on this side. */
  readonly neighbour: 'before' | 'after'
  /** The other one. */
  readonly place: 'before' | 'after'
  readonly end: 'top' | 'bottom'
  readonly compare: '<' | '>'
  readonly order: 'asc' | 'desc'
}
const LOW: Side = {
  ...{ neighbour: 'after', place: 'before', end: 'bottom', compare: '<', order: 'desc' },
}
const HIGH: Side = {
  ...{ neighbour: 'before', place: 'after', end: 'top', compare: '>', order: 'asc' },
}

/**
 * `$2` is the task, `$3` the neighbour or null, `$4` the place, `$5` the versions or null. A gap without a key is
 * spread: tasks beside the place get new positions, as many as it takes to make room.
 */
const PLACE = `task as materialized (
     select position, id from ${taskWhere(ALIVE)} and ${AT_VERSION} and ${NOT_DELETED}
   ), neighbour as materialized (
     select position, id from ${OTHERS} and id = $3
   ), low as materialized (
     ${nearest(LOW)}
   ), high as materialized (
     ${nearest(HIGH)}
   ), gap as materialized (
     select todo.key_between((select position from low), (select position from high)) as key
     from task where ($3 is null or exists (select 1 from neighbour))
       and ((position, id) < (select position, id from low) or (position, id) > (select position, id from high))
   ), listed as materialized (
     select array_agg(position order by position, id) as keys, array_agg(id order by position, id) as ids,
       (count(*) filter (where (position, id) <= (select position, id from low)))::int as place
     from gap, ${OTHERS} and key is null having count(*) > 0
   ), placed as materialized (
     select $2 as task, key as place, 1 as nth from gap where key is not null
     union all select moved, key, row_number() over (order by at)
       from listed, todo.spread(keys, place), unnest(ids[:place] || $2::uuid || ids[place + 1:]) with ordinality as row (moved, nth)
       where nth = at
   ), turn as (
     update todo.users set seq = seq + (select count(*) from placed),
       first_position = least(first_position, (select min(place) from placed))
     where id = $1 and deleted_at is null and exists (select 1 from placed) returning seq as next
   ), changed as (${UPDATE_PLACED}
   ), done as (
     select * from changed where id = $2
     union all select ${TASK_COLUMNS} from ${taskWhere(ALIVE)} and ${AT_VERSION} and ${NOT_DELETED}
       and exists (select 1 from task) and not exists (select 1 from turn)
       and ($3 is null or exists (select 1 from neighbour))
   )`
const FAILED = `case when exists (select 1 from task) then $4 when $5 is not null and ${isThere(ALIVE)} then 'stale' else 'missing' end`

const MOVED = `select ${CHANGED} from done
   union all select todo.refuse(${FAILED}), null, null, null where not exists (select 1 from done) and ${REFUSE_DELETED} is null`
const MOVE = { sql: sql(`with ${PLACE} ${MOVED}`), noted: noting(PLACE, MOVED, 4) }

/**
 * Moves a task to a place in the manual order. If it is there already, its version stays the same. It runs behind
 * {@link LOCK_USER}.
 *
 * @returns a statement that fails with `not_found`, `precondition_failed`, or `validation_error` if the user has no other
 *   task with the id in the place.
 */
export function moveTask(id: string, place: Place, versions: Versions): Part<Change> {
  const { before, after = before ?? null, to } = place
  const name = to ?? (before === undefined ? 'after' : 'before')
  const values = [id, after, name, versions ? `{${versions.join()}}` : null]
  return { ...MOVE, values, read: readChange }
}
