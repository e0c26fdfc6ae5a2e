import type { Value } from '../../database/session.ts'
import { EXAMINED_ROWS } from '../page.ts'
import { NOT_DELETED } from '../stored.ts'
import {
  FILTER_COLUMNS,
  type Filter,
  isUsual,
  mayPassSearch,
  passesOthers,
  passesSearch,
  passesUsual,
  SEARCH_COLUMNS,
  searchValues,
} from './filters.ts'
import { ALIVE } from './sql.ts'

/**
 * The most tasks that one statement examines without their long texts. It takes a few milliseconds, also in
 * WebAssembly. Almost every user has fewer tasks, for whom one statement is enough.
 */
export const SCANNED_TASKS = 4_000

/** The tasks that a statement examines: `most` of them after the id `after`. */
export const examined = (columns: string, after: string, most: string, order = 'id') =>
  `select ${columns} from todo.tasks where user_id = $1 and id > ${after} and ${NOT_DELETED} order by ${order} limit ${most}`

/**
 * An SQL condition for whether the user may have `count` tasks. A user has at least as many changes as tasks, so that
 * PostgreSQL need not count the tasks of most users.
 */
export const mayHave = (count: string) => `(select seq from todo.users where id = $1) >= ${count}`

/** SQL for the id of the last of the {@link examined} tasks if there are as many, or null. */
export const examinedEnd = (after: string, most: string) =>
  `case when ${mayHave(most)} then
     (select id from todo.tasks where user_id = $1 and id > ${after} order by id offset ${most} - 1 limit 1) end`

/** The values that {@link passing} reads of a task. */
interface Read {
  /** The columns of the task. */
  readonly of: readonly string[]
  /** The columns of the result: their names, and their values as SQL. */
  readonly columns: Readonly<Record<string, string>>
  /** A condition for the tasks besides the filter. */
  readonly condition?: string
}

/**
 * The examined tasks that pass a filter, as SQL. A search reads the long texts of at most {@link EXAMINED_ROWS} tasks: it
 * ends after that many candidates, which are the tasks that have its longest word or a long text. PostgreSQL executes
 * only one of the three parts of `passing`, because each has a condition of the parameters alone.
 *
 * @param first the number of the first parameter. The values are those of {@link passingValues}.
 * @returns the CTE `passing`, and the id after which the next statement continues, or null at the end.
 */
export function passing({ of, columns, condition = 'true' }: Read, first: number) {
  const [after, most, candidates] = [`$${first}::uuid`, `$${first + 1}::int`, `$${first + 2}::int`]
  const [isUsual, filter] = [`$${first + 3}::boolean`, first + 4]
  const values = Object.entries(columns).map(([name, value]) => `${value} as ${name}`)
  const tasks = (...conditionColumns: readonly string[]) => {
    const read = new Set(['id', 'deleted_at', ...conditionColumns, ...of])
    return `(${examined(`ctid as at, ${[...read].join(', ')}`, after, most)}) examined
      where ${ALIVE} and ${condition}`
  }
  return {
    ctes: `candidates as materialized (
        select ${[...values, ...SEARCH_COLUMNS].join(', ')} from ${tasks(...FILTER_COLUMNS, ...SEARCH_COLUMNS)}
          and ${mayPassSearch(filter)} order by id limit ${candidates}
      ), passing as (
        select ${values.join(', ')} from ${tasks('completed')} and ${isUsual} and ${passesUsual(filter)}
        union all
        select ${values.join(', ')} from ${tasks(...FILTER_COLUMNS)}
          and ${candidates} is null and not ${isUsual} and ${passesOthers(filter)}
        union all
        select ${Object.keys(columns).join(', ')} from candidates
          where ${candidates} is not null and ${passesSearch(filter)}
      )`,
    end: `coalesce(
        case when ${candidates} is not null then (select id from candidates offset ${candidates} - 1 limit 1) end,
        ${examinedEnd(after, most)})`,
  }
}

/** @param after the id after which the statement begins. */
export function passingValues(filter: Filter, after: string): Value[] {
  const candidates = filter.q === undefined ? null : EXAMINED_ROWS
  return [after, SCANNED_TASKS, candidates, isUsual(filter), ...searchValues(filter)]
}
