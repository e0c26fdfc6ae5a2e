import type { Day } from '../dates/day.ts'
import { WEEKDAYS } from './words.ts'

/** The present moment of a person. */
export interface Present {
  readonly now: Date
  /** A zone of the IANA database. */
  readonly timeZone: string
  readonly today: Day
  /** Whether 1/12/2026 is in December. */
  readonly dayFirst: boolean
}

/** A character that no pattern knows, in place of a part that is taken. */
export const BLANK = '\uFFFC'
export const START = `(?<![\\w'’#@/.:+-])`
/** Not "tomorrow's" and not "Monday-Friday". */
export const END = `(?=$|[\\s,;!?)${BLANK}]|[.:](?:\\s|$))`
export const AFTER = new RegExp(`^${END}`)
/** Words before a date that belong to it. */
export const LEADING = /(?:^|(?<=[\s(]))(?:due\s+(?:on|by)?|by|on|starting(?:\s+on)?)\s+$/i

/** Takes a part out of a text, with each character at its place. */
export function blank(part: string): string {
  return BLANK.repeat(part.length)
}

/** "starting on" and the spaces beside it are shorter than this. */
export function textBefore(text: string, start: number): string {
  return text.slice(Math.max(0, start - 20), start)
}

/** A weekday in a pattern. */
export const WEEKDAY_NAME = `(?:${Object.keys(WEEKDAYS).join('|')})`
