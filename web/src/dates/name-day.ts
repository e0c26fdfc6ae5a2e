import { atMidnight, type Day, daysBetween, partsOf } from './day.ts'
import { type DateWords, englishDates } from './words.ts'

export interface Naming {
  /** A tag of BCP 47, such as `en-GB`, for the names and the order of days and months. */
  readonly language: string
  readonly words?: DateWords
}

/** @returns such as "Today", "Tomorrow", "Mon 30 Nov", and with the year if it is another one. */
export function nameDay(day: Day, today: Day, { language, words = englishDates }: Naming): string {
  const ahead = daysBetween(today, day)
  if (ahead === 0) return words.today
  if (ahead === 1) return words.tomorrow
  if (ahead === -1) return words.yesterday
  const isThisYear = partsOf(day).year === partsOf(today).year
  return format(language, {
    ...{ weekday: 'short', day: 'numeric', month: 'short' },
    ...(!isThisYear && { year: 'numeric' }),
  }).format(atMidnight(day))
}

/** @returns such as "Monday, 30 November 2026", for screen readers and titles. */
export function nameDayInFull(day: Day, { language }: Naming): string {
  return format(language, { dateStyle: 'full' }).format(atMidnight(day))
}

/** @param time such as `09:30`. @returns such as "9:30 AM" or "09:30", as the language writes it. */
export function nameTime(time: string, { language }: Naming): string {
  return format(language, { timeStyle: 'short' }).format(new Date(`2000-01-01T${time}:00Z`))
}

/** @returns the day with the time, if there is one. */
export function nameDue(day: Day, time: string | null, today: Day, naming: Naming): string {
  const name = nameDay(day, today, naming)
  return time === null ? name : (naming.words ?? englishDates).at(name, nameTime(time, naming))
}

/** @returns whether the language writes the day before the month, as in 30/11/2026. */
export function isDayFirst(language: string): boolean {
  const options = { day: 'numeric', month: 'numeric', year: 'numeric' } as const
  const parts = format(language, options)
    .formatToParts(0)
    .map(({ type }) => type)
  return parts.indexOf('day') < parts.indexOf('month')
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** To make a format costs a hundred times as much as to use it. */
export function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([language, options])
  const known = formats.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat(language, { timeZone: 'UTC', ...options })
  formats.set(key, made)
  return made
}
