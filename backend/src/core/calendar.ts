/** Whether a text is a day of the Gregorian calendar as `YYYY-MM-DD`, in the years 0001 to 9999. */
export function isCalendarDay(text: string): boolean {
  const [, year = 0, month = 0, day = 0] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)?.map(Number) ?? []
  if (year < 1 || month < 1 || month > 12 || day < 1) return false
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31
  return day <= days
}

const INSTANT =
  /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$/

/** @returns the instant without the digits after its microseconds, which PostgreSQL does not store. */
export const toMicroseconds = (text: string) => text.replace(/(\.\d{6})\d+/, '$1')

/** Whether a text is an instant (RFC 3339), in the years 0001 to 9999, that PostgreSQL can read. */
export function isInstant(text: string): boolean {
  return isCalendarDay(INSTANT.exec(text)?.[1] ?? '')
}
