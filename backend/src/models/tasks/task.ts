import { type Row, type Sql, type Statement, sql } from '../../database/session.ts'
import { LATER, NOT_DELETED, REFUSE_DELETED, TASK_JSON, type TaskJson } from './sql.ts'

/**
 * The outcome of a change: the changed task; `deleted`; `missing` if the user has no such task; `stale`
 * if the task is at none of the versions that the client asked for.
 */
export type Change =
  | { readonly outcome: 'changed'; readonly json: TaskJson }
  | { readonly outcome: 'deleted' | 'missing' | 'stale' }

export interface NewTask {
  readonly title: string
  readonly description?: string | null
  readonly completed?: boolean
}

/** What is left out stays as it is. */
export type TaskChanges = Partial<NewTask>

/**
 * `undefined` does not ask. Otherwise the task must be at one of these versions, which are
 * `updated_at` as the wire has it; an empty list matches none.
 */
export type Versions = readonly string[] | undefined

const INSERT = sql(
  `with owner as (insert into todo.users (id) values ($1) on conflict do nothing), made as (
     insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at)
     select $1, $2::uuid, $3, $4, $5::boolean, now(), now() where ${NOT_DELETED}
     returning ${TASK_JSON} as json
   )
   select json from made union all select ${REFUSE_DELETED} where not exists (select 1 from made)`,
)

/** Makes a task, and its user where this database sees the user for the first time. */
export function insertTask(id: string, task: NewTask): Statement<Change> {
  return {
    sql: INSERT,
    values: [id, task.title, task.description ?? null, task.completed ?? false],
    read: readNew,
  }
}

const FIND = sql(
  `select coalesce((select ${TASK_JSON} from todo.tasks where user_id = $1 and id = $2 and ${NOT_DELETED}), ${REFUSE_DELETED})`,
)

export function findTask(id: string): Statement<TaskJson | undefined> {
  return { sql: FIND, values: [id], read: ([row]) => row?.[0] ?? undefined }
}

/**
 * A change, plain and with a version asked for. With one, a single null row tells a stale task from
 * a missing one. `for key share` looks at the task as it is now: when the change waited for another
 * that deleted it, the statement's own snapshot still has it.
 */
const change = (statement: string, returning: string, version: string) => ({
  unconditional: sql(
    `with changed as (${statement} and ${NOT_DELETED} returning ${returning} as json)
     select json from changed
     union all select null where not exists (select from changed) and ${REFUSE_DELETED} is not null`,
  ),
  atVersion: sql(
    `with changed as (${statement} and ${NOT_DELETED} and updated_at = any(${version}::timestamptz[]) returning ${returning} as json)
     select json from changed
     union all select null where not exists (select from changed)
       and (exists (select 1 from todo.tasks where user_id = $1 and id = $2 and ${NOT_DELETED} for key share) or ${REFUSE_DELETED} is not null)`,
  ),
})

const UPDATE = change(
  `update todo.tasks set
     title = coalesce($3, title),
     description = case when $4 then $5 else description end,
     completed = coalesce($6, completed),
     updated_at = case when (coalesce($3, title), case when $4 then $5 else description end, coalesce($6, completed))
       is distinct from (title, description, completed) then ${LATER} else updated_at end
   where user_id = $1 and id = $2`,
  TASK_JSON,
  '$7',
)

/** Sets what is given. A change to the values the task has already changes nothing. */
export function updateTask(
  id: string,
  changes: TaskChanges,
  versions: Versions,
): Statement<Change> {
  const { title = null, description, completed = null } = changes
  const values = [id, title, description !== undefined, description ?? null, completed]
  return changeAt(UPDATE, values, versions)
}

const TOGGLE = change(
  `update todo.tasks set completed = not completed, updated_at = ${LATER} where user_id = $1 and id = $2`,
  TASK_JSON,
  '$3',
)

/** Flips `completed`. Of n at once, each flips once: PostgreSQL takes them in turn. */
export function toggleTask(id: string, versions: Versions): Statement<Change> {
  return changeAt(TOGGLE, [id], versions)
}

const DELETE = change('delete from todo.tasks where user_id = $1 and id = $2', `''`, '$3')

export function deleteTask(id: string, versions: Versions): Statement<Change> {
  return { ...changeAt(DELETE, [id], versions), read: readDeletion }
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

function readChange([row]: readonly Row[]): Change {
  if (row === undefined) return { outcome: 'missing' }
  const json = row[0]
  return json === null || json === undefined ? { outcome: 'stale' } : { outcome: 'changed', json }
}

function readDeletion(rows: readonly Row[]): Change {
  const change = readChange(rows)
  return change.outcome === 'changed' ? { outcome: 'deleted' } : change
}

function readNew(rows: readonly Row[]): Change {
  const change = readChange(rows)
  if (change.outcome !== 'changed') throw new Error('The statement returned no task')
  return change
}
