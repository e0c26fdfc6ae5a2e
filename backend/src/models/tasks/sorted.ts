import { NIL_UUID } from '../../core/uuid.ts'
import { type Row, type Sql, type Statement, sql } from '../../database/session.ts'
import type { Page, PageOptions } from '../page.ts'
import { REFUSE_DELETED } from '../stored.ts'
import { type Filter, isUsual } from './filters.ts'
import { PAGE_TASKS, readShort } from './list.ts'
import { SHORT_PAGE_TASKS, shortTasks, written } from './list-sql.ts'
import { examined, examinedEnd, passing, passingValues, SCANNED_TASKS } from './scan.ts'
import { type KeySort, positionValues, SORTS, type Sort } from './sorts.ts'
import { ALIVE, TASK_COLUMNS } from './sql.ts'

/** A list in an order that no index has. */
export interface SortedOptions {
  readonly sort: KeySort
  readonly filter: Filter
}

/** The values of an order, by the names that they have where a statement has computed them. */
const keysOf = ({ values }: Sort) =>
  Object.fromEntries(values.map((value, index) => [`key_${index}`, value]))
/** The name of the last one. */
const lastOf = ({ values }: Sort) => `key_${values.length - 1}`
const orderOf = (sort: Sort, id: string) => {
  const keys = Object.keys(keysOf(sort)).map((key) => `${key} ${sort.direction} nulls last`)
  return [...keys, id].join(', ')
}
/** A position as text, as SQL. */
const positionOf = (sort: Sort, id = 'id', key = lastOf(sort)) =>
  `${id} || coalesce(${sort.keyOf(key)}, '')`

/** The id before all others. */
const NIL = `'${NIL_UUID}'`
/** An SQL condition for the tasks after the position. */
const isAfter = ({ after }: Sort) => `($4::uuid is null or ${after})`

/**
 * The tasks of a subquery. It has their ids and the tuple ids `at`, by which PostgreSQL finds a row without an index. They
 * are valid in the statement that has read them.
 */
const rowsOf = (found: string, columns: string) =>
  `select ${columns} from (${found}) found join todo.tasks on user_id = $1 and ctid = at`

/**
 * A page of a list without a filter, or with the usual one, as most pages are. It examines no more tasks than one statement
 * may, and PostgreSQL copies only the values of the order to sort them. It omits tasks with a long description.
 */
const usualPage = (sort: Sort) => {
  const last = lastOf(sort)
  const columns = `ctid as at, id, deleted_at, completed, ${sort.columns.join(', ')}`
  const keys = Object.entries(keysOf(sort)).map(([name, value]) => `${value} as ${name}`)
  const found = `select at, id as found_id, ${keys.join(', ')}
    from (${examined(columns, NIL, '$5::int', sort.newestFirst ? 'id desc' : 'id')}) examined
    where ${ALIVE} and ($6::boolean is null or completed = $6) and ${isAfter(sort)}
    order by ${orderOf(sort, 'id')} limit $2::int + 1`
  return sql(
    `select ${shortTasks()}, count(*), null,
       ${positionOf(sort, '(array_agg(id))[$2]', `(array_agg(${last}))[$2]`)},
       ${examinedEnd(NIL, '$5::int')}, case when count(*) = 0 then ${REFUSE_DELETED} end
     from (${rowsOf(found, `${TASK_COLUMNS}, ${last}`)} order by ${orderOf(sort, 'found_id')}) page`,
  )
}

/** The first tasks after the position, in order, as a CTE. */
const first = (sort: Sort, count: string) => {
  const columns = { at: 'at', id: 'id', ...keysOf(sort) }
  const { ctes, end } = passing({ of: sort.columns, columns, condition: isAfter(sort) }, 5)
  return {
    ctes: `${ctes}, first as (
        select *, row_number() over () as place
        from (select * from passing order by ${orderOf(sort, 'id')} limit ${count}) sorted)`,
    end,
  }
}

/** A page of any list. */
const pageOf = (sort: Sort) => {
  const { ctes, end } = first(sort, '$2::int + 1')
  const last = lastOf(sort)
  const found = `select at, place, ${last} from first`
  return sql(
    `with ${ctes} select string_agg(json, E',\\n' order by place) filter (where fits and place <= $2),
       count(*), count(*) filter (where fits and place <= $2),
       (array_agg(${positionOf(sort)} order by place desc) filter (where fits and place <= $2))[1],
       ${end}, case when count(*) = 0 then ${REFUSE_DELETED} end
     from (${written(rowsOf(found, `tasks.*, place, ${last}`), `place, id, ${last}`, 'place')}) measured`,
  )
}

/** The positions of the first tasks, as a JSON array, if it is not too long. */
const positionsOf = (sort: Sort) => {
  const { ctes, end } = first(sort, '$2::int')
  const position = positionOf(sort)
  return sql(
    `with ${ctes} select case when coalesce(sum(octet_length(${position})), 0) <= ${POSITIONS_BYTES}
         then coalesce(json_agg(${position} order by place)::text, '[]') end,
       ${end}, case when count(*) = 0 then ${REFUSE_DELETED} end
     from first`,
  )
}
/** The most bytes that the positions of one statement have. */
const POSITIONS_BYTES = 1_048_576

const each = (of: (sort: Sort) => Sql) =>
  Object.fromEntries(Object.entries(SORTS).map(([name, sort]) => [name, of(sort)])) as Readonly<
    Record<KeySort, Sql>
  > // the same keys
const USUAL_PAGES = each(usualPage)
const PAGES = each(pageOf)
const POSITIONS = each(positionsOf)

/**
 * Reads a page in the order of `sort`. It ends early if its JSON is long. If the user has more tasks than one statement
 * examines, the page is empty and `scanEnded` is true. {@link listPositions} then finds its tasks.
 *
 * @param options a `limit` above {@link PAGE_TASKS} is reduced to it.
 * @returns a statement whose result is undefined if the page is too long for it. Then use {@link listLongSorted}.
 */
export function listSorted(
  { sort, filter }: SortedOptions,
  { limit, after }: PageOptions,
): Statement<Page | undefined> {
  if (limit > SHORT_PAGE_TASKS || !isUsual(filter)) {
    return listLongSorted({ sort, filter }, { limit, after })
  }
  const { completed = null } = filter
  const values = [limit, ...positionValues(SORTS[sort], after), SCANNED_TASKS, completed]
  const read = ([row]: readonly Row[]) => (isCut(row) ? CUT : readShort(row, limit))
  return { sql: USUAL_PAGES[sort], values, read }
}

/** The same as {@link listSorted}, for tasks of any length. */
export function listLongSorted(
  { sort, filter }: SortedOptions,
  { limit, after }: PageOptions,
): Statement<Page> {
  const most = Math.min(limit, PAGE_TASKS)
  const position = positionValues(SORTS[sort], after)
  const values = [most, ...position, ...passingValues(filter, NIL_UUID)]
  return { sql: PAGES[sort], values, read: ([row]) => (isCut(row) ? CUT : readPage(row)) }
}

/** Whether the statement has not examined all tasks, so that others may precede those that it found. */
const isCut = (row: Row | undefined) => typeof row?.[4] === 'string'
const CUT: Page = { rows: '', count: 0, next: null, scanEnded: true }

function readPage(row: Row | undefined): Page {
  const [rows, found, fits, last] = row ?? []
  const isLast = Number(found) === Number(fits)
  const next = isLast ? null : (last ?? null)
  return { rows: rows ?? '', count: Number(fits), next, scanEnded: false }
}

/** Positions of tasks in an order, among those that one statement has examined. */
export interface Positions {
  /** Undefined if they are too long. Read fewer of them. */
  readonly positions: readonly string[] | undefined
  /** The id after which the next statement continues, or null if no tasks follow. */
  readonly end: string | null
}

/**
 * Examines a part of the tasks, in the order of their ids.
 *
 * @param options the first `limit` tasks after the position `after`.
 * @param from the id after which it begins.
 */
export function listPositions(
  { sort, filter }: SortedOptions,
  { limit, after }: PageOptions,
  from: string,
): Statement<Positions> {
  const position = positionValues(SORTS[sort], after)
  return {
    sql: POSITIONS[sort],
    values: [limit, ...position, ...passingValues(filter, from)],
    read: ([row]) => {
      const [positions, end] = row ?? []
      return {
        positions: typeof positions === 'string' ? JSON.parse(positions) : undefined,
        end: end ?? null,
      }
    },
  }
}
