import { type Rule, WEEKDAYS } from '../../src/core/recurrence/rule.ts'

/**
 * The dates of a rule by RFC 5545's definition, one day after another: for each day, whether the rule has it.
 * Slow, and independent of the library that the server uses. Ignores COUNT and UNTIL.
 */

const DAY_MS = 86_400_000
const dayOf = (date: string) => Date.parse(date) / DAY_MS
const dateOf = (day: number) => new Date(day * DAY_MS).toISOString().slice(0, 10)
const fieldsOf = (day: number) => {
  const [year = 0, month = 0, date = 0] = dateOf(day).split('-').map(Number)
  return { year, month, date, weekday: WEEKDAYS[(((day + 3) % 7) + 7) % 7] ?? 'MO' }
}
const firstOf = (year: number, month: number) =>
  dayOf(`${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-01`)
const monthLength = (year: number, month: number) =>
  (month === 12 ? firstOf(year, 12) + 31 : firstOf(year, month + 1)) - firstOf(year, month)

/** The first day of the period (day, week, month, year) of a day, its length, and its number since year 0. */
function periodOf({ frequency, weekStart }: Rule, day: number) {
  const { year, month } = fieldsOf(day)
  if (frequency === 'DAILY') return { start: day, length: 1, number: day }
  if (frequency === 'WEEKLY') {
    const offset = (((day + 3 - WEEKDAYS.indexOf(weekStart)) % 7) + 7) % 7
    return { start: day - offset, length: 7, number: Math.round((day - offset) / 7) }
  }
  if (frequency === 'MONTHLY') {
    const number = year * 12 + month - 1
    return { start: firstOf(year, month), length: monthLength(year, month), number }
  }
  const length = firstOf(year, 12) + 31 - firstOf(year, 1)
  return { start: firstOf(year, 1), length, number: year }
}

/** Whether a weekday with a position is the n-th of the days from `start`, counted from either end. */
function hasPosition(day: number, position: number, start: number, length: number): boolean {
  const fromStart = Math.floor((day - start) / 7) + 1
  const fromEnd = -(Math.floor((start + length - 1 - day) / 7) + 1)
  return position === fromStart || position === fromEnd
}

function matches(rule: Rule, day: number, first: number): boolean {
  const { frequency, byDay, byMonth, byMonthDay } = rule
  const { year, month, date, weekday } = fieldsOf(day)
  const length = monthLength(year, month)
  if (byMonth.length > 0 && !byMonth.includes(month)) return false
  const expandsDays = frequency === 'MONTHLY' || frequency === 'YEARLY'
  const isDate = (wanted: number) => {
    const number = wanted < 0 ? length + 1 + wanted : wanted
    return date === (rule.skipsBackward && expandsDays ? Math.min(number, length) : number)
  }
  if (byMonthDay.length > 0 && !byMonthDay.some(isDate)) return false
  const within =
    frequency === 'YEARLY' && byMonth.length === 0
      ? periodOf(rule, day)
      : { start: firstOf(year, month), length }
  const isDay = (wanted: Rule['byDay'][number]) =>
    wanted.weekday === weekday &&
    (wanted.position === undefined ||
      hasPosition(day, wanted.position, within.start, within.length))
  if (byDay.length > 0) return byDay.some(isDay)
  if (byMonthDay.length > 0 || frequency === 'DAILY') return true
  // Without a part that names days, the day is that of the first date.
  const anchor = fieldsOf(first)
  if (frequency === 'WEEKLY') return weekday === anchor.weekday
  const isMonth = frequency === 'MONTHLY' || byMonth.length > 0 || month === anchor.month
  return isMonth && isDate(anchor.date)
}

/** @returns the dates of the rule after `after`, at most `most`, and none after `last`. */
export function datesOfRule(
  rule: Rule,
  firstDate: string,
  after: string,
  last: string,
  most = 1,
): string[] {
  const first = dayOf(firstDate)
  const zero = periodOf(rule, first).number
  const found: string[] = []
  let period = periodOf(rule, Math.max(first, dayOf(after)))
  while (period.start <= dayOf(last)) {
    if ((period.number - zero) % rule.interval === 0) {
      const all = Array.from({ length: period.length }, (_, at) => period.start + at)
      const days = all.filter((day) => matches(rule, day, first))
      const chosen = days.filter(
        (_, at) =>
          rule.bySetPos.length === 0 ||
          rule.bySetPos.includes(at + 1) ||
          rule.bySetPos.includes(at - days.length),
      )
      for (const day of chosen) {
        if (day < first || day <= dayOf(after) || day > dayOf(last)) continue
        found.push(dateOf(day))
        if (found.length === most) return found
      }
    }
    period = periodOf(rule, period.start + period.length)
  }
  return found
}
