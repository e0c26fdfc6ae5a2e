/** A time on the clocks of a zone, as `YYYY-MM-DDTHH:MM`, and the first instant at which they show it, in UTC. */
export interface ClockTime {
  readonly zone: string
  readonly clock: string
  readonly first: string
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** @returns times around each change of a zone's clocks in these years, by the data of Node. */
export function clocksAround(zone: string, firstYear: number, lastYear: number): ClockTime[] {
  const offset = offsetsOf(zone)
  const found: ClockTime[] = []
  for (let day = Date.UTC(firstYear, 0, 1); day < Date.UTC(lastYear + 1, 0, 1); day += DAY_MS) {
    if (offset(day) === offset(day + DAY_MS)) continue
    let [before, after] = [day, day + DAY_MS]
    while (after - before > MINUTE_MS) {
      const middle = Math.floor((before + after) / 2 / MINUTE_MS) * MINUTE_MS
      if (offset(middle) === offset(day)) before = middle
      else after = middle
    }
    const [earlier, later] = [offset(before), offset(after)]
    for (let minutes = -130; minutes <= 130; minutes += 10) {
      const clock = after + Math.min(earlier, later) + minutes * MINUTE_MS
      const instants = [clock - earlier, clock - later].filter((at) => at + offset(at) === clock)
      // A skipped time is moved forward by the length of the gap, as with the offset from before it.
      const first = instants.length === 0 ? clock - earlier : Math.min(...instants)
      found.push({ zone, clock: textOf(clock), first: textOf(first) })
    }
  }
  return found
}

const textOf = (ms: number) => new Date(ms).toISOString().slice(0, 16)

/** @returns a function that gives the offset from UTC at an instant, in milliseconds. */
function offsetsOf(zone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
  const known = new Map<number, number>()
  return (ms) => {
    const kept = known.get(ms)
    if (kept !== undefined) return kept
    const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign = '+', hours = 0, minutes = 0] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? []
    const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS * (sign === '-' ? -1 : 1)
    known.set(ms, offset)
    return offset
  }
}
