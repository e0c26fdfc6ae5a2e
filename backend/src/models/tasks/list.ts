import { NIL_UUID } from '../../core/uuid.ts'
import type { Row, Statement, Value } from '../../database/session.ts'
import { EXAMINED_ROWS, PAGE_BYTES, type Page, type PageOptions, uuidOf } from '../page.ts'
import { type Filter, otherValues, passesOthers, searchValues } from './filters.ts'
import { list, SHORT_PAGE_TASKS, search } from './list-sql.ts'
import { SCANNED_TASKS } from './scan.ts'
import type { IdSort } from './sorts.ts'
import { ALIVE, IN_TRASH, TASK_COLUMNS, TASK_JSON, TRASHED_JSON } from './sql.ts'

/** The keys of tasks are their ids, those of the trash the numbers of the deletions. */
export interface TaskPageOptions extends PageOptions, Filter {
  /** The default is the newest first. */
  readonly sort?: IdSort | undefined
}

/** The most tasks that fit on a page: the JSON of the shortest task has 295 bytes. */
export const PAGE_TASKS = 222

const LIVING = { key: 'id', columns: `${TASK_COLUMNS}, deleted_at`, json: TASK_JSON } as const
const FILTERED = {
  ...LIVING,
  columns: `${LIVING.columns}, folded_tags`,
  where: `${ALIVE} and ${passesOthers(5)}`,
}
const LISTS = {
  all: list({ ...LIVING, where: ALIVE }),
  completed: list({ ...LIVING, where: `${ALIVE} and completed = $5` }),
  filtered: list(FILTERED),
  oldestFirst: list({ ...FILTERED, ascends: true }),
  search: search(false),
  searchOldestFirst: search(true),
  trash: list({ key: 'seq', of: IN_TRASH, where: 'true', json: TRASHED_JSON }),
}

/** The greatest keys. A client may have chosen this id, so that the newest page begins with it. */
const NEWEST = { id: 'ffffffff-ffff-ffff-ffff-ffffffffffff', seq: '9223372036854775807' }

/**
 * Reads a page of the user's tasks, in the order of their ids. It ends early if its JSON is long, and after
 * {@link EXAMINED_ROWS} tasks, of which some do not match or are in the trash. A search ends after that many candidates,
 * or after {@link SCANNED_TASKS} tasks.
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
  examined = EXAMINED_ROWS,
  sort,
  ...filter
}: TaskPageOptions): ListStatement {
  if (sort === 'created_at') {
    const from = after ?? NIL_UUID
    if (filter.q !== undefined) return statementOfSearch(LISTS.searchOldestFirst, from, filter)
    return { sql: LISTS.oldestFirst, from, examined, filter: otherValues(filter) }
  }
  const from = after === undefined ? NEWEST.id : predecessor(after)
  if (filter.q !== undefined) return statementOfSearch(LISTS.search, from, filter)
  const { completed, ...rest } = filter
  // The usual lists, without the conditions of the other filters.
  if (JSON.stringify(rest) !== NO_FILTER) {
    return { sql: LISTS.filtered, from, examined, filter: otherValues(filter) }
  }
  return completed === undefined
    ? { sql: LISTS.all, from, examined, filter: [] }
    : { sql: LISTS.completed, from, examined, filter: [completed] }
}

function statementOfSearch(sql: ListStatement['sql'], from: string, filter: Filter): ListStatement {
  return { sql, from, examined: SCANNED_TASKS, filter: [EXAMINED_ROWS, ...searchValues(filter)] }
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

/** @returns the page, or undefined if it is too long or the statement omitted a task. */
export function readShort(row: Row | undefined, limit: number): Page | undefined {
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
