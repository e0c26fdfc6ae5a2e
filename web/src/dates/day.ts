import { format } from './formats.ts'

/** A day of the calendar, such as `2026-12-01`, in no time zone. Days sort as texts. */
export type Day = string

const DAY_MS = 86_400_000
const CLOCK: Intl.DateTimeFormatOptions = {
  ...{ calendar: 'iso8601', numberingSystem: 'latn', hourCycle: 'h23' },
  ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
}

/** 0 for Sunday, as `Date` has it. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6
/** The days of the week as RFC 5545 writes them, by {@link Weekday}. */
export const WEEKDAY_CODES: readonly string[] = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA']

export function dayOf(year: number, month: number, date: number): Day {
  const digits = (value: number, length: number) => String(value).padStart(length, '0')
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(date, 2)}`
}

/** @returns year, month from 1, and the day of the month. */
export function partsOf(day: Day): { year: number; month: number; date: number } {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number)
  return { year, month, date }
}

/** @returns the day at midnight UTC, for `Intl` with the time zone UTC. */
export function atMidnight(day: Day): Date {
  return new Date(`${day}T00:00:00Z`)
}

export function addDays(day: Day, days: number): Day {
  return new Date(atMidnight(day).getTime() + days * DAY_MS).toISOString().slice(0, 10)
}

/** @returns the same day of another month, or its last day if it is shorter. */
export function addMonths(day: Day, months: number): Day {
  const { year, month, date } = partsOf(day)
  const at = year * 12 + month - 1 + months
  const [toYear, toMonth] = [Math.floor(at / 12), (at % 12) + 1]
  return dayOf(toYear, toMonth, Math.min(date, daysInMonth(toYear, toMonth)))
}

/** @param month from 1. */
export function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

export function weekdayOf(day: Day): Weekday {
  return atMidnight(day).getUTCDay() as Weekday // it is 0 to 6
}

/** @returns the days from one day to another; negative if the other is earlier. */
export function daysBetween(one: Day, other: Day): number {
  return (atMidnight(other).getTime() - atMidnight(one).getTime()) / DAY_MS
}

/** @returns the day and the time, such as `09:30`, on the clocks of a zone of the IANA database. */
export function clockIn(timeZone: string, now: Date): { day: Day; time: string } {
  const parts = new Map(
    format('en', { ...CLOCK, timeZone })
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  )
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type))
  const time = [part('hour'), part('minute')].map((value) => String(value).padStart(2, '0'))
  return { day: dayOf(part('year'), part('month'), part('day')), time: time.join(':') }
}
