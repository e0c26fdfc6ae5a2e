import { isCalendarDay } from '../calendar.ts'

/** The longest rule that a client may send. Every check takes time in proportion to it. */
const RULE_CHARACTERS = 200

/** The days of the week, in the order of ISO 8601. */
export const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const
export type Weekday = (typeof WEEKDAYS)[number]

const FREQUENCIES = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const
export type Frequency = (typeof FREQUENCIES)[number]

/** A recurrence rule (RFC 5545 section 3.3.10, RFC 7529) on dates. */
export interface Rule {
  readonly frequency: Frequency
  readonly interval: number
  /** A position counts within the month or the year, negative from its end. Without it: each such day. */
  readonly byDay: readonly { readonly position?: number; readonly weekday: Weekday }[]
  /** 1 to 31, or -1 to -31 from the end of the month. */
  readonly byMonthDay: readonly number[]
  readonly byMonth: readonly number[]
  readonly bySetPos: readonly number[]
  /** How many occurrences the series has, with the first. */
  readonly count?: number
  /** The last date on which an occurrence may be: `YYYY-MM-DD`. */
  readonly until?: string
  readonly weekStart: Weekday
  /** SKIP=BACKWARD: a day that the month lacks is its last day. Otherwise the month has no such date. */
  readonly skipsBackward: boolean
}

export type ParsedRule =
  | { readonly outcome: 'rule'; readonly rule: Rule }
  /** The reason is a sentence for the validation error. It contains nothing that the client sent. */
  | { readonly outcome: 'refused'; readonly reason: string }

const LIST_PARTS = ['BYDAY', 'BYMONTHDAY', 'BYMONTH', 'BYSETPOS'] as const
const PARTS = new Set<string>([
  ...['FREQ', 'INTERVAL', ...LIST_PARTS, 'COUNT', 'UNTIL', 'WKST', 'RSCALE', 'SKIP'],
])

/** Caught in `parseRule` alone. */
class Refusal extends Error {}

function refuse(reason: string): never {
  throw new Refusal(reason)
}

function splitParts(text: string): Map<string, string> {
  if (text.length > RULE_CHARACTERS) refuse(`A rule has at most ${RULE_CHARACTERS} characters.`)
  if (!/^[A-Z0-9=;,+-]+$/.test(text)) {
    refuse('A rule consists of upper-case letters, digits and the characters = ; , + and -.')
  }
  const parts = new Map<string, string>()
  for (const part of text.split(';')) {
    const [name = '', value = '', ...more] = part.split('=')
    if (value === '' || more.length > 0) refuse('Write each part of a rule as NAME=VALUE.')
    if (!PARTS.has(name)) refuse(`A rule may have these parts: ${[...PARTS].join(', ')}.`)
    if (parts.has(name)) refuse(`A rule may have ${name} once.`)
    parts.set(name, value)
  }
  return parts
}

function wholeNumber(name: string, value: string, most: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : 0
  if (number < 1 || number > most) refuse(`${name} must be a whole number from 1 to ${most}.`)
  return number
}

/** Whole numbers without 0, each at most `most` from either side of it. */
function signedNumbers(name: string, value: string | undefined, most: number): number[] {
  if (value === undefined) return []
  return value.split(',').map((item) => {
    const number = /^[+-]?\d+$/.test(item) ? Number(item) : 0
    if (number === 0 || Math.abs(number) > most) {
      refuse(`${name} must list whole numbers from 1 to ${most} or from -${most} to -1.`)
    }
    return number
  })
}

function oneOf<Value extends string>(name: string, value: string, values: readonly Value[]): Value {
  return values.find((one) => one === value) ?? refuse(`${name} must be ${values.join(', ')}.`)
}

function days(value: string | undefined): Rule['byDay'] {
  if (value === undefined) return []
  return value.split(',').map((item) => {
    const [, position, name = ''] = /^([+-]?\d+)?([A-Z]{2})$/.exec(item) ?? []
    const weekday = oneOf('Each day of BYDAY', name, WEEKDAYS)
    if (position === undefined) return { weekday }
    const [number = 0] = signedNumbers('The numbers in BYDAY', position, 53)
    return { position: number, weekday }
  })
}

function untilDate(value: string): string {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(value) ?? []
  const date = `${year}-${month}-${day}`
  return isCalendarDay(date) ? date : refuse('UNTIL must be a date without a time: YYYYMMDD.')
}

/** The combinations that RFC 5545 and RFC 7529 forbid. */
function checkCombinations(parts: ReadonlyMap<string, string>, { frequency, byDay }: Rule): void {
  if (parts.has('COUNT') && parts.has('UNTIL')) refuse('A rule has COUNT or UNTIL, not both.')
  if (frequency === 'WEEKLY' && parts.has('BYMONTHDAY')) {
    refuse('A WEEKLY rule must not have BYMONTHDAY.')
  }
  if (
    (frequency === 'DAILY' || frequency === 'WEEKLY') &&
    byDay.some(({ position }) => position !== undefined)
  ) {
    refuse('A number before a day in BYDAY needs FREQ=MONTHLY or FREQ=YEARLY.')
  }
  const selects = LIST_PARTS.some((name) => name !== 'BYSETPOS' && parts.has(name))
  if (parts.has('BYSETPOS') && !selects) refuse('BYSETPOS needs BYDAY, BYMONTHDAY or BYMONTH.')
  const calendar = [parts.get('RSCALE'), parts.get('SKIP')].join(' ')
  if (calendar !== ' ' && calendar !== 'GREGORIAN BACKWARD') {
    refuse('RSCALE and SKIP must be RSCALE=GREGORIAN;SKIP=BACKWARD, both or neither.')
  }
}

function readRule(text: string): Rule {
  const parts = splitParts(text)
  const count = parts.get('COUNT')
  const until = parts.get('UNTIL')
  const byMonth = parts.get('BYMONTH')?.split(',') ?? []
  const rule: Rule = {
    frequency: oneOf('FREQ', parts.get('FREQ') ?? '', FREQUENCIES),
    interval: wholeNumber('INTERVAL', parts.get('INTERVAL') ?? '1', 999),
    byDay: days(parts.get('BYDAY')),
    byMonthDay: signedNumbers('BYMONTHDAY', parts.get('BYMONTHDAY'), 31),
    byMonth: byMonth.map((month) => wholeNumber('Each month of BYMONTH', month, 12)),
    bySetPos: signedNumbers('BYSETPOS', parts.get('BYSETPOS'), 366),
    ...(count !== undefined && { count: wholeNumber('COUNT', count, 1_000) }),
    ...(until !== undefined && { until: untilDate(until) }),
    weekStart: oneOf('WKST', parts.get('WKST') ?? 'MO', WEEKDAYS),
    skipsBackward: parts.has('SKIP'),
  }
  checkCombinations(parts, rule)
  return rule
}

/**
 * Reads a rule without `RRULE:` and checks everything that does not depend on a date. `comes` checks with the
 * first date of the series that the rule comes at all.
 *
 * @param text sent by a client, of any length and with any characters.
 * @returns the rule, or the reason why it is refused. Throws nothing.
 */
export function parseRule(text: string): ParsedRule {
  try {
    return { outcome: 'rule', rule: readRule(text) }
  } catch (error) {
    if (error instanceof Refusal) return { outcome: 'refused', reason: error.message }
    throw error
  }
}
