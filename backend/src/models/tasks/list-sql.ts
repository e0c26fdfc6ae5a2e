import { sql } from '../../database/session.ts'
import { PAGE_BYTES } from '../page.ts'
import { NOT_DELETED, REFUSE_DELETED } from '../stored.ts'
import { FILTER_COLUMNS, mayPassSearch, passesSearch, SEARCH_COLUMNS } from './filters.ts'
import { mayHave } from './scan.ts'
import { ALIVE, STORED_BYTES, TASK_COLUMNS, TASK_JSON } from './sql.ts'

/**
 * A page of up to this many tasks is first read by `short`, without the running sum of bytes, which would
 * take a fifth of the time. `short` omits tasks with a longer description, so its result has at most 1 MB.
 * If it omitted one, `long` reads the page again.
 */
export const SHORT_PAGE_TASKS = 50
const SHORT_DESCRIPTION_BYTES = 2_000
/** The tasks of a page as text, without those that `short` omits. */
export const shortTasks = (json = TASK_JSON) =>
  `string_agg(${json}, E',\\n') filter (where octet_length(description) <= ${SHORT_DESCRIPTION_BYTES} is not false)`

/** SQL for whether a page of `most` bytes has space after the rows before this one. */
export const hasSpace = (bytes: string, order: string, most = PAGE_BYTES) =>
  `coalesce(sum(${bytes}) over (order by ${order} rows between unbounded preceding and 1 preceding), 0) < ${most}`

/** The tasks of a subquery as JSON, as many as fit. No text is written that does not fit. */
export const written = (tasks: string, columns: string, order: string, json = TASK_JSON) =>
  `select ${columns}, json, ${hasSpace('octet_length(json)', order)} as fits from (
     select ${columns}, case when ${hasSpace(STORED_BYTES, order)} then ${json} end as json from (${tasks}) page
   ) written`

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
export const list = ({
  key,
  ascends = false,
  of = 'true',
  where,
  columns = '*',
  json,
}: ListSql) => {
  const { order, user } = rowsOf(key, ascends, of)
  const newest = `select * from (select ${columns} from ${user} limit $4::int) scanned where ${where} order by ${order} limit $3 + 1`
  return pageOf({
    newest,
    key,
    order,
    json,
    end: `(select ${key} from ${user} offset $4::int - 1 limit 1)`,
  })
}

/** The rows of an index after the key `$2`, as SQL. */
const rowsOf = (key: string, ascends: boolean, of = 'true') => {
  const order = ascends ? key : `${key} desc`
  const from = ascends ? `${key} > $2` : `${key} <= $2`
  const own = `todo.tasks where user_id = $1 and ${from}`
  return {
    order,
    user: `${own} and ${of} and ${NOT_DELETED} order by ${order}`,
    /** All rows, for the end of the scan. */
    keys: `${own} order by ${order}`,
  }
}

/**
 * A list with a search. Most tasks do not have its longest word, and PostgreSQL reads only a few of their columns. The
 * others are candidates, and those with a long text. It reads candidates until the page is full, and `$5` at most.
 */
export const search = (ascends: boolean) => {
  const { order, user, keys } = rowsOf('id', ascends)
  const columns = `ctid as at, id, deleted_at, ${[...FILTER_COLUMNS, ...SEARCH_COLUMNS].join(', ')}`
  return pageOf({
    ctes: `with candidates as materialized (
        select at, id as found_id from (select ${columns} from ${user} limit $4::int) scanned
        where ${ALIVE} and ${mayPassSearch(6)} order by ${order} limit $5::int
      )`,
    newest: `select ${TASK_COLUMNS} from candidates join todo.tasks on user_id = $1 and ctid = at
      where ${passesSearch(6)} order by found_${order} limit $3 + 1`,
    key: 'id',
    order,
    json: TASK_JSON,
    end: `coalesce(
      (select found_id from candidates offset $5 - 1 limit 1),
      case when ${mayHave('$4::int')} then (select id from ${keys} offset $4 - 1 limit 1) end)`,
  })
}

interface PageSql {
  readonly ctes?: string
  /** The tasks of the page, and one more. */
  readonly newest: string
  readonly key: string
  readonly order: string
  readonly json: string
  /** The key of the last task examined, if the scan ended there. */
  readonly end: string
}

const pageOf = ({ ctes = '', newest, key, order, json, end }: PageSql) => {
  const ends = `case when count(*) <= $3 then ${end} end, case when count(*) = 0 then ${REFUSE_DELETED} end`
  return {
    short: sql(
      `${ctes} select ${shortTasks(json)}, count(*), null, (array_agg(${key}))[$3], ${ends}
       from (${newest}) newest`,
    ),
    long: sql(
      `${ctes} select string_agg(json, E',\\n') filter (where fits), count(*), count(*) filter (where fits),
         (array_agg(${key}) filter (where fits))[least(count(*) filter (where fits), $3)::int], ${ends}
       from (${written(newest, key, order, json)}) measured`,
    ),
  }
}
