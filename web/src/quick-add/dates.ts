import {
  addDays,
  addMonths,
  clockIn,
  type Day,
  dayOf,
  daysInMonth,
  partsOf,
  weekdayOf,
} from '../dates/day.ts'
import { blank, END, LEADING, type Present, START, textBefore, WEEKDAY_NAME } from './bounds.ts'
import type { Found } from './chip.ts'
import { isTime, readChrono, timeOf } from './read-chrono.ts'
import { AMBIGUOUS_WEEKDAYS, DAY_PARTS, NUMBERS, WEEKDAYS } from './words.ts'

const weekday = WEEKDAY_NAME
const count = `(\\d{1,3}|${Object.keys(NUMBERS).join('|')})`
const pattern = (source: string) => new RegExp(`${START}${source}${END}`, 'gi')

const RELATIVE_DAYS = pattern(
  `(today|tonight|(?:the\\s+)?day\\s+after\\s+tomorrow|tomorrow|tmrw?|next\\s+(?:week|month|year|weekend)|this\\s+weekend|(?:the\\s+)?end\\s+of\\s+(?:the\\s+|this\\s+)?month)`,
)
const IN_DAYS = pattern(
  `(?:in\\s+${count}\\s+(day|week|month|year)s?|${count}\\s+(day|week|month|year)s?\\s+from\\s+(?:now|today))`,
)
const IN_HOURS = pattern(
  `in\\s+(?:(half)\\s+an\\s+hour|${count}\\s*(h|hrs?|hours?|mins?|minutes?))`,
)
const WEEKDAY = pattern(`(?:(on|this|next|coming)\\s+)?(${weekday})(\\s+next\\s+week)?`)
const ON_THE = pattern(`(?:on|by)\\s+the\\s+([1-9]|[12]\\d|3[01])(?:st|nd|rd|th)`)
const AT_HOUR = pattern(`at\\s+(2[0-3]|1?\\d)`)
const NOON = pattern(`(?:at\\s+)?noon`)
/** "Mon - Wed", "Saturday or Sunday": several days are no date. */
const WEEKDAYS_TOGETHER = pattern(
  `${weekday}s?(?:(?:\\s*[-–/&,]\\s*|\\s+(?:(?:to|and|or|through)\\s+)?)${weekday}s?)+`,
)

/** Words before a date that make it another one than the due date. */
const NOT_DUE =
  /(?:^|[\s(])(?:last|past|since|before|after|from|to|except|not|every|each|[-–])\s+$/i
const AT_SIGN = /(?:^|(?<=\s))@\s*$/
const UNTIL = /(?:^|(?<=[\s(]))(?:until|till|til)\s+$/i
const DAY_PART = /^\s+(?:in\s+the\s+)?(morning|afternoon|evening|night)(?=$|[\s,;!?.])/i

/** "Monday Night Football" is a name. */
const NAME_AFTER = /^\s+(?:Morning|Afternoon|Evening|Night)\s+\p{Lu}/u

/** @returns dates and times of a text, and where recurrences end ("until Friday"). They may overlap. */
export function findDates(text: string, present: Present): Found[] {
  const plain = text.replace(WEEKDAYS_TOGETHER, blank)
  const words = findWords(plain, present)
  // Strict chrono takes "Friday, Dec 4" as one date, and "Friday 9am" as nothing.
  const rest = words.reduce((left, { start, end, text: taken }) => {
    return left.slice(0, start) + blank(taken) + left.slice(end)
  }, plain)
  const dates = [...words, ...readChrono(plain, present), ...readChrono(rest, present)]
  const spans = dates.flatMap((span) => withWordsBefore(span, text))
  return [...spans, ...spans.flatMap((span) => dayPartAfter(span, text))]
}

function findWords(text: string, { now, timeZone, today }: Present): Found[] {
  const found: Found[] = []
  const add = (match: RegExpMatchArray, date: Day | undefined) => {
    if (date === undefined) return
    found.push({ kind: 'date', date, ...placeOf(match) })
  }
  for (const match of text.matchAll(RELATIVE_DAYS)) add(match, relativeDay(match[1] ?? '', today))
  for (const match of text.matchAll(IN_DAYS)) {
    add(match, later(today, countOf(match[1] ?? match[3]), match[2] ?? match[4] ?? ''))
  }
  for (const match of text.matchAll(WEEKDAY)) {
    const [words, before, name = '', nextWeek] = match
    const modifier = nextWeek === undefined ? before : 'next'
    const after = text.slice((match.index ?? 0) + words.length)
    const isClear =
      modifier !== undefined ||
      /^\s+(?:at\s+)?\d/.test(after) ||
      LEADING.test(textBefore(text, match.index ?? 0))
    if (AMBIGUOUS_WEEKDAYS.includes(name.toLowerCase()) && !isClear) continue
    add(match, dayNamed(modifier, name, today))
  }
  for (const match of text.matchAll(ON_THE)) add(match, dateOfMonth(Number(match[1]), today))
  // chrono takes a bare hour at the end of a text alone.
  for (const match of text.matchAll(AT_HOUR)) {
    const place = placeOf(match)
    if (!isTime(place.text, text, place)) continue
    found.push({ kind: 'time', time: timeOf(place.text, Number(match[1]), 0), ...place })
  }
  for (const match of text.matchAll(NOON))
    found.push({ kind: 'time', time: '12:00', ...placeOf(match) })
  for (const match of text.matchAll(IN_HOURS)) {
    const [, half, amount, unit = ''] = match
    const minutes = half ? 30 : countOf(amount) * (/^h/i.test(unit) ? 60 : 1)
    const { day, time } = clockIn(timeZone, new Date(now.getTime() + minutes * 60_000))
    found.push({ kind: 'time', time, date: day, ...placeOf(match) })
  }
  return found
}

function placeOf({ 0: text, index = 0 }: RegExpMatchArray) {
  return { text, start: index, end: index + text.length }
}

function countOf(word = ''): number {
  return NUMBERS[word.toLowerCase()] ?? Number(word)
}

function relativeDay(words: string, today: Day): Day {
  const { year, month } = partsOf(today)
  const monday = addDays(today, -((weekdayOf(today) + 6) % 7))
  const phrase = words.toLowerCase().replace(/\s+/g, ' ')
  if (phrase === 'today' || phrase === 'tonight') return today
  if (phrase.endsWith('day after tomorrow')) return addDays(today, 2)
  if (phrase.startsWith('t') && !phrase.startsWith('th')) return addDays(today, 1)
  if (phrase === 'next week') return addDays(monday, 7)
  if (phrase === 'next weekend') return addDays(monday, 12)
  if (phrase === 'next month') return addMonths(dayOf(year, month, 1), 1)
  if (phrase === 'next year') return dayOf(year + 1, 1, 1)
  if (phrase === 'this weekend') return weekdayOf(today) === 0 ? today : addDays(monday, 5)
  return dayOf(year, month, daysInMonth(year, month))
}

function later(today: Day, amount: number, unit: string): Day | undefined {
  const name = unit.toLowerCase()
  if (name === 'day') return addDays(today, amount)
  if (name === 'week') return addDays(today, amount * 7)
  return addMonths(today, amount * (name === 'year' ? 12 : 1))
}

/** "Friday" is the next one after today, "this Friday" may be today, "next Friday" is in the next week. */
function dayNamed(modifier: string | undefined, name: string, today: Day): Day {
  const target = WEEKDAYS[name.toLowerCase()] ?? 0
  if (modifier?.toLowerCase() === 'next') {
    const monday = addDays(today, -((weekdayOf(today) + 6) % 7))
    return addDays(monday, 7 + ((target + 6) % 7))
  }
  const ahead = (target - weekdayOf(today) + 7) % 7
  return addDays(today, ahead === 0 && modifier?.toLowerCase() !== 'this' ? 7 : ahead)
}

/** The next such date that exists, today included. */
function dateOfMonth(date: number, today: Day): Day | undefined {
  const { year, month } = partsOf(today)
  for (let ahead = 0; ahead < 3; ahead += 1) {
    const of = partsOf(addMonths(dayOf(year, month, 1), ahead))
    const day = dayOf(of.year, of.month, date)
    if (date <= daysInMonth(of.year, of.month) && day >= today) return day
  }
  return undefined
}

/** Adds "by" and "on", and leaves out what is not the due date, such as "before Friday". */
function withWordsBefore(span: Found, text: string): Found[] {
  const before = textBefore(text, span.start)
  if (NOT_DUE.test(before)) return []
  if (span.kind === 'date' && NAME_AFTER.test(text.slice(span.end))) return []
  const until = UNTIL.exec(before)
  if (until) {
    if (span.kind !== 'date') return []
    const start = span.start - until[0].length
    const place = { start, end: span.end, text: text.slice(start, span.end) }
    return [{ kind: 'recurrence', until: span.date, ...place }]
  }
  const leading = span.kind === 'date' ? LEADING.exec(before) : AT_SIGN.exec(before)
  if (!leading) return [span]
  const start = span.start - leading[0].length
  return [{ ...span, start, text: text.slice(start, span.end) }]
}

/** "tomorrow morning" */
function dayPartAfter(span: Found, text: string): Found[] {
  const match = span.kind === 'date' ? DAY_PART.exec(text.slice(span.end)) : null
  const time = DAY_PARTS[match?.[1]?.toLowerCase() ?? '']
  if (!match || time === undefined) return []
  const words = match[0].trimStart()
  const end = span.end + match[0].length
  return [{ kind: 'time', time, text: words, start: end - words.length, end }]
}
