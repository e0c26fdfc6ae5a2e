import type { Weekday } from '../dates/day.ts'
import type { Priority } from './chip.ts'

/** The English words of quick add. chrono-node has those of dates with a month. */
export const WEEKDAYS: Readonly<Record<string, Weekday>> = {
  ...{ sunday: 0, sun: 0, monday: 1, mon: 1, tuesday: 2, tues: 2, tue: 2 },
  ...{ wednesday: 3, wed: 3, thursday: 4, thurs: 4, thur: 4, thu: 4 },
  ...{ friday: 5, fri: 5, saturday: 6, sat: 6 },
}
/** They mean something else as often, so that they need a word or a time beside them. */
export const AMBIGUOUS_WEEKDAYS: readonly string[] = ['sun', 'wed', 'sat']

export const MONTHS: readonly string[] = [
  ...['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
]

export const NUMBERS: Readonly<Record<string, number>> = {
  ...{ a: 1, an: 1, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8 },
  ...{ nine: 9, ten: 10, eleven: 11, twelve: 12 },
}
/** `other` is the second; `last` counts from the end. */
export const ORDINALS: Readonly<Record<string, number>> = {
  ...{ first: 1, second: 2, third: 3, fourth: 4, fifth: 5, last: -1 },
}

export const PRIORITIES: Readonly<Record<string, Priority>> = {
  ...{ '!high': 'high', '!medium': 'medium', '!med': 'medium', '!low': 'low', '!none': 'none' },
  ...{ '!1': 'high', '!2': 'medium', '!3': 'low', '!4': 'none' },
  ...{ p1: 'high', p2: 'medium', p3: 'low', p4: 'none' },
}

export const TONIGHT = '20:00'
/** The times that parts of a day stand for. */
export const DAY_PARTS: Readonly<Record<string, string>> = {
  ...{ morning: '09:00', afternoon: '15:00', evening: '18:00', night: '21:00' },
}
