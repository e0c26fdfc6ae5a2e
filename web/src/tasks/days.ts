import { LOCALE, strings } from '../strings.ts'

/** A calendar day, such as `2026-12-01`; days compare as text. */
export type Day = string

/** @returns the day that a clock on the wall shows. */
export function dayOf(date: Date): Day {
  const pad = (n: number) => String(n).padStart(2, '0')
  return `${String(date.getFullYear()).padStart(4, '0')}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
}

/** @returns the same day at noon, local time: no change of the clock moves it to another day. */
export function dateOf(day: Day): Date {
  const [year = 1, month = 1, date = 1] = day.split('-').map(Number)
  const noon = new Date(2000, month - 1, date, 12)
  noon.setFullYear(year, month - 1, date)
  return noon
}

export function addDays(day: Day, count: number): Day {
  const date = dateOf(day)
  date.setDate(date.getDate() + count)
  return dayOf(date)
}

const WEEKDAY = new Intl.DateTimeFormat(LOCALE, { weekday: 'long' })
const SHORT = new Intl.DateTimeFormat(LOCALE, { weekday: 'short', day: 'numeric', month: 'short' })
const WITH_YEAR = new Intl.DateTimeFormat(LOCALE, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
})
const DATE = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'long' })
const LONG = new Intl.DateTimeFormat(LOCALE, { weekday: 'long', day: 'numeric', month: 'long' })

/** @returns the day as a person says it: "Today", "Monday", "Tue, Dec 1", "Dec 1, 2027". */
export function sayDay(day: Day, today: Day): string {
  if (day === today) return strings.days.today
  if (day === addDays(today, 1)) return strings.days.tomorrow
  if (day === addDays(today, -1)) return strings.days.yesterday
  if (day > today && day < addDays(today, 7)) return WEEKDAY.format(dateOf(day))
  return (day.slice(0, 4) === today.slice(0, 4) ? SHORT : WITH_YEAR).format(dateOf(day))
}

/** @returns the day with its weekday and month, for a heading. */
export function sayLongDay(day: Day): string {
  return LONG.format(dateOf(day))
}

/** @returns the day without its weekday. */
export function sayDate(day: Day): string {
  return DATE.format(dateOf(day))
}

/** @returns the day of an instant of the server. */
export function dayOfInstant(instant: string): Day {
  return dayOf(new Date(instant))
}
