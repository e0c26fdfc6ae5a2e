import { type Row, type Statement, sql } from '../../database/session.ts'
import { UPDATED_AT } from '../columns.ts'
import {
  findOne,
  NOT_DELETED,
  REFUSE_DELETED,
  readFound,
  readStored,
  type Stored,
} from '../stored.ts'
import { changedOf, derivedOf } from '../update.ts'
import { COLUMNS, type NewTask } from './columns.ts'
import {
  ALIVE,
  creating,
  INSERT_TASK,
  noting,
  type Part,
  STORED_TASK,
  TASK_COLUMNS,
  takeFirstTurn,
  takeTurn,
  taskWhere,
} from './sql.ts'

/**
 * The outcome of a change: the changed task; `deleted`; `missing` if the user has no such task; `stale` if
 * the task has none of the versions that the client requires.
 */
export type Change =
  | { readonly outcome: 'changed'; readonly task: Stored }
  | { readonly outcome: 'deleted' | 'missing' | 'stale' }

/** The outcome of a creation with an id of the client. */
export type Insertion =
  | Change
  | { readonly outcome: 'present'; readonly task: Stored }
  | { readonly outcome: 'taken' }

/**
 * The task must have one of these versions, which are `updated_at` as in the JSON. `undefined` allows every
 * version, an empty list allows no version.
 */
export type Versions = readonly string[] | undefined

const MADE = `${takeFirstTurn('true')}, made as (${INSERT_TASK} returning ${TASK_COLUMNS})`
const NEW = `select 'changed', ${STORED_TASK} from made
   union all select ${REFUSE_DELETED}, null, null, null where not exists (select 1 from made)`
const INSERT = { sql: sql(`with ${MADE} ${NEW}`), noted: noting(MADE, NEW, 2) }

/** Creates a task, and the row of its user if it is the user's first task. */
export function insertTask(id: string, task: NewTask): Part<Change> {
  return { ...INSERT, ...creating(id, task), read: readChange }
}

/** Rows of the user with the id, also in the trash or purged. */
export const TAKEN = 'exists (select 1 from todo.tasks where user_id = $1 and id = $2)'
const PRESENT = `select 'present', ${STORED_TASK} from ${taskWhere(ALIVE)} and ${NOT_DELETED} and not exists (select 1 from made)`
const INSERT_AS = sql(
  `with ${takeFirstTurn(`not ${TAKEN}`)}, made as (
     ${INSERT_TASK} on conflict on constraint tasks_pkey do nothing returning ${TASK_COLUMNS}
   )
   select 'changed', ${STORED_TASK} from made
   union all ${PRESENT}
   union all select 'taken', null, null, null from ${taskWhere('deleted_at is not null')} and ${NOT_DELETED}
   union all select 'missing', null, null, null
     where not exists (select 1 from made) and not ${TAKEN} and ${REFUSE_DELETED} is null`,
)

/**
 * Among several statements, a deleted task is inserted once more, which violates the primary key: a conflict, whatever the
 * values of the new task are. They have locked the user, so no concurrent statement creates the task.
 */
const MADE_AS = `${takeFirstTurn(`not ${TAKEN}`)}, made as (${INSERT_TASK} returning ${TASK_COLUMNS}),
   taken as (insert into todo.tasks select * from ${taskWhere('deleted_at is not null')})`
const NEW_AS = `select 'changed', ${STORED_TASK} from made union all ${PRESENT}`
const OF_SEVERAL = {
  required: sql(`with ${MADE_AS} ${NEW_AS}`),
  noted: noting(MADE_AS, NEW_AS, 2),
}

/**
 * Creates a task with an id that the client has chosen.
 *
 * @returns a statement whose outcome is `present` with the task as it is, if the user has one with the id;
 *   `taken` if it is in the trash, or was there; `missing` if another statement has just created it, and
 *   this one cannot see it yet. Then run it again.
 */
export function insertTaskAs(id: string, task: NewTask): Part<Insertion> {
  return { sql: INSERT_AS, ...OF_SEVERAL, ...creating(id, task), read: readInsertion }
}

function readInsertion(rows: readonly Row[]): Insertion {
  const [outcome, ...task] = rows[0] ?? []
  if (outcome === 'present') return { outcome, task: readStored(task) }
  return outcome === 'taken' ? { outcome } : readChange(rows)
}

const FIND = findOne(`select ${STORED_TASK} from ${taskWhere(ALIVE)} and ${NOT_DELETED}`)

export function findTask(id: string): Statement<Stored | undefined> {
  return { sql: FIND, values: [id], read: readFound }
}

/**
 * Whether the task is there now. `for key share` looks at the task as it is, because the snapshot of the
 * statement still has a task that a concurrent statement has just deleted.
 */
export const isThere = (state: string) =>
  `exists (select 1 from ${taskWhere(state)} and ${NOT_DELETED} for key share)`

interface ChangeSql {
  /** The assignments of the UPDATE, beside the number of the change. */
  readonly set: string
  /** The tasks that may be changed, as an SQL condition. */
  readonly of: string
  /** More assignments to the user's row. */
  readonly also?: string
  /** An SQL condition for those that change. The others stay as they are, and take no number. */
  readonly onlyIf?: string
  /** The columns of the result, of a changed task. */
  readonly outcome: string
  /** The parameter with the versions, which is the last. */
  readonly versions: string
}

interface ChangeParts {
  readonly ctes: string
  readonly select: string
  /** An SQL condition for whether it found no task. */
  readonly nothing: string
}

/** A change among several: the transaction ends if nothing was found. */
const ofSeveral = (parts: ChangeParts, outcome: string, values: number) => {
  const select = `${parts.select} union all select todo.refuse(${outcome}), null, null, null
   where ${parts.nothing} and ${REFUSE_DELETED} is null`
  return {
    required: sql(`with ${parts.ctes} ${select}`),
    noted: noting(parts.ctes, select, values),
  }
}

/**
 * A change, plain and with a version asked for, each also as one of several. With a version, a second part
 * tells a stale task from a missing one.
 */
export const change = ({ set, also, of, onlyIf, outcome, versions }: ChangeSql) => {
  const partsOf = (condition: string): ChangeParts => {
    const which = `${of}${condition}`
    const changed = `changed as (
       update todo.tasks set ${set}, seq = next from turn where user_id = $1 and id = $2 and ${which}
       returning ${TASK_COLUMNS}
     )`
    const nothing = 'not exists (select 1 from changed)'
    if (onlyIf === undefined) {
      const ctes = `${takeTurn(`exists (select 1 from ${taskWhere(which)})`, also)}, ${changed}`
      return { ctes, select: `select ${outcome} from changed`, nothing }
    }
    const ctes = `present as materialized (
       select ${TASK_COLUMNS}, ${onlyIf} as differs from ${taskWhere(which)}
     ), ${takeTurn('exists (select 1 from present where differs)', also)}, ${changed}`
    // With the limit, PostgreSQL writes the JSON once, and not for each part of the union.
    const select = `select ${outcome} from (select * from changed
       union all select ${TASK_COLUMNS} from present where case when differs then false else ${REFUSE_DELETED} is null end
       limit 1
     ) done`
    return {
      ctes,
      select,
      nothing: `${nothing} and not exists (select 1 from present where not differs)`,
    }
  }
  const any = partsOf('')
  const atVersion = partsOf(` and updated_at = any(${versions}::timestamptz[])`)
  const last = Number(versions.slice(1))
  return {
    unconditional: {
      sql: sql(
        `with ${any.ctes} ${any.select}
         union all select 'missing', null, null, null
           where ${any.nothing} and ${REFUSE_DELETED} is not null`,
      ),
      ...ofSeveral(any, `'missing'`, last - 2),
    },
    atVersion: {
      sql: sql(
        `with ${atVersion.ctes} ${atVersion.select}
         union all select 'stale', null, null, null where ${atVersion.nothing}
           and (${isThere(of)} or ${REFUSE_DELETED} is not null)`,
      ),
      ...ofSeveral(atVersion, `case when ${isThere(of)} then 'stale' else 'missing' end`, last - 1),
    },
  }
}
/** The result of a change that returns the task. */
export const CHANGED = `'changed', ${STORED_TASK}`

/** The assignments that toggle `completed`. */
export const TOGGLED = [
  'completed = not completed',
  ...derivedOf(COLUMNS, (name) => (name === 'completed' ? 'not completed' : name)),
  ...changedOf(COLUMNS),
].join(', ')

const TOGGLE = change({ set: TOGGLED, of: ALIVE, outcome: CHANGED, versions: '$3' })

/** Toggles `completed`. PostgreSQL serializes concurrent toggles by the row lock, so each takes effect. */
export function toggleTask(id: string, versions: Versions): Part<Change> {
  return changeAt(TOGGLE, [id], versions)
}

const DELETE = change({
  // As the version, so that a task that is restored has a later one.
  set: [`deleted_at = ${UPDATED_AT.change}`, ...changedOf(COLUMNS)].join(', '),
  of: ALIVE,
  outcome: `'deleted', null::uuid, null, null`,
  versions: '$3',
})

/** Moves the task to the trash. */
export function deleteTask(id: string, versions: Versions): Part<Change> {
  return changeAt(DELETE, [id], versions)
}

export function changeAt(
  { unconditional, atVersion }: ReturnType<typeof change>,
  values: Statement<Change>['values'],
  versions: Versions,
): Part<Change> {
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
