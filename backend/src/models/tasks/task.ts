import { type Row, type Sql, type Statement, sql } from '../../database/session.ts'
import {
  COLUMNS,
  changedOf,
  type NewTask,
  type TaskChanges,
  updatedOf,
  withDefaults,
} from './columns.ts'
import {
  INSERT_TASK,
  NOT_DELETED,
  REFUSE_DELETED,
  readTask,
  STORED_TASK,
  type StoredTask,
  TASK_COLUMNS,
} from './sql.ts'

/**
 * The outcome of a change: the changed task; `deleted`; `missing` if the user has no such task; `stale`
 * if the task is at none of the versions that the client asked for.
 */
export type Change =
  | { readonly outcome: 'changed'; readonly task: StoredTask }
  | { readonly outcome: 'deleted' | 'missing' | 'stale' }

/**
 * `undefined` does not ask. Otherwise the task must be at one of these versions, which are
 * `updated_at` as the wire has it; an empty list matches none.
 */
export type Versions = readonly string[] | undefined

const INSERT = sql(
  `with owner as (insert into todo.users (id) values ($1) on conflict do nothing), made as (
     ${INSERT_TASK} where ${NOT_DELETED} returning ${TASK_COLUMNS}
   )
   select 'changed', ${STORED_TASK} from made
   union all select ${REFUSE_DELETED}, null, null, null where not exists (select 1 from made)`,
)

/** Makes a task, and its user where this database sees the user for the first time. */
export function insertTask(id: string, task: NewTask): Statement<Change> {
  return { sql: INSERT, values: [id, JSON.stringify(withDefaults(task))], read: readChange }
}

// The join returns a row for a missing task too, so that only then the account is looked at.
const FIND = sql(
  `select found.*, case when id is null then ${REFUSE_DELETED} end
   from (values (1)) one left join (
     select ${STORED_TASK} from todo.tasks where user_id = $1 and id = $2 and ${NOT_DELETED}
   ) found on true`,
)

export function findTask(id: string): Statement<StoredTask | undefined> {
  return {
    sql: FIND,
    values: [id],
    read: ([row]) => (row === undefined || row[0] === null ? undefined : readTask(row)),
  }
}

/**
 * A change, plain and with a version asked for. With one, a second part tells a stale task from a
 * missing one. `for key share` looks at the task as it is now: when the change waited for another
 * that deleted it, the statement's own snapshot still has it.
 */
const change = (statement: string, outcome: string, versions: string) => ({
  unconditional: sql(
    `with changed as (${statement} and ${NOT_DELETED} returning ${TASK_COLUMNS})
     select ${outcome} from changed
     union all select 'missing', null, null, null
       where not exists (select 1 from changed) and ${REFUSE_DELETED} is not null`,
  ),
  atVersion: sql(
    `with changed as (${statement} and ${NOT_DELETED} and updated_at = any(${versions}::timestamptz[]) returning ${TASK_COLUMNS})
     select ${outcome} from changed
     union all select 'stale', null, null, null where not exists (select 1 from changed)
       and (exists (select 1 from todo.tasks where user_id = $1 and id = $2 and ${NOT_DELETED} for key share) or ${REFUSE_DELETED} is not null)`,
  ),
})
const CHANGED = `'changed', ${STORED_TASK}`

const UPDATE = change(
  `update todo.tasks set ${updatedOf(COLUMNS)} where user_id = $1 and id = $2`,
  CHANGED,
  '$4',
)

/** Sets what is given. A change to the values the task has already changes nothing. */
export function updateTask(
  id: string,
  changes: TaskChanges,
  versions: Versions,
): Statement<Change> {
  return changeAt(UPDATE, [id, JSON.stringify(changes)], versions)
}

/** The assignments that flip `completed`. */
export const TOGGLED = ['completed = not completed', ...changedOf(COLUMNS)].join(', ')

const TOGGLE = change(
  `update todo.tasks set ${TOGGLED} where user_id = $1 and id = $2`,
  CHANGED,
  '$3',
)

/** Flips `completed`. Of n at once, each flips once: PostgreSQL takes them in turn. */
export function toggleTask(id: string, versions: Versions): Statement<Change> {
  return changeAt(TOGGLE, [id], versions)
}

const DELETE = change(
  'delete from todo.tasks where user_id = $1 and id = $2',
  `'deleted', null::uuid, null, null`,
  '$3',
)

export function deleteTask(id: string, versions: Versions): Statement<Change> {
  return changeAt(DELETE, [id], versions)
}

function changeAt(
  { unconditional, atVersion }: { unconditional: Sql; atVersion: Sql },
  values: Statement<Change>['values'],
  versions: Versions,
): Statement<Change> {
  return versions === undefined
    ? { sql: unconditional, values, read: readChange }
    : { sql: atVersion, values: [...values, `{${versions.join()}}`], read: readChange }
}

/** Reads the outcome and the task. @throws {Error} for another outcome than those of a change. */
export function readChange([row]: readonly Row[]): Change {
  const [outcome = 'missing', ...task] = row ?? []
  switch (outcome) {
    case 'changed':
      return { outcome, task: readTask(task) }
    case 'deleted':
    case 'missing':
    case 'stale':
      return { outcome }
    default:
      throw new Error(`The statement returned an unknown outcome: ${outcome}`)
  }
}
