import { Chrono, configuration, type ParsedResult, strict } from 'chrono-node/en'
import { dayOf, partsOf } from '../dates/day.ts'
import { AFTER, BLANK, LEADING, type Present, textBefore, WEEKDAY_NAME } from './bounds.ts'
import type { Found } from './chip.ts'

const strictDayFirst = new Chrono(configuration.createConfiguration(true, true))

/** A time at the start or at the end of the words that chrono takes together. */
const TIME_IN_DATE =
  /^((?:at\s+)?\d{1,2}(?::\d{2})?\s*(?:[ap]\.?m\.?)?)(?:,?\s+(?:on\s+)?)(?=\D|\d{4}-)|[\s,T]+((?:at\s+|@\s*)?\d{1,2}(?:(?::\d{2})(?:\s*[ap]\.?m\.?)?|\s*[ap]\.?m\.?|\s*o'clock)|at\s+\d{1,2})$/i

/** Dates with a month, and times of the clock. Strict chrono leaves out what is no date by itself. */
export function readChrono(text: string, { today, dayFirst }: Present): Found[] {
  const { year, month, date } = partsOf(today)
  // Noon exists on each day of every zone. The zone of this device counts, so that only its calendar is used.
  const noon = new Date(year, month - 1, date, 12)
  noon.setFullYear(year)
  const found: Found[] = []
  for (const result of (dayFirst ? strictDayFirst : strict).parse(
    text,
    { instant: noon },
    { forwardDate: true },
  )) {
    if (result.end || result.start.isCertain('second')) continue
    if (result.start.isCertain('timezoneOffset')) continue
    found.push(...splitResult(result, text))
  }
  return found
}

function splitResult({ index, text: words, start }: ParsedResult, text: string): Found[] {
  const place = { text: words, start: index, end: index + words.length }
  if (!isBounded(text, place)) return []
  const hasDate = start.isCertain('day') && start.isCertain('month')
  const hasTime = start.isCertain('hour')
  const date = dayOf(start.get('year') ?? 0, start.get('month') ?? 0, start.get('day') ?? 0)
  const time = timeOf(words, start.get('hour') ?? 0, start.get('minute') ?? 0)
  if (hasDate && !hasTime)
    return isDate(words, text, place) ? [{ kind: 'date', date, ...place }] : []
  if (!hasDate && hasTime)
    return isTime(words, text, place) ? [{ kind: 'time', time, ...place }] : []
  const match = TIME_IN_DATE.exec(words)
  const part = match?.[1] ?? match?.[2]
  if (!match || part === undefined) return []
  const isFirst = match[1] !== undefined
  const timeAt = isFirst ? 0 : words.length - part.length
  const dateAt = isFirst ? match[0].length : 0
  const dateEnd = isFirst ? words.length : match.index
  const cut = (from: number, to: number) => ({
    ...{ text: words.slice(from, to), start: index + from, end: index + to },
  })
  return [
    { kind: 'date', date, ...cut(dateAt, dateEnd) },
    { kind: 'time', time, ...cut(timeAt, timeAt + part.length) },
  ]
}

/** "at 3" is in the afternoon; "3:00" and "3am" say what they mean. */
export function timeOf(words: string, hour: number, minute: number): string {
  const isBare = /^at\s+[1-6]$/i.test(words)
  return [isBare ? (hour % 12) + 12 : hour, minute].map((n) => String(n).padStart(2, '0')).join(':')
}

function isBounded(text: string, { start, end }: { start: number; end: number }): boolean {
  const before = text.charAt(start - 1)
  return /^[\s(,;@\uFFFC]?$/.test(before) && AFTER.test(text.slice(end))
}

/** "1/2 cup" is no date: without a year, slashes and dots need a word before them or stand at the end. */
function isDate(
  words: string,
  text: string,
  { start, end }: { start: number; end: number },
): boolean {
  if (!/^\d{1,2}[/.]\d{1,2}$/.test(words)) return true
  return LEADING.test(textBefore(text, start)) || text.slice(end).trim() === ''
}

const AFTER_TIME = 'on|with|for|in|at|to|about|today|tomorrow|every|next'

/** Neither "chapter 10 am I right" nor "look at 5 flats" has a time: a bare hour is at the end, or before a word that begins another part. */
export function isTime(words: string, text: string, { end }: { end: number }): boolean {
  if (/\d\s+am$/i.test(words) && /^\s+I\b/.test(text.slice(end))) return false
  if (!/^at\s+\d{1,2}$/i.test(words)) return true
  const after = new RegExp(
    `^(?:\\s*$|\\s*[,;.!?${BLANK}]|\\s+(?:[#!]|p[1-4]\\b|(?:${AFTER_TIME})\\b|${WEEKDAY_NAME}))`,
    'i',
  )
  return after.test(text.slice(end))
}
