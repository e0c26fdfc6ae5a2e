import { type Row, type Sql, type Statement, sql } from '../../database/session.ts'
import { changedOf, updatedOf } from '../columns.ts'
import {
  findOne,
  NOT_DELETED,
  REFUSE_DELETED,
  readFound,
  readStored,
  type Stored,
} from '../stored.ts'
import { COLUMNS, type NewTask, type TaskChanges, withDefaults } from './columns.ts'
import { INSERT_TASK, STORED_TASK, TASK_COLUMNS } from './sql.ts'

/**
 * The outcome of a change: the changed task; `deleted`; `missing` if the user has no such task; `stale` if
 * the task has none of the versions that the client requires.
 */
export type Change =
  | { readonly outcome: 'changed'; readonly task: Stored }
  | { readonly outcome: 'deleted' | 'missing' | 'stale' }

/**
 * The task must have one of these versions, which are `updated_at` as in the JSON. `undefined` allows every
 * version, an empty list allows no version.
 */
export type Versions = readonly string[] | undefined

const INSERT = sql(
  `with owner as (insert into todo.users (id) values ($1) on conflict do nothing), made as (
     ${INSERT_TASK} where ${NOT_DELETED} returning ${TASK_COLUMNS}
   )
   select 'changed', ${STORED_TASK} from made
   union all select ${REFUSE_DELETED}, null, null, null where not exists (select 1 from made)`,
)

/** Creates a task, and the row of its user if it is the user's first task. */
export function insertTask(id: string, task: NewTask): Statement<Change> {
  return { sql: INSERT, values: [id, JSON.stringify(withDefaults(task))], read: readChange }
}

const FIND = findOne(
  `select ${STORED_TASK} from todo.tasks where user_id = $1 and id = $2 and ${NOT_DELETED}`,
)

export function findTask(id: string): Statement<Stored | undefined> {
  return { sql: FIND, values: [id], read: readFound }
}

/**
 * Builds a change without and with a required version. With one, a second part distinguishes a stale task
 * from a missing one. `for key share` reads the current row: if the change waited for a concurrent deletion,
 * the statement's snapshot still contains the deleted task.
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

/** Sets the given values. If the task already has them, its version stays the same. */
export function updateTask(
  id: string,
  changes: TaskChanges,
  versions: Versions,
): Statement<Change> {
  return changeAt(UPDATE, [id, JSON.stringify(changes)], versions)
}

/** The assignments that toggle `completed`. */
export const TOGGLED = ['completed = not completed', ...changedOf(COLUMNS)].join(', ')

const TOGGLE = change(
  `update todo.tasks set ${TOGGLED} where user_id = $1 and id = $2`,
  CHANGED,
  '$3',
)

/** Toggles `completed`. PostgreSQL serializes concurrent toggles by the row lock, so each takes effect. */
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

/** Reads the outcome and the task. @throws {Error} for an unknown outcome. */
export function readChange([row]: readonly Row[]): Change {
  const [outcome = 'missing', ...task] = row ?? []
  switch (outcome) {
    case 'changed':
      return { outcome, task: readStored(task) }
    case 'deleted':
    case 'missing':
    case 'stale':
      return { outcome }
    default:
      throw new Error(`The statement returned an unknown outcome: ${outcome}`)
  }
}
