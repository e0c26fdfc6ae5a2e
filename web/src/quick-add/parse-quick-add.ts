import type { NewTask } from '@todo-backend/client'
import { addDays, clockIn, type Day } from '../dates/day.ts'
import { blank, type Present } from './bounds.ts'
import { type Chip, type Found, keyOf } from './chip.ts'
import { findDates } from './dates.ts'
import { findAfterCompletion, findPatterns, type Pattern, toRule } from './recurrence.ts'
import { PRIORITIES, TONIGHT } from './words.ts'

export type { Chip } from './chip.ts'

export interface QuickAddOptions {
  readonly now: Date
  /** The time zone of the person, a name of the IANA database. */
  readonly timeZone: string
  /** Whether 1/12/2026 is in December; see `isDayFirst`. False if it is left out. */
  readonly dayFirst?: boolean
  /** The keys of chips that the person turned back into text. */
  readonly ignored?: ReadonlySet<string>
}

export interface QuickAdd {
  /** The text without the chips; empty if there is nothing else. */
  readonly title: string
  /** In the order of the text, without overlap. */
  readonly chips: readonly Chip[]
  /** For `Sync.apply`. It has only the members that were typed. */
  readonly task: NewTask
}

/** The server takes titles of 500 characters. A longer text is one title, without chips. */
const LONGEST_TEXT = 1_000
const MOST_TAGS = 20

/** The contents of double quotes and backticks, and addresses, are text. */
const QUOTED = /"[^"]*"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|`[^`]*`/g
const ADDRESS = /\w@\w|:\/\/|^www\./
const TAG = /(?<=^|[\s,;(])#([\p{L}\p{N}_/&-]+)/gu
const PRIORITY = /(?<=^|[\s,;(])(?:![a-z]+|![1-4]|p[1-4])(?=$|[\s,;).!?])/gi

/**
 * Reads what a person types into the field for new tasks, such as `Call Anna tomorrow 9am #work !high every monday`.
 * Of several dates, times, recurrences or priorities the last one counts, and all others are text.
 */
export function parseQuickAdd(text: string, options: QuickAddOptions): QuickAdd {
  const { now, timeZone, dayFirst = false, ignored = new Set<string>() } = options
  const clock = clockIn(timeZone, now)
  const present = { now, timeZone, dayFirst, today: clock.day }
  const { pattern, found } = text.length > LONGEST_TEXT ? NOTHING : find(text, present, ignored)
  const chips = found.map((one) => ({ ...one, key: keyOf(one) }))
  const title = titleOf(text, chips)
  const due = dueOf(chips, pattern, clock)
  const ofKind = <Kind extends Chip['kind']>(kind: Kind) =>
    chips.filter((chip): chip is Extract<Chip, { kind: Kind }> => chip.kind === kind)
  const tags = uniqueTags(ofKind('tag').map(({ tag }) => tag))
  const priority = ofKind('priority').at(-1)?.priority
  const zone = due.time !== undefined && isZone(timeZone) ? { due_zone: timeZone } : {}
  const completion = ofKind('recurrence').some(({ from }) => from === 'completion')
  const task: NewTask = {
    title,
    ...(tags.length > 0 && { tags }),
    ...(priority !== undefined && { priority }),
    ...(due.date !== undefined && { due_date: due.date }),
    ...(due.time !== undefined && { due_time: due.time, ...zone }),
    ...(due.rule !== undefined && {
      recurrence: { rule: due.rule, from: completion ? 'completion' : 'due' },
    }),
  }
  return { title, chips: chips.map((chip) => asStored(chip, due)), task }
}

/** A recurrence can move the date to the first one of its rule. The chips show what the task gets. */
function asStored(chip: Chip, { date, rule }: Due): Chip {
  if (chip.kind === 'recurrence' && chip.rule !== undefined && rule !== undefined)
    return { ...chip, rule }
  const hasDate = chip.kind === 'date' || (chip.kind === 'time' && chip.date !== undefined)
  return hasDate && date !== undefined ? { ...chip, date } : chip
}

interface Parts {
  readonly pattern: Pattern | undefined
  readonly found: readonly Found[]
}
const NOTHING: Parts = { pattern: undefined, found: [] }

/** @returns the parts that become chips, in the order of the text. */
function find(text: string, present: Present, ignored: ReadonlySet<string>): Parts {
  let rest = text
    .replace(QUOTED, blank)
    .replace(/\S+/g, (word) => (ADDRESS.test(word) ? blank(word) : word))
  const found: Found[] = []
  const isIgnored = (one: Found) => ignored.has(keyOf(one))
  const take = (one: Found) => {
    rest = rest.slice(0, one.start) + blank(one.text) + rest.slice(one.end)
  }
  const keep = (one: Found | undefined) => {
    if (one === undefined) return
    found.push(one)
    take(one)
  }

  for (const one of findTags(rest)
    .filter((tag) => !isIgnored(tag))
    .slice(0, MOST_TAGS))
    keep(one)
  keep(
    findPriorities(rest)
      .filter((one) => !isIgnored(one))
      .at(-1),
  )

  const patterns = findPatterns(rest).map(({ pattern, fromCompletion, start, end }) => {
    const { rule } = toRule(pattern, present.today)
    const from = fromCompletion ? ({ from: 'completion' } as const) : {}
    const one: Found = {
      kind: 'recurrence',
      rule,
      ...from,
      text: text.slice(start, end),
      start,
      end,
    }
    return { pattern, one }
  })
  const recurring = patterns.filter(({ one }) => !isIgnored(one)).at(-1)
  // The words of a recurrence that is not taken are no date either.
  for (const { one } of patterns) take(one)
  if (recurring !== undefined) {
    found.push(recurring.one)
    keep(
      findAfterCompletion(rest)
        .filter((one) => !isIgnored(one))
        .at(-1),
    )
  }

  const dates = findDates(rest, present).filter(
    (one) => !isIgnored(one) && !(isTonight(one) && isIgnored(tonightAt(one))),
  )
  const longest = withoutAlternatives(withoutOverlaps(dates), rest)
  if (recurring !== undefined) keep(longest.filter((one) => one.kind === 'recurrence').at(-1))
  const time = longest.filter((one) => one.kind === 'time').at(-1)
  const namesDate = time?.kind === 'time' && time.date !== undefined
  const date = namesDate ? undefined : longest.filter((one) => one.kind === 'date').at(-1)
  const isTimeless = time === undefined && clockIn(present.timeZone, present.now).time < TONIGHT
  keep(date && isTonight(date) && isTimeless ? tonightAt(date) : date)
  keep(time)
  found.sort((one, other) => one.start - other.start)
  return { pattern: recurring?.pattern, found }
}

function isTonight(one: Found): one is Extract<Found, { kind: 'date' }> {
  return one.kind === 'date' && /tonight$/i.test(one.text)
}

/** "tonight" is a time as well, unless the text has another one or the time is over. */
function tonightAt({ date, text, start, end }: Extract<Found, { kind: 'date' }>): Found {
  return { kind: 'time', time: TONIGHT, date, text, start, end }
}

function findTags(text: string): Found[] {
  const tags: Found[] = []
  for (const { 0: words, 1: name = '', index } of text.matchAll(TAG)) {
    const tag = name.replace(/[/&-]+$/, '').normalize('NFC')
    // "#12" is the number of something.
    if (tag === '' || [...tag].length > 50 || !/\p{L}/u.test(tag)) continue
    const end = index + words.length - (name.length - name.replace(/[/&-]+$/, '').length)
    tags.push({ kind: 'tag', tag, text: text.slice(index, end), start: index, end })
  }
  return tags
}

function findPriorities(text: string): Found[] {
  const found: Found[] = []
  for (const { 0: words, index } of text.matchAll(PRIORITY)) {
    const priority = PRIORITIES[words.toLowerCase()]
    if (priority === undefined) continue
    found.push({ kind: 'priority', priority, text: words, start: index, end: index + words.length })
  }
  return found
}

/** Of parts that overlap, the longest stays. @returns them in the order of the text. */
function withoutOverlaps(all: readonly Found[]): Found[] {
  const kept: Found[] = []
  for (const one of [...all].sort((a, b) => b.text.length - a.text.length)) {
    if (kept.every(({ start, end }) => one.end <= start || end <= one.start)) kept.push(one)
  }
  return kept.sort((one, other) => one.start - other.start)
}

/** "8am and 8pm" and "Dec 4 or Dec 5" are no due date. */
function withoutAlternatives(all: readonly Found[], text: string): Found[] {
  const isBeside = (one: Found, next: Found | undefined) =>
    next?.kind === one.kind &&
    /^\s*(?:[&/,–-]|and|or|to|till)\s*$/i.test(text.slice(one.end, next.start))
  return all.filter((one, at) => {
    const before = all[at - 1]
    return !isBeside(one, all[at + 1]) && !(before && isBeside(before, one))
  })
}

interface Due {
  readonly date?: Day | undefined
  readonly time?: string | undefined
  readonly rule?: string | undefined
}

/** A time without a date is the next one; the first date of a recurrence is one of its rule. */
function dueOf(
  chips: readonly Chip[],
  pattern: Pattern | undefined,
  clock: { day: Day; time: string },
): Due {
  const timed = chips.find((chip) => chip.kind === 'time')
  const dated = chips.find((chip) => chip.kind === 'date')
  const time = timed?.time
  const isOver = time !== undefined && time <= clock.time
  const named = timed?.date ?? dated?.date
  const start = named ?? (isOver ? addDays(clock.day, 1) : clock.day)
  if (pattern === undefined)
    return { date: named ?? (time === undefined ? undefined : start), time }
  const { rule, first } = toRule(pattern, start)
  const until = chips.find((chip) => chip.kind === 'recurrence' && chip.until !== undefined)
  const last = until?.kind === 'recurrence' ? until.until : undefined
  const bound = last !== undefined && last >= first ? `;UNTIL=${last.replaceAll('-', '')}` : ''
  return { date: first, time, rule: rule + bound }
}

function titleOf(text: string, chips: readonly Chip[]): string {
  let title = ''
  let at = 0
  for (const { start, end } of chips) {
    title += `${text.slice(at, start)} `
    at = end
  }
  const rest = (title + text.slice(at)).replace(/\s+/g, ' ')
  if (chips.length === 0) return rest.trim()
  // A comma before a chip has lost what it separates.
  return rest
    .replace(/\(\s*\)/g, '')
    .replace(/\s+([,;.!?])(?=\s|$)/g, '$1')
    .replace(/^[\s.,;:–-]+|[\s,;:–-]+$/g, '')
}

/** The first spelling counts, as on the server. */
function uniqueTags(tags: readonly string[]): string[] {
  const seen = new Set<string>()
  return tags.filter((tag) => {
    const folded = tag.toLowerCase()
    if (seen.has(folded)) return false
    seen.add(folded)
    return true
  })
}

/** Browsers without a zone of the IANA database have an offset, which the server refuses. */
function isZone(name: string): boolean {
  return name === 'UTC' || /^[A-Z][\w+-]*\/[\w/+-]+$/i.test(name)
}
