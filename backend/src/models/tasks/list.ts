import { type Row, type Statement, sql } from '../../database/session.ts'
import { NOT_DELETED, REFUSE_DELETED } from '../stored.ts'
import { TASK_JSON } from './sql.ts'

/** A page of the list, or the first part of one. */
export interface TaskPage {
  /** Tasks as JSON, joined by a comma and a line feed; empty without tasks. */
  readonly tasks: string
  readonly count: number
  /** The id after which the list continues, or null at its end. */
  readonly next: string | null
  /**
   * Whether the statement stopped because it had examined {@link SCANNED_TASKS} tasks. The page is
   * then not full, and may be empty; it continues after `next`.
   */
  readonly scanEnded: boolean
}

export interface PageOptions {
  readonly completed?: boolean | undefined
  /** The page begins after this id. */
  readonly after?: string | undefined
  /** 1 or more tasks. */
  readonly limit: number
}

/** A page ends early after the task that brings its JSON to this many bytes. */
export const PAGE_BYTES = 65_536
/** The most tasks that fit on a page: the JSON of the shortest task has 187 bytes. */
export const PAGE_TASKS = 350

/**
 * The number of tasks that a statement with a filter examines. It takes a few milliseconds, also in
 * WebAssembly, so a filter that matches few tasks delays no other user. The request continues after
 * them with another statement.
 */
export const SCANNED_TASKS = 500

/**
 * A page of up to this many tasks is first read by `short`, without the running sum of bytes, which would
 * take a fifth of the time. `short` omits tasks with a longer description, so its result has at most 800 kB.
 * If it omitted one, `long` reads the page again.
 */
const SHORT_PAGE_TASKS = 50
const SHORT_DESCRIPTION_BYTES = 2_000

/** The stored length of the texts, which PostgreSQL knows without reading them. The JSON is longer. */
const STORED_BYTES = 'octet_length(title) + coalesce(octet_length(description), 0)'
/** SQL for whether the page has space after the tasks before this one. */
const hasSpace = (bytes: string) =>
  `coalesce(sum(${bytes}) over (order by id desc rows between unbounded preceding and 1 preceding), 0) < ${PAGE_BYTES}`

/**
 * `$3` is the maximum number of tasks. One more is read, to know whether another page follows. The columns
 * are the tasks on the page, the number found, the number that fit (only in `long`), the last task on the
 * page, and the last task examined if the scan ended there.
 */
const list = (condition: string) => {
  const user = `select * from todo.tasks where user_id = $1 and id < $2 and ${NOT_DELETED} order by id desc`
  const filtered = condition !== ''
  const newest = filtered
    ? `select * from (${user} limit ${SCANNED_TASKS}) scanned where ${condition} order by id desc limit $3 + 1`
    : `${user} limit $3 + 1`
  const scanEnd = `case when count(*) <= $3 then (${user.replace('*', 'id')} offset ${SCANNED_TASKS - 1} limit 1) end`
  const end = `${filtered ? scanEnd : 'null'}, case when count(*) = 0 then ${REFUSE_DELETED} end`
  const isShort = `octet_length(description) <= ${SHORT_DESCRIPTION_BYTES} is not false`
  return {
    short: sql(
      `select string_agg(${TASK_JSON}, E',\\n') filter (where ${isShort}), count(*), null, (array_agg(id))[$3], ${end}
       from (${newest}) newest`,
    ),
    long: sql(
      `select string_agg(json, E',\\n') filter (where fits), count(*), count(*) filter (where fits),
         (array_agg(id) filter (where fits))[least(count(*) filter (where fits), $3)::int], ${end}
       from (
         select id, json, ${hasSpace('octet_length(json)')} as fits from (
           select id, case when ${hasSpace(STORED_BYTES)} then ${TASK_JSON} end as json
           from (${newest}) newest
         ) written
       ) measured`,
    ),
  }
}
const LIST = { all: list(''), filtered: list('completed = $4') }

/** Greater than every id, so that the newest page begins after it. */
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/**
 * Reads a page of the user's tasks, newest first. It ends early if its JSON is long, and with a filter also
 * after {@link SCANNED_TASKS} tasks.
 *
 * @param options a `limit` above {@link PAGE_TASKS} is reduced to it.
 * @returns a statement whose result is undefined if the page is too long for it. Then use
 *   {@link listLongTasks}.
 */
export function listTasks(options: PageOptions): Statement<TaskPage | undefined> {
  if (options.limit > SHORT_PAGE_TASKS) return listLongTasks(options)
  const { sql, values } = statement('short', options)
  return { sql, values, read: ([row]) => readShort(row, options.limit) }
}

/** The same as {@link listTasks}, for tasks of any length. */
export function listLongTasks(options: PageOptions): Statement<TaskPage> {
  const limit = Math.min(options.limit, PAGE_TASKS)
  const { sql, values } = statement('long', { ...options, limit })
  return { sql, values, read: ([row]) => readPage(row, limit) }
}

function statement(
  kind: 'short' | 'long',
  { completed, after, limit }: PageOptions,
): Omit<Statement<unknown>, 'read'> {
  const values = [after ?? NEWEST, limit]
  return completed === undefined
    ? { sql: LIST.all[kind], values }
    : { sql: LIST.filtered[kind], values: [...values, completed] }
}

function readShort(row: Row | undefined, limit: number): TaskPage | undefined {
  const [tasks, found] = row ?? []
  const isWhole = linesOf(tasks ?? '') === Number(found)
  return isWhole && Buffer.byteLength(tasks ?? '') <= PAGE_BYTES ? readPage(row, limit) : undefined
}

/** Counts tasks by their line feeds: JSON text contains none, and one follows each task except the last. */
function linesOf(tasks: string): number {
  let count = tasks === '' ? 0 : 1
  for (let at = tasks.indexOf('\n'); at !== -1; at = tasks.indexOf('\n', at + 1)) count += 1
  return count
}

function readPage(row: Row | undefined, limit: number): TaskPage {
  const [text, found, fits, last, scanEnd] = row ?? []
  const tasks = text ?? ''
  const fitting = Number(fits ?? found)
  if (fitting === Number(found) && fitting <= limit) {
    return { tasks, count: fitting, next: scanEnd ?? null, scanEnded: typeof scanEnd === 'string' }
  }
  // The last line feed is before the additional task.
  const full = fitting > limit
  const page = full ? tasks.slice(0, tasks.lastIndexOf(',\n')) : tasks
  return { tasks: page, count: full ? limit : fitting, next: last ?? null, scanEnded: false }
}
