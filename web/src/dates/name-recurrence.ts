import { addDays, atMidnight, dayOf, WEEKDAY_CODES } from './day.ts'
import { format, listFormat } from './formats.ts'
import { type Naming, nameDay } from './name-day.ts'
import { type DateWords, englishDates } from './words.ts'

interface Recurrence {
  /** An RRULE as the server sends it. */
  readonly rule: string
  readonly from: 'due' | 'completion'
}

const WORKDAYS = 'FR,MO,TH,TU,WE'
/** The parts that the names below account for; a rule with any other one is shown as it is. */
const KNOWN = ['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'BYMONTH', 'BYSETPOS', 'COUNT', 'UNTIL']
const WITHOUT_NAME = ['WKST', 'RSCALE', 'SKIP']

/** @returns such as "Every Monday" or "Every month on the last day"; the rule itself if it has no simple name. */
export function nameRecurrence({ rule, from }: Recurrence, naming: Naming): string {
  const words = naming.words ?? englishDates
  const parts = new Map(rule.split(';').map((part) => part.split('=', 2) as [string, string]))
  const isKnown = [...parts.keys()].every(
    (name) => KNOWN.includes(name) || WITHOUT_NAME.includes(name),
  )
  const name = isKnown ? nameRule(parts, words, naming.language) : null
  if (name === null) return rule
  const bounded = withEnd(name, parts, words, naming)
  return from === 'completion' ? words.afterCompletion(bounded) : bounded
}

type Parts = ReadonlyMap<string, string>

function nameRule(parts: Parts, words: DateWords, language: string): string | null {
  const interval = Number(parts.get('INTERVAL') ?? 1)
  const has = (...names: string[]) => names.some((name) => parts.has(name))
  switch (parts.get('FREQ')) {
    case 'DAILY':
      return has('BYDAY', 'BYMONTHDAY', 'BYMONTH', 'BYSETPOS') ? null : words.everyDay(interval)
    case 'WEEKLY':
      if (has('BYMONTH', 'BYSETPOS')) return null
      return nameWeekly(parts.get('BYDAY'), interval, words, language)
    case 'MONTHLY':
      return has('BYMONTH') ? null : nameMonthly(parts, interval, words, language)
    case 'YEARLY':
      return has('BYDAY', 'BYSETPOS') ? null : nameYearly(parts, interval, words, language)
    default:
      return null
  }
}

function nameWeekly(
  byDay: string | undefined,
  interval: number,
  words: DateWords,
  language: string,
): string | null {
  if (byDay === undefined) return words.everyWeek(interval, null)
  const codes = byDay.split(',')
  const sorted = [...codes].sort().join(',')
  if (interval === 1 && sorted === WORKDAYS) return words.everyWeekday
  if (interval === 1 && sorted === 'SA,SU') return words.everyWeekend
  const names = codes.map((code) => nameWeekday(code, language))
  return names.includes(null) ? null : words.everyWeek(interval, join(names, language))
}

function nameMonthly(
  parts: Parts,
  interval: number,
  words: DateWords,
  language: string,
): string | null {
  const [byDay, byMonthDay, bySetPos] = ['BYDAY', 'BYMONTHDAY', 'BYSETPOS'].map((name) =>
    parts.get(name),
  )
  if (byDay === undefined) {
    if (bySetPos !== undefined) return null
    if (byMonthDay === undefined) return words.everyMonth(interval, null)
    if (byMonthDay === '-1' && interval === 1) return words.lastDayOfMonth
    const dates = byMonthDay.split(',').map(Number)
    if (dates.some((date) => date < -1)) return null
    const names = dates.map((date) => (date === -1 ? words.lastDay : words.dateOfMonth(date)))
    return words.everyMonth(interval, join(names, language))
  }
  if (byMonthDay !== undefined) return null
  if (bySetPos !== undefined) {
    const isWorkday = byDay.split(',').sort().join(',') === WORKDAYS && /^-?\d+$/.test(bySetPos)
    return isWorkday ? words.everyMonth(interval, words.workdayOfMonth(Number(bySetPos))) : null
  }
  const names = byDay.split(',').map((day) => {
    const [, position, code = ''] = /^([+-]?\d+)(\w\w)$/.exec(day) ?? []
    const weekday = nameWeekday(code, language)
    return weekday && position ? words.weekdayOfMonth(Number(position), weekday) : null
  })
  return names.includes(null) ? null : words.everyMonth(interval, join(names, language))
}

function nameYearly(
  parts: Parts,
  interval: number,
  words: DateWords,
  language: string,
): string | null {
  const [month, date] = [parts.get('BYMONTH'), parts.get('BYMONTHDAY')]
  if (month === undefined && date === undefined) return words.everyYear(interval, null)
  if (!/^\d+$/.test(month ?? '') || !/^\d+$/.test(date ?? '')) return null
  // A leap year has every date.
  const day = atMidnight(dayOf(2024, Number(month), Number(date)))
  return words.everyYear(interval, format(language, { day: 'numeric', month: 'long' }).format(day))
}

function nameWeekday(code: string, language: string): string | null {
  const weekday = WEEKDAY_CODES.indexOf(code)
  // 2023-01-01 was a Sunday.
  const day = atMidnight(addDays('2023-01-01', weekday))
  return weekday < 0 ? null : format(language, { weekday: 'long' }).format(day)
}

function withEnd(name: string, parts: Parts, words: DateWords, naming: Naming): string {
  const count = parts.get('COUNT')
  if (count !== undefined) return words.times(name, Number(count))
  const [, year, month, date] = /^(\d{4})(\d\d)(\d\d)/.exec(parts.get('UNTIL') ?? '') ?? []
  if (year === undefined) return name
  const day = dayOf(Number(year), Number(month), Number(date))
  // Years before 0001 are no days: the end always has its year.
  return words.until(name, nameDay(day, '0001-01-01', naming))
}

function join(names: readonly (string | null)[], language: string): string {
  const all = names.filter((name) => name !== null)
  return listFormat(language).format(all)
}
