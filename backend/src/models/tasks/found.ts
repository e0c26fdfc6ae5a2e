import { type Statement, sql } from '../../database/session.ts'
import { NOT_DELETED, REFUSE_DELETED } from '../stored.ts'
import { type Filter, filterValues, passesFilter } from './filters.ts'
import { written } from './list-sql.ts'
import { passing, passingValues } from './scan.ts'
import { ALIVE } from './sql.ts'

/** Those of the tasks `$2` that are still in the list, in this order, and the first that has no space. */
const TASKS = sql(
  `select string_agg(json, E',\\n' order by place) filter (where fits), count(*) filter (where fits),
     min(place) filter (where not fits), case when count(*) = 0 then ${REFUSE_DELETED} end
   from (${written(
     // With the limit, PostgreSQL does not read all tasks of the user for a join with the ids.
     `select tasks.*, place from unnest($2::uuid[]) with ordinality wanted (wanted_id, place)
        join lateral (
          select * from todo.tasks where user_id = $1 and ${ALIVE} and ${passesFilter(3)} and ${NOT_DELETED}
            and id = wanted_id limit 1
        ) tasks on true`,
     'place, id',
     'place',
   )}) measured`,
)

/** Tasks that were found before, as JSON. */
export interface FoundTasks {
  readonly rows: string
  readonly count: number
  /** How many of the ids it read, or found to be of tasks that have left the list. */
  readonly read: number
}

/** Reads tasks by their ids. It ends early if their JSON is long. */
export function listTasksOf(filter: Filter, ids: readonly string[]): Statement<FoundTasks> {
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

const { ctes, end } = passing({ of: [], columns: { id: 'id' } }, 2)
const COUNT = sql(
  `with ${ctes} select count(*), ${end}, case when count(*) = 0 then ${REFUSE_DELETED} end from passing`,
)

/** The number of tasks, of those that one statement has examined. */
export interface Count {
  readonly count: number
  /** The id after which the next statement continues, or null if no tasks follow. */
  readonly end: string | null
}

/** Counts the tasks that pass the filter. @param from the id after which it begins. */
export function countTasks(filter: Filter, from: string): Statement<Count> {
  return {
    sql: COUNT,
    values: passingValues(filter, from),
    read: ([row]) => ({ count: Number(row?.[0]), end: row?.[1] ?? null }),
  }
}
