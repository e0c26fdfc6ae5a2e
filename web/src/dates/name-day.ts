import { atMidnight, type Day, daysBetween, partsOf } from './day.ts'
import { format } from './formats.ts'
import { type DateWords, englishDates } from './words.ts'

export interface Naming {
  /** A tag of BCP 47, such as `en-GB`, for the names and the order of days and months. */
  readonly language: string
  readonly words?: DateWords
}

/** @returns such as "Today", "Monday" for the days of a week ahead, "Tue 8 Dec", and "8 Dec 2027" in another year. */
export function nameDay(day: Day, today: Day, { language, words = englishDates }: Naming): string {
  const ahead = daysBetween(today, day)
  if (ahead === 0) return words.today
  if (ahead === 1) return words.tomorrow
  if (ahead === -1) return words.yesterday
  return format(language, formOf(ahead, partsOf(day).year === partsOf(today).year)).format(
    atMidnight(day),
  )
}

function formOf(ahead: number, isThisYear: boolean): Intl.DateTimeFormatOptions {
  if (ahead > 0 && ahead < 7) return { weekday: 'long' }
  const date = { day: 'numeric', month: 'short' } as const
  return isThisYear ? { ...date, weekday: 'short' } : { ...date, year: 'numeric' }
}

/** @returns such as "Monday, November 30", for a heading. */
export function nameDayInFull(day: Day, { language }: Naming): string {
  const form = { weekday: 'long', day: 'numeric', month: 'long' } as const
  return format(language, form).format(atMidnight(day))
}

/** @returns such as "November 30". */
export function nameDate(day: Day, { language }: Naming): string {
  return format(language, { day: 'numeric', month: 'long' }).format(atMidnight(day))
}

/** @returns whether the language writes the day before the month, as in 30/11/2026. */
export function isDayFirst(language: string): boolean {
  const options = { day: 'numeric', month: 'numeric', year: 'numeric' } as const
  const parts = format(language, options)
    .formatToParts(0)
    .map(({ type }) => type)
  return parts.indexOf('day') < parts.indexOf('month')
}

/** @param time such as `09:30`. @returns such as "9:30 AM" or "09:30", as the language has it. */
export function nameTime(time: string, { language }: Naming): string {
  return format(language, { timeStyle: 'short' }).format(new Date(`1970-01-01T${time}Z`))
}
