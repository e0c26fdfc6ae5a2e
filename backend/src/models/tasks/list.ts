import { NIL_UUID } from '../../core/uuid.ts'
import { type Row, type Statement, sql, type Value } from '../../database/session.ts'
import { EXAMINED_ROWS, PAGE_BYTES, type Page, type PageOptions, uuidOf } from '../page.ts'
import { NOT_DELETED, REFUSE_DELETED } from '../stored.ts'
import { type Filter, filterValues, passesFilter } from './filters.ts'
import { FOLDED_COLUMNS } from './folded.ts'
import type { IdSort } from './sorts.ts'
import { ALIVE, IN_TRASH, STORED_BYTES, TASK_COLUMNS, TASK_JSON, TRASHED_JSON } from './sql.ts'

/** The keys of tasks are their ids, those of the trash the numbers of the deletions. */
export interface TaskPageOptions extends PageOptions, Filter {
  /** The default is the newest first. */
  readonly sort?: IdSort | undefined
}

/** The most tasks that fit on a page: the JSON of the shortest task has 295 bytes. */
export const PAGE_TASKS = 222

/**
 * A page of up to this many tasks is first read by `short`, without the running sum of bytes, which would
 * take a fifth of the time. `short` omits tasks with a longer description, so its result has at most 1 MB.
 * If it omitted one, `long` reads the page again.
 */
const SHORT_PAGE_TASKS = 50
const SHORT_DESCRIPTION_BYTES = 2_000

/** SQL for whether the page has space after the tasks before this one. */
const hasSpace = (bytes: string, order: string) =>
  `coalesce(sum(${bytes}) over (order by ${order} rows between unbounded preceding and 1 preceding), 0) < ${PAGE_BYTES}`

/** A list of rows in the order of one column. */
interface ListSql {
  /** The column of the order, which identifies a row of the user. */
  readonly key: 'id' | 'seq'
  /** Whether the least key comes first. The default is the greatest. */
  readonly ascends?: boolean
  /** An SQL condition for the rows that an index contains: those that are examined. */
  readonly of?: string
  /** An SQL condition for the rows of the list. */
  readonly where: string
  /** The columns that the conditions and the JSON read. The default is all of them, which takes longer. */
  readonly columns?: string
  /** A row as JSON text. */
  readonly json: string
}

/**
 * `$3` is the maximum number of tasks. One more is read, to know whether another page follows. `$4` is the number of
 * tasks that are examined. A constant would mislead PostgreSQL: if it is greater than the usual number of tasks of a
 * user, PostgreSQL plans to read them all, and sorts all tasks of a user with very many for each page, instead of
 * following the index.
 *
 * The columns are the tasks on the page, the number found, the number that fit (only in `long`), the key of the last
 * task on the page, and that of the last task examined if the scan ended there.
 */
const list = ({ key, ascends = false, of = 'true', where, columns = '*', json }: ListSql) => {
  const order = ascends ? key : `${key} desc`
  const from = ascends ? `${key} > $2` : `${key} <= $2`
  const user = `todo.tasks where user_id = $1 and ${from} and ${of} and ${NOT_DELETED} order by ${order}`
  const newest = `select * from (select ${columns} from ${user} limit $4::int) scanned where ${where} order by ${order} limit $3 + 1`
  const scanEnd = `case when count(*) <= $3 then (select ${key} from ${user} offset $4::int - 1 limit 1) end`
  const end = `${scanEnd}, case when count(*) = 0 then ${REFUSE_DELETED} end`
  const isShort = `octet_length(description) <= ${SHORT_DESCRIPTION_BYTES} is not false`
  return {
    short: sql(
      `select string_agg(${json}, E',\\n') filter (where ${isShort}), count(*), null, (array_agg(${key}))[$3], ${end}
       from (${newest}) newest`,
    ),
    long: sql(
      `select string_agg(json, E',\\n') filter (where fits), count(*), count(*) filter (where fits),
         (array_agg(${key}) filter (where fits))[least(count(*) filter (where fits), $3)::int], ${end}
       from (
         select ${key}, json, ${hasSpace('octet_length(json)', order)} as fits from (
           select ${key}, case when ${hasSpace(STORED_BYTES, order)} then ${json} end as json
           from (${newest}) newest
         ) written
       ) measured`,
    ),
  }
}
const LIVING = { key: 'id', columns: `${TASK_COLUMNS}, deleted_at`, json: TASK_JSON } as const
const FILTERED = { ...LIVING, columns: `${LIVING.columns}, ${FOLDED_COLUMNS}` }
const LISTS = {
  all: list({ ...LIVING, where: ALIVE }),
  completed: list({ ...LIVING, where: `${ALIVE} and completed = $5` }),
  filtered: list({ ...FILTERED, where: `${ALIVE} and ${passesFilter(5)}` }),
  oldestFirst: list({ ...FILTERED, ascends: true, where: `${ALIVE} and ${passesFilter(5)}` }),
  trash: list({ key: 'seq', of: IN_TRASH, where: 'true', json: TRASHED_JSON }),
}

/** The greatest keys. A client may have chosen this id, so that the newest page begins with it. */
const NEWEST = { id: 'ffffffff-ffff-ffff-ffff-ffffffffffff', seq: '9223372036854775807' }

/**
 * Reads a page of the user's tasks, in the order of their ids. It ends early if its JSON is long, and after
 * {@link EXAMINED_ROWS} tasks, of which some do not match or are in the trash.
 *
 * @param options a `limit` above {@link PAGE_TASKS} is reduced to it.
 * @returns a statement whose result is undefined if the page is too long for it. Then use
 *   {@link listLongTasks}.
 */
export function listTasks(options: TaskPageOptions): Statement<Page | undefined> {
  return listShort(statementOf(options), options)
}

/** The same as {@link listTasks}, for tasks of any length. */
export function listLongTasks(options: TaskPageOptions): Statement<Page> {
  return listLong(statementOf(options), options)
}

/** Reads a page of the trash, the last deleted first, as {@link listTasks} does. */
export function listTrash(options: PageOptions): Statement<Page | undefined> {
  return listShort(statementOfTrash(options), options)
}

/** The same as {@link listTrash}, for tasks of any length. */
export function listLongTrash(options: PageOptions): Statement<Page> {
  return listLong(statementOfTrash(options), options)
}

interface ListStatement {
  readonly sql: ReturnType<typeof list>
  /** The greatest key that the page may have, or the one after which it begins if keys ascend. */
  readonly from: string
  readonly examined: number
  readonly filter: readonly Value[]
}

/** @returns the greatest key that is less than this one. No row has the key 0. */
function predecessor(key: string): string {
  const value = BigInt(key.includes('-') ? `0x${key.replaceAll('-', '')}` : key)
  const less = value === 0n ? value : value - 1n
  if (!key.includes('-')) return less.toString()
  return uuidOf(less.toString(16).padStart(32, '0'))
}

const NO_FILTER = JSON.stringify({})

function statementOf({
  after,
  limit: _limit,
  examined: most = EXAMINED_ROWS,
  sort,
  ...filter
}: TaskPageOptions): ListStatement {
  // A search reads the texts of all tasks that it examines, which may be long.
  const examined = filter.q === undefined ? most : Math.min(most, EXAMINED_ROWS)
  if (sort === 'created_at') {
    const from = after ?? NIL_UUID
    return { sql: LISTS.oldestFirst, from, examined, filter: filterValues(filter) }
  }
  const from = after === undefined ? NEWEST.id : predecessor(after)
  const { completed, ...rest } = filter
  // The usual lists, without the conditions of the other filters.
  if (JSON.stringify(rest) !== NO_FILTER) {
    return { sql: LISTS.filtered, from, examined, filter: filterValues(filter) }
  }
  return completed === undefined
    ? { sql: LISTS.all, from, examined, filter: [] }
    : { sql: LISTS.completed, from, examined, filter: [completed] }
}

function statementOfTrash({ after, examined = EXAMINED_ROWS }: PageOptions): ListStatement {
  const from = after === undefined ? NEWEST.seq : predecessor(after)
  return { sql: LISTS.trash, from, examined, filter: [] }
}

function listShort(list: ListStatement, options: PageOptions): Statement<Page | undefined> {
  const { limit } = options
  if (limit > SHORT_PAGE_TASKS) return listLong(list, options)
  const values = [list.from, limit, list.examined, ...list.filter]
  return { sql: list.sql.short, values, read: ([row]) => readShort(row, limit) }
}

function listLong(list: ListStatement, options: PageOptions): Statement<Page> {
  const limit = Math.min(options.limit, PAGE_TASKS)
  const values = [list.from, limit, list.examined, ...list.filter]
  return { sql: list.sql.long, values, read: ([row]) => readPage(row, limit) }
}

function readShort(row: Row | undefined, limit: number): Page | undefined {
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

function readPage(row: Row | undefined, limit: number): Page {
  const [text, found, fits, last, scanEnd] = row ?? []
  const rows = text ?? ''
  const fitting = Number(fits ?? found)
  if (fitting === Number(found) && fitting <= limit) {
    return { rows, count: fitting, next: scanEnd ?? null, scanEnded: typeof scanEnd === 'string' }
  }
  // The last line feed is before the additional task.
  const full = fitting > limit
  const page = full ? rows.slice(0, rows.lastIndexOf(',\n')) : rows
  return { rows: page, count: full ? limit : fitting, next: last ?? null, scanEnded: false }
}
