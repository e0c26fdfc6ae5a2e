import type { Recurrence } from './state.ts'

const DAY_MS = 86_400_000
const dayOf = (date: string) => Date.parse(date) / DAY_MS
const dateOf = (day: number) => new Date(day * DAY_MS).toISOString().slice(0, 10)

/** The zones of the model, which never change their clocks. */
const OFFSETS_MINUTES: Readonly<Record<string, number>> = { UTC: 0, 'Asia/Kolkata': 330 }
const offsetOf = (zone: string | null) => (OFFSETS_MINUTES[zone ?? 'UTC'] ?? 0) * 60_000

interface Due {
  readonly due_date: string | null
  readonly due_time: string | null
  readonly due_zone: string | null
}

export function dueAt({ due_date, due_time, due_zone }: Due): string | null {
  if (due_zone === null) return null
  return new Date(Date.parse(`${due_date}T${due_time}Z`) - offsetOf(due_zone)).toISOString()
}

/** The rules of the model come every so many days; that is all its dates need. */
export const RULES: readonly string[] = [
  'FREQ=DAILY',
  'FREQ=DAILY;COUNT=2',
  'FREQ=WEEKLY',
  'FREQ=DAILY;INTERVAL=2;UNTIL=22010204',
  'FREQ=DAILY;COUNT=3',
]

export interface Occurrence {
  readonly recurrence: Recurrence
  readonly zone: string | null
  readonly due: string
  readonly start: string
  readonly date: string
  readonly number: number
}

/** The date of the next occurrence by the contract (specification, Recurrence), counted day by day. */
export function dateAfter(occurrence: Occurrence, now: number): string | undefined {
  const { recurrence, zone, due, start, date, number } = occurrence
  const part = (name: string) =>
    new RegExp(`${name}=(\\w+)`).exec(recurrence.rule)?.[1] ?? undefined
  const [count, until] = [part('COUNT'), part('UNTIL')]
  if (count !== undefined && number >= Number(count)) return undefined
  const today = dateOf(Math.floor((now + offsetOf(zone)) / DAY_MS))
  const step = Number(part('INTERVAL') ?? 1) * (part('FREQ') === 'WEEKLY' ? 7 : 1)
  const [first, passed] =
    recurrence.from === 'due'
      ? [start, [start, due, date, today].sort().at(-1) ?? start]
      : [today, today]
  let day = dayOf(first)
  while (day <= dayOf(passed)) day += step
  const next = dateOf(day)
  return until !== undefined && next.replaceAll('-', '') > until ? undefined : next
}
