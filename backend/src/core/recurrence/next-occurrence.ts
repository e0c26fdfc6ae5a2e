import { type CalendarDate, dateOf, dayOf } from './calendar-date.ts'
import { dateOnOrAfter } from './dates.ts'
import type { Rule } from './rule.ts'

/**
 * The facts from which the next date of a series follows.
 *
 * The statements need these columns beside `due_date`: the rule and `from` of the open occurrence; the first date
 * of the series (`date`); the number of this occurrence in its series (`integer`, 1 for the first), which is
 * `made`; and the date that the rule gave to this occurrence (`date`), because a user may move `due_date`.
 * One next occurrence alone: unique by user, series and number. The date does not identify an occurrence: a
 * task that is watered every third day, and is done three days early, comes back on the same date.
 * A change of the rule begins to count again: the due date becomes the first date, and the number 1.
 */
export interface Occurrence {
  readonly rule: Rule
  /** `due`: the next date of the rule. `completion`: counted from the day on which the task was done. */
  readonly from: 'due' | 'completion'
  /** Intervals and the day of the month count from it, so that the 31st is the 31st again after February. */
  readonly firstDate: CalendarDate
  /** The due date, or the date that the rule gave to this occurrence if that is later. */
  readonly dueDate: CalendarDate
  /** In the zone of the task, as `today`. */
  readonly completedOn: CalendarDate
  readonly today: CalendarDate
  /** How many occurrences of the series exist or have existed, with the first one. */
  readonly made: number
}

/**
 * @param rule as `parseRule` returns it.
 * @param firstDate the due date of the task that gets the rule.
 * @returns whether the rule has a date at all, on the first date or later. `FREQ=MONTHLY;BYMONTHDAY=32` is no
 *   rule, but `FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30` is one without dates. False too if the search is not over
 *   after `SEARCH_STEPS`. COUNT and UNTIL do not matter: a rule that has ended is still a rule.
 */
export const comes = (rule: Rule, firstDate: CalendarDate): boolean =>
  dateOnOrAfter(rule, firstDate, firstDate).date !== undefined

/**
 * @returns the date of the occurrence to make when this one is completed. Undefined if the series ends with it:
 *   by COUNT, by UNTIL, at the end of the year 9999, or because the rule has no date within `SEARCH_STEPS`.
 */
export function nextOccurrence(occurrence: Occurrence): CalendarDate | undefined {
  const { rule, from, firstDate, dueDate, completedOn, today, made } = occurrence
  if (rule.count !== undefined && made >= rule.count) return undefined
  const start = from === 'due' ? firstDate : completedOn
  // After today as well, so that a task which is three weeks late comes back once.
  const passed = from === 'due' ? [firstDate, dueDate, today] : [completedOn]
  const earliest = Math.max(...passed.map(dayOf)) + 1
  if (earliest > dayOf('9999-12-31')) return undefined
  const { date } = dateOnOrAfter(rule, start, dateOf(earliest))
  const isOver = date !== undefined && rule.until !== undefined && date > rule.until
  return isOver ? undefined : date
}
