import { type Row, type Sql, type Statement, sql } from '../database/session.ts'

/** A task as it goes over the wire, written by PostgreSQL and never parsed here. */
export type TaskJson = string

/**
 * What became of a change: the task's JSON, `missing` when this user has no such task, `stale` when
 * it has, but at none of the versions that were asked for.
 */
export type Change = { readonly json: TaskJson } | 'missing' | 'stale'

/** A page of the list: its tasks joined as JSON, and the id of the last one while there are more. */
export interface TaskPage {
  readonly tasks: string
  readonly next: string | null
}

export interface NewTask {
  readonly title: string
  readonly description?: string | null
  readonly completed?: boolean
}

/** What is left out stays as it is. */
export type TaskChanges = Partial<NewTask>

export interface PageOptions {
  readonly completed?: boolean | undefined
  /** The page begins behind this id. */
  readonly after?: string | undefined
  /** 1 or more tasks. */
  readonly limit: number
}

/**
 * `undefined` does not ask. Otherwise the task must be at one of these versions, which are
 * `updated_at` as the wire has it; an empty list matches none.
 */
export type Versions = readonly string[] | undefined

/**
 * `"2026-11-23T06:00:00.120Z"`. PostgreSQL's own JSON of an instant takes half the time of to_char,
 * but drops zeros at the end: a microsecond more, cut off again, keeps them.
 */
const instant = (column: string) =>
  `left(to_json(${column} at time zone 'utc' + interval '1 microsecond')::text, 24) || 'Z"'`

/** The one place that knows the wire form of a task. `id` is first and `updated_at` last: see below. */
const TASK_JSON = `'{"id":"' || id || '","user_id":' || to_json(user_id) || ',"title":' || to_json(title)
  || ',"description":' || coalesce(to_json(description)::text, 'null')
  || ',"completed":' || case when completed then 'true' else 'false' end
  || ',"created_at":' || ${instant('created_at')}
  || ',"updated_at":' || ${instant('updated_at')} || '}'`

const ID = { start: '{"id":"'.length, length: 36 }
const UPDATED_AT = { start: -26, end: -2 }

/** The version of a task, which changes with every change of it: its `updated_at`. */
export function versionOf(json: TaskJson): string {
  return json.slice(UPDATED_AT.start, UPDATED_AT.end)
}

/** Forward with every change, two in one millisecond and a clock set back included. */
const LATER = `greatest(now(), updated_at + interval '1 millisecond')`

const INSERT = sql(
  `with owner as (insert into todo.users (id) values ($1) on conflict do nothing)
   insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at)
   values ($1, $2, $3, $4, $5, now(), now())
   returning ${TASK_JSON}`,
)

/** Makes a task, and its user where this database sees the user for the first time. */
export function insertTask(userId: string, id: string, task: NewTask): Statement<TaskJson> {
  return {
    sql: INSERT,
    values: [userId, id, task.title, task.description ?? null, task.completed ?? false],
    read: (rows) => text(rows[0]),
  }
}

/**
 * Fails where the account `$1` is deleted, and is null otherwise. Asked only by statements that found
 * nothing, since nothing is left of a deleted account: it costs what is found no more than a branch.
 */
const REFUSE_DELETED = 'todo.refuse_deleted($1)'

const FIND = sql(
  `select coalesce((select ${TASK_JSON} from todo.tasks where user_id = $1 and id = $2), ${REFUSE_DELETED})`,
)

export function findTask(userId: string, id: string): Statement<TaskJson | undefined> {
  return { sql: FIND, values: [userId, id], read: ([row]) => row?.[0] ?? undefined }
}

/**
 * Text of a page after which it ends early, in bytes: a thousand tasks of the longest kind would be
 * 65 MB in one piece. As JSON it can be six times as much.
 */
const PAGE_BYTES = 524_288

/**
 * Up to so many tasks are not added up, which takes a sixth of the time of their page: of the longest
 * kind they are 5 MB as JSON, and a bounded page may be 3.
 */
const SHORT_PAGE_TASKS = 50

/** `$3` is how many tasks at most; one more is read to know whether there is more. */
const list = (condition: string) => {
  const newest = `select * from todo.tasks where user_id = $1 and id < $2 ${condition} order by id desc limit $3 + 1`
  const refused = `case when count(*) = 0 then ${REFUSE_DELETED} end`
  return {
    short: sql(
      `select string_agg(${TASK_JSON}, E',\\n'), count(*), count(*), ${refused} from (${newest}) newest`,
    ),
    long: sql(
      `select string_agg(${TASK_JSON}, E',\\n') filter (where fits), count(*) filter (where fits), count(*), ${refused}
       from (
         select *, coalesce(sum(octet_length(title) + coalesce(octet_length(description), 0))
           over (order by id desc rows between unbounded preceding and 1 preceding), 0) < ${PAGE_BYTES} as fits
         from (${newest}) newest
       ) page`,
    ),
  }
}
const LIST = { all: list(''), filtered: list('and completed = $4') }

/** Above every id there is: where the newest page begins. */
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** A page of the user's tasks, newest first. It ends early where its tasks are very long. */
export function listTasks(
  userId: string,
  { completed, after, limit }: PageOptions,
): Statement<TaskPage> {
  const { short, long } = completed === undefined ? LIST.all : LIST.filtered
  const values = [userId, after ?? NEWEST, limit]
  return {
    sql: limit > SHORT_PAGE_TASKS ? long : short,
    values: completed === undefined ? values : [...values, completed],
    read: ([row]) => readPage(row?.[0] ?? '', Number(row?.[1]), Number(row?.[2]), limit),
  }
}

function readPage(tasks: string, fitting: number, found: number, limit: number): TaskPage {
  if (found <= limit && fitting === found) return { tasks, next: null }
  // JSON text has no raw line feed, so the last one stands before the task that was one too many.
  const page = fitting > limit ? tasks.slice(0, tasks.lastIndexOf(',\n')) : tasks
  const last = page.lastIndexOf('\n') + 1 + ID.start
  return { tasks: page, next: page.slice(last, last + ID.length) }
}

/**
 * A change, plain and with a version asked for. With one, a single null row tells a stale task from
 * a missing one.
 */
const change = (statement: string, returning: string, version: string) => ({
  unconditional: sql(
    `with changed as (${statement} returning ${returning} as json)
     select json from changed
     union all select null where not exists (select from changed) and ${REFUSE_DELETED} is not null`,
  ),
  atVersion: sql(
    `with changed as (${statement} and updated_at = any(${version}::timestamptz[]) returning ${returning} as json)
     select json from changed
     union all select null where not exists (select from changed)
       and (exists (select from todo.tasks where user_id = $1 and id = $2) or ${REFUSE_DELETED} is not null)`,
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
  userId: string,
  id: string,
  changes: TaskChanges,
  versions: Versions,
): Statement<Change> {
  const { title = null, description, completed = null } = changes
  const values = [userId, id, title, description !== undefined, description ?? null, completed]
  return changeAt(UPDATE, values, versions)
}

const TOGGLE = change(
  `update todo.tasks set completed = not completed, updated_at = ${LATER} where user_id = $1 and id = $2`,
  TASK_JSON,
  '$3',
)

/** Flips `completed`. Of n at once, each flips once: PostgreSQL takes them in turn. */
export function toggleTask(userId: string, id: string, versions: Versions): Statement<Change> {
  return changeAt(TOGGLE, [userId, id], versions)
}

const DELETE = change('delete from todo.tasks where user_id = $1 and id = $2', `''`, '$3')

/** Deletes a task; the JSON of its {@link Change} is empty. */
export function deleteTask(userId: string, id: string, versions: Versions): Statement<Change> {
  return changeAt(DELETE, [userId, id], versions)
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
  if (row === undefined) return 'missing'
  const json = row[0]
  return json === null || json === undefined ? 'stale' : { json }
}

function text(row: Row | undefined): string {
  const value = row?.[0]
  if (typeof value !== 'string') throw new Error('the statement returned no task')
  return value
}
