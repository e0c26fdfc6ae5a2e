import { type Row, type Statement, sql } from '../../database/session.ts'
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

/** Whether the task is there now. */
const IS_THERE = `exists (select 1 from todo.tasks where user_id = $1 and id = $2 and ${NOT_DELETED} for key share)`

/** The end of a change among several: the transaction ends if nothing was changed. */
const required = (outcome: string) =>
  `union all select todo.refuse(${outcome}), null, null, null
   where not exists (select 1 from changed) and ${REFUSE_DELETED} is null`

/**
 * A change, plain and with a version asked for, each also as one of several. With one, a second part tells a stale task from a
 * missing one. `for key share` looks at the task as it is now: when the change waited for another
 * that deleted it, the statement's own snapshot still has it.
 */
const change = (statement: string, outcome: string, versions: string) => {
  const changed = (condition = '') =>
    `with changed as (${statement} and ${NOT_DELETED}${condition} returning ${TASK_COLUMNS})
     select ${outcome} from changed`
  const atVersion = changed(` and updated_at = any(${versions}::timestamptz[])`)
  return {
    unconditional: {
      sql: sql(
        `${changed()}
         union all select 'missing', null, null, null
           where not exists (select 1 from changed) and ${REFUSE_DELETED} is not null`,
      ),
      required: sql(`${changed()} ${required(`'missing'`)}`),
    },
    atVersion: {
      sql: sql(
        `${atVersion}
         union all select 'stale', null, null, null where not exists (select 1 from changed)
           and (${IS_THERE} or ${REFUSE_DELETED} is not null)`,
      ),
      required: sql(
        `${atVersion} ${required(`case when ${IS_THERE} then 'stale' else 'missing' end`)}`,
      ),
    },
  }
}
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
  { unconditional, atVersion }: ReturnType<typeof change>,
  values: Statement<Change>['values'],
  versions: Versions,
): Statement<Change> {
  return versions === undefined
    ? { ...unconditional, values, read: readChange }
    : { ...atVersion, values: [...values, `{${versions.join()}}`], read: readChange }
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
