import {
  addDays,
  addMonths,
  type Day,
  dayOf,
  daysInMonth,
  partsOf,
  WEEKDAY_CODES,
  type Weekday,
  weekdayOf,
} from '../dates/day.ts'
import type { Found } from './chip.ts'
import { MONTHS, NUMBERS, ORDINALS, WEEKDAYS } from './words.ts'

type Frequency = 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY'

/** A recurrence as it was typed. `toRule` adds the day that it does not name. */
export interface Pattern {
  readonly frequency: Frequency
  readonly interval: number
  readonly weekdays?: readonly Weekday[]
  /** The position of the weekday in the month; negative from its end. */
  readonly position?: number
  /** Days of the month; -1 is the last one. */
  readonly dates?: readonly number[]
  /** From 1. */
  readonly month?: number
}

const WORKDAYS: readonly Weekday[] = [1, 2, 3, 4, 5]

const weekday = `(?:${Object.keys(WEEKDAYS).join('|')})`
const weekdayList = `${weekday}(?:(?:\\s*,\\s*(?:and\\s+)?|\\s+and\\s+|\\s*[&/]\\s*|\\s+)${weekday})*`
const number = `(?:\\d{1,3}|${Object.keys(NUMBERS).join('|')})`
const date = '(?:[1-9]|[12]\\d|3[01])(?:st|nd|rd|th)'
const ordinal = `(?:${Object.keys(ORDINALS).join('|')}|[1-5](?:st|nd|rd|th))`
const month = `(?:${MONTHS.join('|')})[a-z]*\\.?`
const ofTheMonth = '(?:\\s+(?:of|in)\\s+(?:the|each|every)\\s+month)?'
const place = `(?:on\\s+)?(?:the\\s+)?`

/** From the longest form to the shortest. Each starts after "every". */
const FORMS: readonly [form: RegExp, read: (match: RegExpExecArray) => Pattern | null][] = [
  [
    form(`(?:year\\s+on\\s+)?(?:the\\s+)?(${month})\\s+(?:the\\s+)?(\\d{1,2})(?:st|nd|rd|th)?`),
    ([, name, day]) => yearly(name, day),
  ],
  [
    form(`(?:year\\s+on\\s+)?(?:the\\s+)?(\\d{1,2})(?:st|nd|rd|th)?\\s+(?:of\\s+)?(${month})`),
    ([, day, name]) => yearly(name, day),
  ],
  [
    form(
      `(?:month\\s+)?${place}(first|last|1st)\\s+(?:weekday|workday|business\\s+day)${ofTheMonth}`,
    ),
    ([, at]) => monthly(at, WORKDAYS),
  ],
  [
    form(`(?:month\\s+)?${place}(${ordinal})\\s+(${weekday})${ofTheMonth}`),
    ([, at, name]) => monthly(at, [weekdayNamed(name)]),
  ],
  [
    form(`(?:month\\s+)?${place}last\\s+day${ofTheMonth}`),
    () => ({ frequency: 'MONTHLY', interval: 1, dates: [-1] }),
  ],
  [
    form(
      `(?:(${number}|other)\\s+)?months?\\s+${place}(${date}(?:(?:\\s*,\\s*|\\s+and\\s+)${date})*)`,
    ),
    ([, count, dates]) => onDates(count, dates),
  ],
  [
    form(
      `${place}(${date}(?:(?:\\s*,\\s*|\\s+and\\s+)(?:the\\s+)?${date})*)${ofTheMonth}(?!\\s+(?:day|week|month|year|${weekday})s?\\b)`,
    ),
    ([, dates]) => onDates(undefined, dates),
  ],
  [
    form(`(?:(${number}|other)\\s+)?weeks?\\s+on\\s+(${weekdayList})`),
    ([, count, list]) => weekly(count, list),
  ],
  [form(`(other\\s+)?(${weekdayList})`), ([, other, list]) => weekly(other?.trim(), list)],
  [form(`(?:weekday|workday)s?`), () => ({ frequency: 'WEEKLY', interval: 1, weekdays: WORKDAYS })],
  [form(`weekends?`), () => ({ frequency: 'WEEKLY', interval: 1, weekdays: [6, 0] })],
  [form(`quarter`), () => ({ frequency: 'MONTHLY', interval: 3 })],
  [
    form(`(?:(${number}|other|second|2nd|third|3rd)\\s+)?(day|week|month|year)s?`),
    ([, count, unit]) => plain(count, unit),
  ],
]

function form(source: string): RegExp {
  return new RegExp(`${source}(?![\\w'’-]|\\s+except\\b)`, 'iy')
}

const EVERY = /(?<![\w'’#@/.-])(?:every|each)(!?)\s+/gi
/** "the 1st of every month" names the day first. */
const OF_EVERY_MONTH = new RegExp(
  `(?<![\\w'’-])(?:on\\s+)?the\\s+((?:${ordinal}\\s+${weekday}|last\\s+day|${date}))\\s+(?:of|in)\\s+(?:every|each)\\s+month(?![\\w'’-])`,
  'gi',
)
const AFTER_COMPLETION =
  /(?<![\w'’-])(?:after|from|upon)\s+(?:completion|completing|done)(?![\w'’-])|(?<![\w'’-])when\s+(?:done|completed)(?![\w'’-])/gi

/** A recurrence, and where it is in the text. */
export interface FoundPattern {
  readonly pattern: Pattern
  readonly fromCompletion: boolean
  readonly start: number
  readonly end: number
}

/** @returns the recurrences of a text, in its order. */
export function findPatterns(text: string): FoundPattern[] {
  const found: FoundPattern[] = []
  for (const { 0: words, 1: day = '', index } of text.matchAll(OF_EVERY_MONTH)) {
    const pattern = readAt(day, 0)?.pattern
    const end = index + words.length
    if (pattern) found.push({ pattern, fromCompletion: false, start: index, end })
  }
  for (const every of text.matchAll(EVERY)) {
    const known = readAt(text, every.index + every[0].length)
    if (known === null || found.some(({ start, end }) => start < every.index && every.index < end))
      continue
    found.push({ ...known, fromCompletion: every[1] === '!', start: every.index })
  }
  return found
}

/** @returns the recurrence that begins at an offset, without "every". */
function readAt(text: string, at: number): { pattern: Pattern; end: number } | null {
  for (const [shape, read] of FORMS) {
    shape.lastIndex = at
    const match = shape.exec(text)
    const pattern = match && read(match)
    if (match && pattern) return { pattern, end: at + match[0].length }
  }
  return null
}

/** @returns the words that count a recurrence from the day on which the task was completed. */
export function findAfterCompletion(text: string): Found[] {
  return [...text.matchAll(AFTER_COMPLETION)].map(({ 0: words, index }) => ({
    ...{ kind: 'recurrence', from: 'completion', text: words },
    ...{ start: index, end: index + words.length },
  }))
}

function yearly(name = '', day = ''): Pattern | null {
  const at = MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1
  // A leap year has the most days.
  if (at === 0 || Number(day) < 1 || Number(day) > daysInMonth(2024, at)) return null
  return { frequency: 'YEARLY', interval: 1, month: at, dates: [Number(day)] }
}

function monthly(at = '', weekdays: readonly Weekday[]): Pattern | null {
  const position = ORDINALS[at.toLowerCase()] ?? Number.parseInt(at, 10)
  return { frequency: 'MONTHLY', interval: 1, weekdays, position }
}

function onDates(count: string | undefined, dates = ''): Pattern | null {
  const all = [...dates.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  return checked({ frequency: 'MONTHLY', interval: countOf(count), dates: [...new Set(all)] })
}

function weekly(count: string | undefined, list = ''): Pattern | null {
  const names = list.toLowerCase().match(/[a-z]+/g) ?? []
  const weekdays = names.filter((name) => name !== 'and').map(weekdayNamed)
  return checked({
    frequency: 'WEEKLY',
    interval: countOf(count),
    weekdays: [...new Set(weekdays)],
  })
}

function plain(count: string | undefined, unit = ''): Pattern | null {
  const frequencies = { day: 'DAILY', week: 'WEEKLY', month: 'MONTHLY', year: 'YEARLY' } as const
  const frequency = frequencies[unit.toLowerCase() as keyof typeof frequencies] // the form has no other
  return checked({ frequency, interval: countOf(count) })
}

/** The server takes intervals from 1 to 999. */
function checked(pattern: Pattern): Pattern | null {
  return pattern.interval >= 1 ? pattern : null
}

function countOf(word: string | undefined): number {
  if (word === undefined) return 1
  const name = word.toLowerCase()
  if (name === 'other') return 2
  return NUMBERS[name] ?? ORDINALS[name] ?? Number.parseInt(name, 10)
}

function weekdayNamed(name = ''): Weekday {
  return WEEKDAYS[name.toLowerCase()] ?? 0
}

/**
 * @param from the earliest day of the first occurrence.
 * @returns the rule for the server (RFC 5545, and RFC 7529 for months that are too short), and the first day of it.
 */
export function toRule(pattern: Pattern, from: Day): { rule: string; first: Day } {
  const { frequency, interval, position, month } = pattern
  const { date } = partsOf(from)
  const needsDay = frequency === 'MONTHLY' && !pattern.dates && !pattern.weekdays
  const dates = needsDay ? [date] : pattern.dates
  const weekdays =
    frequency === 'WEEKLY' ? (pattern.weekdays ?? [weekdayOf(from)]) : pattern.weekdays
  const isOneDay = position !== undefined && weekdays?.length === 1
  const codes = weekdays?.map((day) => `${isOneDay ? position : ''}${WEEKDAY_CODES[day]}`)
  const skips =
    dates?.some((day) => day > 0) === true && (frequency === 'MONTHLY' || date29(pattern))
  const parts = [
    ...(skips ? ['RSCALE=GREGORIAN'] : []),
    `FREQ=${frequency}`,
    ...(interval > 1 ? [`INTERVAL=${interval}`] : []),
    ...(skips ? ['SKIP=BACKWARD'] : []),
    ...(month === undefined ? [] : [`BYMONTH=${month}`]),
    ...(dates ? [`BYMONTHDAY=${dates.join(',')}`] : []),
    ...(codes ? [`BYDAY=${codes.join(',')}`] : []),
    ...(position !== undefined && !isOneDay ? [`BYSETPOS=${position}`] : []),
  ]
  return {
    rule: parts.join(';'),
    first: firstDay({ ...pattern, ...(dates && { dates }), ...(weekdays && { weekdays }) }, from),
  }
}

const date29 = ({ month, dates }: Pattern) => month === 2 && dates?.includes(29) === true

/** Every pattern has a day within four years and some months: 29 February is rarest, and moves to the 28th. */
const MONTHS_AHEAD = 13

function firstDay({ frequency, weekdays, position, dates, month }: Pattern, from: Day): Day {
  if (frequency === 'DAILY' || (frequency === 'YEARLY' && month === undefined)) return from
  if (frequency === 'WEEKLY') {
    for (let ahead = 0; ahead < 7; ahead += 1) {
      const day = addDays(from, ahead)
      if (weekdays?.includes(weekdayOf(day))) return day
    }
    return from
  }
  const { year, month: start } = partsOf(from)
  const firstOfMonth = dayOf(year, start, 1)
  for (let ahead = 0; ahead < MONTHS_AHEAD; ahead += 1) {
    const { year: inYear, month: inMonth } = partsOf(addMonths(firstOfMonth, ahead))
    if (month !== undefined && month !== inMonth) continue
    const days = dates
      ? datesIn(inYear, inMonth, dates)
      : positionIn(inYear, inMonth, weekdays ?? [], position ?? 1)
    const day = days.find((one) => one >= from)
    if (day !== undefined) return day
  }
  return from
}

function datesIn(year: number, month: number, dates: readonly number[]): Day[] {
  const length = daysInMonth(year, month)
  return dates
    .map((date) => dayOf(year, month, date < 0 ? length + 1 + date : Math.min(date, length)))
    .sort()
}

function positionIn(year: number, month: number, weekdays: readonly Weekday[], at: number): Day[] {
  const all = Array.from({ length: daysInMonth(year, month) }, (_, n) => dayOf(year, month, n + 1))
  const day = all.filter((one) => weekdays.includes(weekdayOf(one))).at(at < 0 ? at : at - 1)
  return day === undefined ? [] : [day]
}
