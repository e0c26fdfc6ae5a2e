/** The texts around dates. `Intl` has the names of days and months in every language. */
export interface DateWords {
  readonly today: string
  readonly tomorrow: string
  readonly yesterday: string
  readonly everyDay: (interval: number) => string
  readonly everyWeekday: string
  readonly everyWeekend: string
  /** @param days such as "Monday and Friday"; null if the rule names none. */
  readonly everyWeek: (interval: number, days: string | null) => string
  /** @param on the results of the functions below, joined; null if the rule names no day. */
  readonly everyMonth: (interval: number, on: string | null) => string
  readonly dateOfMonth: (date: number) => string
  readonly lastDay: string
  readonly lastDayOfMonth: string
  /** @param position from 1; negative from the end of the month. */
  readonly weekdayOfMonth: (position: number, weekday: string) => string
  readonly workdayOfMonth: (position: number) => string
  /** @param date such as "5 January"; null if the rule names none. */
  readonly everyYear: (interval: number, date: string | null) => string
  readonly until: (recurrence: string, date: string) => string
  readonly times: (recurrence: string, count: number) => string
  readonly afterCompletion: (recurrence: string) => string
}

const unit = (name: string, interval: number) =>
  interval === 1 ? `Every ${name}` : `Every ${interval} ${name}s`

const ordinals = new Intl.PluralRules('en', { type: 'ordinal' })
const SUFFIXES: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd', other: 'th' }
const ordinal = (n: number) => `${n}${SUFFIXES[ordinals.select(n)]}`
const POSITIONS = ['', 'first', 'second', 'third', 'fourth', 'fifth']

function position(at: number): string {
  if (at === -1) return 'last'
  return at < 0 ? `${ordinal(-at)} to last` : (POSITIONS[at] ?? ordinal(at))
}

export const englishDates: DateWords = {
  today: 'Today',
  tomorrow: 'Tomorrow',
  yesterday: 'Yesterday',
  everyDay: (interval) => unit('day', interval),
  everyWeekday: 'Every weekday',
  everyWeekend: 'Every weekend',
  everyWeek: (interval, days) => {
    if (days === null) return unit('week', interval)
    return interval === 1 ? `Every ${days}` : `${unit('week', interval)} on ${days}`
  },
  everyMonth: (interval, on) => {
    if (on === null) return unit('month', interval)
    return `${unit('month', interval)} on the ${on}`
  },
  dateOfMonth: ordinal,
  lastDay: 'last day',
  lastDayOfMonth: 'Last day of the month',
  weekdayOfMonth: (at, weekday) => `${position(at)} ${weekday}`,
  workdayOfMonth: (at) => `${position(at)} weekday`,
  everyYear: (interval, date) =>
    date === null ? unit('year', interval) : `${unit('year', interval)} on ${date}`,
  until: (recurrence, date) => `${recurrence}, until ${date}`,
  times: (recurrence, count) => `${recurrence}, ${count === 1 ? 'once' : `${count} times`}`,
  afterCompletion: (recurrence) => `${recurrence}, after completion`,
}
