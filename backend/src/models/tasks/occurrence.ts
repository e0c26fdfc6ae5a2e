import { NIL_UUID } from '../../core/uuid.ts'
import { neededFor } from '../../database/errors.ts'
import { type Statement, sql } from '../../database/session.ts'
import { NOT_DELETED } from '../stored.ts'
import { ALIVE } from './sql.ts'

/** The facts that determine the date of the next occurrence (`todo.occurrence_facts`). */
export interface Facts {
  /** Of the task that is completed. */
  readonly id: string
  readonly recurrence: { readonly rule: string; readonly from: 'due' | 'completion' }
  readonly zone: string | null
  /** Null, as the two below, if the change gives a rule to a task without a due date, which the table refuses. */
  readonly due: string | null
  /** The due date of the occurrence that got the rule. */
  readonly start: string | null
  /** The date that the rule gave to this occurrence. */
  readonly date: string | null
  /** Of this occurrence, beginning with 1. */
  readonly number: number
}

/** Facts as PostgreSQL writes them, by which it recognizes them. */
export type FactsText = string

/** The date of the occurrence that follows a task. Without one, the series ends. */
export interface Following {
  readonly of: FactsText
  readonly date: string | undefined
}

export function readFacts(text: FactsText): Facts {
  return JSON.parse(text)
}

/** @returns the facts of the recurring tasks that a failed statement was to complete; otherwise undefined. */
export function factsNeeded(error: unknown): readonly FactsText[] | undefined {
  return neededFor(error)?.split('\n')
}

const SET = sql(`select set_config('todo.next', $2, true) where $1 <> ''`)

/**
 * Gives the statements after this one, in the same transaction, the dates of the occurrences that follow. They complete
 * other recurring tasks as well, and {@link findNext} fails then.
 */
export function giveFollowing(following: readonly Following[]): Statement<void> {
  const dates = following.map(({ of, date }) => [of, date === undefined ? {} : { date }])
  const values = [JSON.stringify(Object.fromEntries(dates))]
  return { sql: SET, values, read: () => undefined }
}

const FACTS = sql(
  `select todo.occurrence_facts(tasks)
   from todo.tasks where user_id = $1 and id = any($2::uuid[]) and recurrence is not null and not completed
     and ${ALIVE} and ${NOT_DELETED}`,
)

/** Finds the facts of open recurring tasks. */
export function findFacts(ids: readonly string[]): Statement<readonly FactsText[]> {
  const values = [`{${ids.join()}}`]
  return { sql: FACTS, values, read: (rows) => rows.map(([facts]) => String(facts)) }
}

/** The keys under which the response to a request is stored: the first one, and the last possible one. */
export type ResponseKeys = readonly [first: string, last: string]

const FOUND = `select id, next_id from todo.tasks
     where user_id = $1 and id = any($2::uuid[]) and completed and next_id <> '${NIL_UUID}' and ${NOT_DELETED}`
const OR_REFUSED = 'union all select null, null where todo.refuse_without_dates()'
const FIND_NEXT = sql(`${FOUND} ${OR_REFUSED}`)

/** `$3` and `$4` are the keys. */
const KEEP_NEXT = sql(
  `with found as (${FOUND}
    ), kept as (
      update todo.idempotency_keys k set next_id = found.next_id from found
      where user_id = $1 and key >= $3 and key <= $4 and task_id = found.id
    )
    select id, next_id from found ${OR_REFUSED}`,
)

/**
 * Finds the occurrences that the completion of tasks made, and stores them with the response to a keyed request. After
 * {@link giveFollowing} it fails if statements completed recurring tasks whose dates were not given ({@link factsNeeded}).
 *
 * @returns their ids, by those of the completed tasks.
 */
export function findNext(
  ids: readonly string[],
  keys: ResponseKeys | readonly [] = [],
): Statement<ReadonlyMap<string, string>> {
  return {
    sql: keys.length === 0 ? FIND_NEXT : KEEP_NEXT,
    values: [`{${ids.join()}}`, ...keys],
    read: (rows) => new Map(rows.map(([id, next]) => [String(id), String(next)])),
  }
}
