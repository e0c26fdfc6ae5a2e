import { type Row, type Statement, sql } from '../../database/session.ts'
import { ID, insertedOf } from '../columns.ts'
import { readStored } from '../stored.ts'
import { COLUMNS } from './columns.ts'
import { FOLDED_COLUMNS, insertedFolded } from './folded.ts'
import { firstPosition } from './position.ts'
import { type Creation, STORED_TASK, TASK_COLUMNS } from './sql.ts'
import type { Insertion } from './task.ts'

/** The columns of a task, whose id is in a column of `task`. */
const NEW_COLUMNS = COLUMNS.map((column) =>
  column.name === ID.name ? { ...ID, insert: 'new_id' } : column,
)

const COUNT = 'cardinality($2::uuid[])'

/**
 * `$2` are the ids, `$3` the values. Each task takes the key before the one that precedes it, or the position that the
 * client gave, and the numbers follow each other, as if each task were created by a statement of its own. It runs when
 * the user is locked, so it sees the present `first_position`. The rows are inserted in their order, because the trigger
 * of a row with a parent reads the rows before it.
 */
const MADE = `task (nth, new_id, object, first) as (
     select 0, null::uuid, null::jsonb, first_position from todo.users where id = $1 and deleted_at is null
     union all
     select nth + 1, ($2::uuid[])[nth + 1], $3::jsonb -> nth, ${firstPosition('first', `($3::jsonb -> nth ->> 'position')`)}
     from task where nth < ${COUNT}
   ), turn as (
     update todo.users set seq = seq + ${COUNT}, first_position = (select first from task where nth = ${COUNT})
     where id = $1 and deleted_at is null returning seq - ${COUNT} as before
   ), made as (
     insert into todo.tasks (${TASK_COLUMNS}, ${FOLDED_COLUMNS}, seq)
     select ${insertedOf(NEW_COLUMNS, 'object')}, ${insertedFolded('object')}, before + nth
     from turn, task where nth > 0 order by nth returning ${TASK_COLUMNS}, seq
   )`

const INSERT = sql(`with recursive ${MADE} select ${STORED_TASK} from made order by seq`)

/** `$4` is the beginning of the keys of the notes, `$5` the number at the end of the first one. */
const INSERT_NOTED = sql(`with recursive ${MADE}, result as materialized (
     select ${STORED_TASK}, seq from made
   ), noted as (
     insert into todo.idempotency_keys (user_id, key, request_hash, answer, task_id)
     select $1, $4 || (seq - before - 1 + $5::integer), 'changed', json, id from result, turn
   )
   select id, version, json from result order by seq`)

/**
 * Creates several tasks, one after the other. It runs among several statements, when the user is locked.
 *
 * @param note under which keys it notes the tasks: the first one is `${prefix}${from}`.
 * @returns a statement that fails if one of the tasks cannot be created, also if the user has its id already.
 */
export function insertTasks(
  creations: readonly Creation[],
  note?: { readonly prefix: string; readonly from: number },
): Statement<readonly Insertion[]> {
  const values = [
    `{${creations.map(({ id }) => id).join()}}`,
    `[${creations.map((creation) => creation.values).join()}]`,
  ]
  const read = (rows: readonly Row[]) => readTasks(rows, creations.length)
  if (note === undefined) return { sql: INSERT, values, read }
  return { sql: INSERT_NOTED, values: [...values, note.prefix, note.from], read }
}

function readTasks(rows: readonly Row[], count: number): readonly Insertion[] {
  if (rows.length !== count) throw new Error(`${rows.length} of ${count} tasks were created`)
  return rows.map((row) => ({ outcome: 'changed', task: readStored(row) }))
}
