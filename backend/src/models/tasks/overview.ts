import { type Statement, sql } from '../../database/session.ts'
import { NOT_DELETED, REFUSE_DELETED } from '../stored.ts'
import { PRIORITIES } from './columns.ts'
import { ALIVE } from './sql.ts'

const TASKS = `todo.tasks where user_id = $1 and ${ALIVE} and ${NOT_DELETED}`

/** The first spelling is that of the first task with the tag. */
const TAGS = sql(
  `select coalesce('[' || string_agg(json_build_object('tag', tag, 'open', open, 'completed', completed)::text, ',' order by folded) || ']', '[]'),
     case when count(*) = 0 then ${REFUSE_DELETED} end
   from (
     select folded collate "C" as folded, (array_agg(tag order by id))[1] as tag,
       count(*) filter (where not completed) as open, count(*) filter (where completed) as completed
     from (select id, completed, tags, folded_tags from ${TASKS} and tags <> '{}') tagged,
       unnest(tags, folded_tags) each (tag, folded)
     group by 1
   ) counted`,
)

/** Counts the tasks with each tag, as a JSON array by the name of the tag. Letter case does not count. */
export function countTags(): Statement<string> {
  return { sql: TAGS, values: [], read: ([row]) => row?.[0] ?? '[]' }
}

const byPriority = PRIORITIES.map(
  (name, number) => `'${name}', count(*) filter (where not completed and priority = ${number})`,
)
const SUMMARY = sql(
  `select json_build_object(
     'open', count(*) filter (where not completed),
     'completed', count(*) filter (where completed),
     'overdue', count(*) filter (where not completed and due_date < $2::date),
     'due_today', count(*) filter (where not completed and due_date = $2),
     'due_next_7_days', count(*) filter (where not completed and due_date > $2 and due_date <= $2 + 7),
     'without_due_date', count(*) filter (where not completed and due_date is null),
     'by_priority', json_build_object(${byPriority.join(', ')}),
     'completed_today', count(*) filter (where completed and completed_at >= $2::timestamp at time zone $3
       and completed_at < ($2 + 1)::timestamp at time zone $3)
   )::text, case when count(*) = 0 then ${REFUSE_DELETED} end
   from ${TASKS}`,
)

/**
 * Counts the tasks of the user, as a JSON object.
 *
 * @param today as `YYYY-MM-DD`.
 * @param timeZone an IANA name, for the tasks that were completed today.
 */
export function summarizeTasks(today: string, timeZone: string): Statement<string> {
  return { sql: SUMMARY, values: [today, timeZone], read: ([row]) => row?.[0] ?? '{}' }
}
