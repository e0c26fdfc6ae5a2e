import { type Statement, sql } from '../database/session.ts'
import { ID, REFUSE_DELETED, TASK_JSON } from './task-sql.ts'

/** A page of the list: its tasks joined as JSON, and the id of the last one while there are more. */
export interface TaskPage {
  readonly tasks: string
  readonly next: string | null
}

export interface PageOptions {
  readonly completed?: boolean | undefined
  /** The page begins behind this id. */
  readonly after?: string | undefined
  /** 1 or more tasks. */
  readonly limit: number
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
