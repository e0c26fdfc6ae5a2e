/**
 * A calendar day of no zone, from `0001-01-01` to `9999-12-31`, as PostgreSQL's `date` and RFC 3339 write it.
 * Such dates sort as text.
 */
export type CalendarDate = string

const DAY_MS = 86_400_000

/** @returns the number of days since 1970-01-01, negative before it. */
export const dayOf = (date: CalendarDate): number => Date.parse(`${date}T00:00:00Z`) / DAY_MS

/** @returns the date of a day's number. */
export const dateOf = (day: number): CalendarDate =>
  new Date(day * DAY_MS).toISOString().slice(0, 10)

/**
 * @param month a number of months since January of the year 0, so that months have no gap at the new year.
 * @returns the number of its first day.
 */
export const startOfMonth = (month: number): number =>
  // Unlike Date.UTC, this takes the years 0 to 99 for themselves.
  new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1) / DAY_MS

/** @returns the number of a day's month, as in `startOfMonth`. */
export function monthOf(day: number): number {
  const date = new Date(day * DAY_MS)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

/** Making one takes longer than all else that finds a next date. There are about 600 zones. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatIn(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
    timeZone: zone,
    ...({ year: 'numeric', month: '2-digit', day: '2-digit' } as const),
  })
  formats.set(zone, made)
  return made
}

/**
 * @param instant any instant since 1583. Before that year, Intl counts by the Julian calendar.
 * @param zone a name of IANA's database. Callers check it before they store it.
 * @returns the calendar day in that zone, whatever the clocks there do on that day.
 * @throws {RangeError} if this version of Node does not know the zone.
 */
export function dateInZone(instant: Date, zone: string): CalendarDate {
  const parts = formatIn(zone).formatToParts(instant)
  const part = new Map(parts.map(({ type, value }) => [type, value]))
  const year = String(part.get('year')).padStart(4, '0')
  return `${year}-${part.get('month')}-${part.get('day')}`
}
