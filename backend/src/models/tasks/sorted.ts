import { type Row, type Statement, sql } from '../../database/session.ts'
import { PAGE_BYTES, type Page, type PageOptions } from '../page.ts'
import { NOT_DELETED, REFUSE_DELETED } from '../stored.ts'
import { type Filter, filterValues, passesFilter } from './filters.ts'
import { PAGE_TASKS } from './list.ts'
import { type KeySort, positionValues, SORTS, type Sort } from './sorts.ts'
import { ALIVE, STORED_BYTES, TASK_JSON } from './sql.ts'

/**
 * No index has these orders, so that a statement looks at all tasks of the user and keeps the first ones. A list of
 * all tasks would do that for each page, which takes the square of their number. It reads the ids of many tasks at
 * once instead, and then these tasks in pages.
 */
const RUN_TASKS = 10_000

/** The tasks of `$1` that pass the filter, from the parameter `first` on. */
const tasksOf = (first: number) =>
  `todo.tasks where user_id = $1 and ${ALIVE} and ${passesFilter(first)} and ${NOT_DELETED}`

/**
 * The first `count` tasks after the position, in order: their ids and keys. PostgreSQL copies each task of the user to
 * sort it, so it copies only the columns of the order.
 */
const firstTasks = ({ by, after, key, columns }: Sort, count: string) =>
  `select id as found_id, ${key} as key, row_number() over () as place from (
     select id, ${columns} from ${tasksOf(5)} and ($4::uuid is null or ${after}) order by ${by}, id limit ${count}
   ) sorted`

/** A task by its id. With the limit, PostgreSQL does not read all tasks of the user for a join with the ids. */
const taskOf = (tasks: string, id: string) =>
  `lateral (select * from ${tasks} and id = ${id} limit 1) tasks`

/** SQL for whether the page has space after the tasks before this one. */
const hasSpace = (bytes: string) =>
  `coalesce(sum(${bytes}) over (order by place rows between unbounded preceding and 1 preceding), 0) < ${PAGE_BYTES}`

/** The tasks of a subquery as JSON, as many as fit. No text is written that does not fit. */
const written = (tasks: string, columns: string) =>
  `select place, ${columns}, json, ${hasSpace('octet_length(json)')} as fits from (
     select place, ${columns}, case when ${hasSpace(STORED_BYTES)} then ${TASK_JSON} end as json from (${tasks}) page
   ) written`

const pageOf = (sort: Sort) =>
  sql(
    `select string_agg(json, E',\\n' order by place) filter (where fits and place <= $2::int),
       count(*), count(*) filter (where fits and place <= $2),
       (array_agg(id || coalesce(key, '') order by place desc) filter (where fits and place <= $2))[1],
       case when count(*) = 0 then ${REFUSE_DELETED} end
     from (${written(
       `select tasks.*, key, place from (${firstTasks(sort, '$2 + 1')}) found
          join ${taskOf('todo.tasks where user_id = $1', 'found_id')} on true`,
       'id, key',
     )}) measured`,
  )

const runOf = (sort: Sort) =>
  sql(
    `select string_agg(found_id::text, ',' order by place), count(*), (array_agg(found_id || coalesce(key, '') order by place desc))[1],
       case when count(*) = 0 then ${REFUSE_DELETED} end
     from (${firstTasks(sort, '$2::int')}) run`,
  )

const each = (of: (sort: Sort) => ReturnType<typeof sql>) =>
  Object.fromEntries(Object.entries(SORTS).map(([name, sort]) => [name, of(sort)])) as Readonly<
    Record<KeySort, ReturnType<typeof sql>>
  > // the same keys
const PAGES = each(pageOf)
const RUNS = each(runOf)

/** A list in an order that no index has. */
export interface SortedOptions {
  readonly sort: KeySort
  readonly filter: Filter
}

/**
 * Reads a page in the order of `sort`. It ends early if its JSON is long.
 *
 * @param options a `limit` above {@link PAGE_TASKS} is reduced to it.
 */
export function listSorted(
  { sort, filter }: SortedOptions,
  { limit, after }: PageOptions,
): Statement<Page> {
  const most = Math.min(limit, PAGE_TASKS)
  const values = [most, ...positionValues(SORTS[sort], after), ...filterValues(filter)]
  return { sql: PAGES[sort], values, read: ([row]) => readPage(row) }
}

function readPage(row: Row | undefined): Page {
  const [rows, found, fits, last] = row ?? []
  const isLast = Number(found) === Number(fits)
  const next = isLast ? null : (last ?? null)
  return { rows: rows ?? '', count: Number(fits), next, scanEnded: false }
}

/** Tasks that follow each other in the order. */
export interface Run {
  readonly ids: readonly string[]
  /** The position after them, or null at the end of the list. */
  readonly next: string | null
}

/** Reads the ids of the next tasks. */
export function listRun({ sort, filter }: SortedOptions, after: string): Statement<Run> {
  const values = [RUN_TASKS, ...positionValues(SORTS[sort], after), ...filterValues(filter)]
  return {
    sql: RUNS[sort],
    values,
    read: ([row]) => {
      const [ids, found, last] = row ?? []
      const next = Number(found) < RUN_TASKS ? null : (last ?? null)
      return { ids: ids ? ids.split(',') : [], next }
    },
  }
}

/** Those of the tasks `$2` that are still in the list, in this order, and the first that has no space. */
const TASKS = sql(
  `select string_agg(json, E',\\n' order by place) filter (where fits), count(*) filter (where fits),
     min(place) filter (where not fits), case when count(*) = 0 then ${REFUSE_DELETED} end
   from (${written(
     `select tasks.*, place from unnest($2::uuid[]) with ordinality wanted (wanted_id, place)
        join ${taskOf(tasksOf(3), 'wanted_id')} on true`,
     'id',
   )}) measured`,
)

/** Tasks of a run, as JSON. */
export interface RunPage {
  readonly rows: string
  readonly count: number
  /** How many of the ids it read, or found to be of tasks that have left the list. */
  readonly read: number
}

/** Reads tasks of a {@link Run}. */
export function listTasksOf(filter: Filter, ids: readonly string[]): Statement<RunPage> {
  return {
    sql: TASKS,
    values: [`{${ids.join()}}`, ...filterValues(filter)],
    read: ([row]) => {
      const [rows, count, rest] = row ?? []
      const read = rest ? Number(rest) - 1 : ids.length
      return { rows: rows ?? '', count: Number(count), read }
    },
  }
}

const COUNT = sql(
  `select count(*), case when count(*) = 0 then ${REFUSE_DELETED} end from ${tasksOf(2)}`,
)

/** Counts the tasks that pass the filter. */
export function countTasks(filter: Filter): Statement<number> {
  return { sql: COUNT, values: filterValues(filter), read: ([row]) => Number(row?.[0]) }
}
