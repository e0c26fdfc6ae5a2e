import { type CalendarDate, dateOf, dayOf, monthOf, startOfMonth } from './calendar-date.ts'
import { type Rule, WEEKDAYS } from './rule.ts'

/**
 * How many steps a search for the next date may take. A step looks at one month or one week, so that a search
 * looks at no more than 62 000 days.
 */
export const SEARCH_STEPS = 2_000

const LAST_DAY = dayOf('9999-12-31')

/** 0 for Monday. Day 0, 1970-01-01, was a Thursday. */
const weekdayOf = (day: number) => (((day + 3) % 7) + 7) % 7

/** A rule with the first day of its series, which gives the days that the rule does not name. */
interface Series {
  readonly rule: Rule
  readonly firstDay: number
  /** By weekday, 0 for Monday: all such days, or those with one of these positions. */
  readonly byDay: readonly { readonly all: boolean; readonly positions: ReadonlySet<number> }[]
  /** By the number of days of a month: which of them BYMONTHDAY names, or the first day if nothing names any. */
  readonly byMonthLength: ReadonlyMap<number, readonly number[]>
}

/** The periods in which a rule has its dates. Numbers of periods have no gaps. */
interface Periods {
  /** Periods from one that may have dates to the next, counted from that of the first day. */
  readonly interval: number
  /** The steps that one period costs. */
  readonly steps: number
  readonly numberOf: (day: number) => number
  readonly startOf: (period: number) => number
  /** The days of the rule in a period, ascending. */
  readonly daysIn: (period: number) => readonly number[]
}

const range = (start: number, end: number, step = 1) =>
  Array.from({ length: Math.max(0, Math.ceil((end - start) / step)) }, (_, at) => start + at * step)

function openSeries(rule: Rule, firstDay: number): Series {
  const byDay = WEEKDAYS.map((weekday) => {
    const positions = rule.byDay.flatMap((day) => (day.weekday === weekday ? [day.position] : []))
    return {
      all: rule.byDay.length === 0 || positions.includes(undefined),
      positions: new Set(positions.filter((position) => position !== undefined)),
    }
  })
  const firstOfMonth = startOfMonth(monthOf(firstDay))
  const unnamed = rule.byDay.length === 0 ? [firstDay - firstOfMonth + 1] : range(1, 32)
  const numbers = rule.byMonthDay.length === 0 ? unnamed : rule.byMonthDay
  const skips = rule.skipsBackward && rule.frequency !== 'DAILY'
  const lengths = [28, 29, 30, 31].map(
    (length) => [length, monthDays(numbers, length, skips)] as const,
  )
  return { rule, firstDay, byDay, byMonthLength: new Map(lengths) }
}

/** BYSETPOS: the days at these positions of a period. */
function atPositions({ bySetPos }: Rule, days: readonly number[]): readonly number[] {
  if (bySetPos.length === 0) return days
  const chosen = new Set(bySetPos.map((at) => (at < 0 ? days.length + at : at - 1)))
  return days.filter((_, at) => chosen.has(at))
}

const inByMonth = ({ byMonth }: Rule, month: number) =>
  byMonth.length === 0 || byMonth.includes((month % 12) + 1)

/** BYDAY: a day counts as the n-th of its weekday among the days from `start` to `end`. */
function inByDay({ byDay }: Series, day: number, start: number, end: number): boolean {
  const entry = byDay[weekdayOf(day)]
  if (entry === undefined || entry.all) return entry !== undefined
  const fromStart = Math.floor((day - start) / 7) + 1
  const fromEnd = -Math.floor((end - 1 - day) / 7) - 1
  return entry.positions.has(fromStart) || entry.positions.has(fromEnd)
}

/** BYMONTHDAY with SKIP: the days of a month of this length that these numbers mean, from 1, ascending. */
function monthDays(numbers: readonly number[], length: number, skipsBackward: boolean): number[] {
  const days = numbers.map((number) => (number < 0 ? length + 1 + number : number))
  const kept = skipsBackward
    ? days.map((day) => Math.min(day, length))
    : days.filter((day) => day <= length)
  return [...new Set(kept.filter((day) => day > 0))].sort((one, other) => one - other)
}

/** The days of a month in a MONTHLY or YEARLY rule, before BYSETPOS. BYDAY counts in the months named last. */
function daysOfMonth(series: Series, month: number, countedIn = month, months = 1): number[] {
  const start = startOfMonth(month)
  const days = series.byMonthLength.get(startOfMonth(month + 1) - start) ?? []
  const [from, to] = [startOfMonth(countedIn), startOfMonth(countedIn + months)]
  return days.map((day) => start + day - 1).filter((day) => inByDay(series, day, from, to))
}

/** Days are sought month by month, so that a rule for one month does not cost a step for each other day. */
function daily(series: Series): Periods {
  const { rule, firstDay } = series
  // Each day is a period of its own, whose only position is 1 and -1.
  const hasPosition = atPositions(rule, [0]).length > 0
  return {
    interval: 1,
    steps: 1,
    numberOf: monthOf,
    startOf: startOfMonth,
    daysIn: (month) => {
      if (!hasPosition || !inByMonth(rule, month)) return []
      const [start, end] = [startOfMonth(month), startOfMonth(month + 1)]
      const missed = Math.ceil(Math.max(0, start - firstDay) / rule.interval)
      const named = series.byMonthLength.get(end - start) ?? []
      return range(firstDay + missed * rule.interval, end, rule.interval).filter(
        (day) =>
          (rule.byMonthDay.length === 0 || named.includes(day - start + 1)) &&
          inByDay(series, day, start, end),
      )
    },
  }
}

function weekly(series: Series): Periods {
  const { rule, firstDay } = series
  const shift = WEEKDAYS.indexOf(rule.weekStart) - 3
  const startOf = (week: number) => week * 7 + shift
  const isWeekday = (day: number) =>
    rule.byDay.length === 0
      ? weekdayOf(day) === weekdayOf(firstDay)
      : series.byDay[weekdayOf(day)]?.all === true
  return {
    interval: rule.interval,
    steps: 1,
    numberOf: (day) => Math.floor((day - shift) / 7),
    startOf,
    daysIn: (week) => {
      const days = range(startOf(week), startOf(week + 1))
      const chosen = days.filter((day) => isWeekday(day) && inByMonth(rule, monthOf(day)))
      return atPositions(rule, chosen)
    },
  }
}

function monthly(series: Series): Periods {
  const { rule } = series
  return {
    interval: rule.interval,
    steps: 1,
    numberOf: monthOf,
    startOf: startOfMonth,
    daysIn: (month) =>
      inByMonth(rule, month) ? atPositions(rule, daysOfMonth(series, month)) : [],
  }
}

function yearly(series: Series): Periods {
  const { rule, firstDay } = series
  const namesMonths = rule.byMonth.length > 0
  const namesDays = rule.byMonthDay.length > 0 || rule.byDay.length > 0
  const months =
    namesMonths || namesDays
      ? range(0, 12).filter((month) => inByMonth(rule, month))
      : [monthOf(firstDay) % 12]
  return {
    interval: rule.interval,
    steps: months.length,
    numberOf: (day) => Math.floor(monthOf(day) / 12),
    startOf: (year) => startOfMonth(year * 12),
    daysIn: (year) => {
      const days = months.flatMap((month) =>
        namesMonths
          ? daysOfMonth(series, year * 12 + month)
          : daysOfMonth(series, year * 12 + month, year * 12, 12),
      )
      return atPositions(rule, days)
    },
  }
}

const PERIODS = { DAILY: daily, WEEKLY: weekly, MONTHLY: monthly, YEARLY: yearly }

/** The date is undefined if the rule has none up to the year 9999, or within `SEARCH_STEPS`. */
export interface Found {
  readonly date: CalendarDate | undefined
  readonly steps: number
}

/**
 * Finds the first date of a rule on or after a date, by RFC 5545 section 3.3.10 and RFC 7529 section 4. It
 * ignores COUNT and UNTIL, which `nextOccurrence` applies. The work does not depend on how long ago the series
 * began.
 *
 * @param rule as `parseRule` returns it.
 * @param firstDate the first date of the series. Intervals count from it.
 * @param from the earliest date to find. Dates before `firstDate` are never found.
 */
export function dateOnOrAfter(rule: Rule, firstDate: CalendarDate, from: CalendarDate): Found {
  const firstDay = dayOf(firstDate)
  const earliest = Math.max(firstDay, dayOf(from))
  const { interval, numberOf, startOf, daysIn, ...cost } = PERIODS[rule.frequency](
    openSeries(rule, firstDay),
  )
  const zero = numberOf(firstDay)
  let period = zero + Math.ceil((numberOf(earliest) - zero) / interval) * interval
  let steps = 0
  for (; startOf(period) <= LAST_DAY; period += interval) {
    if (steps + cost.steps > SEARCH_STEPS) break
    steps += cost.steps
    const day = daysIn(period).find((one) => one >= earliest)
    if (day !== undefined) return { date: day > LAST_DAY ? undefined : dateOf(day), steps }
  }
  return { date: undefined, steps }
}
