import { type Day, dayOf, partsOf } from '../dates/day.ts'
import { nameDate, nameDay, nameDayInFull, nameTime } from '../dates/name-day.ts'
import { englishDates } from '../dates/words.ts'
import { LOCALE, strings } from '../strings.ts'

const naming = { language: LOCALE, words: { ...englishDates, ...strings.days } }

/** @returns the day in the time zone of the device. */
export function dayHere(date: Date): Day {
  return dayOf(date.getFullYear(), date.getMonth() + 1, date.getDate())
}

/** @returns the day of an instant of the server. */
export function dayOfInstant(instant: string): Day {
  return dayHere(new Date(instant))
}

/** @returns the first instant of a day on this device, and that of the next one, as the server writes instants. */
export function instantsOf(day: Day): { begin: string; end: string } {
  const { year, month, date } = partsOf(day)
  const midnight = (offset: number) => new Date(year, month - 1, date + offset).toISOString()
  return { begin: midnight(0), end: midnight(1) }
}

/** @returns the day as a person says it. */
export function sayDay(day: Day, today: Day): string {
  return nameDay(day, today, naming)
}

/** @returns the day with its weekday and month, for a heading. */
export function sayLongDay(day: Day): string {
  return nameDayInFull(day, naming)
}

/** @returns the time as the region writes it. */
export function sayTime(time: string): string {
  return nameTime(time, naming)
}

/** @returns the day without its weekday. */
export function sayDate(day: Day): string {
  return nameDate(day, naming)
}
