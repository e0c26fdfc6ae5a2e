import { isInstant } from '../../core/calendar.ts'
import { fold } from '../../core/fold.ts'
import { versionOf } from '../json.ts'
import { arrayOf } from './filters.ts'

/**
 * An order of tasks that no index has. Equal tasks are in the order of their ids. A position in the order is the
 * key of a task and its id. `$3` is the key, or null; `$4` the id, or null at the
 * beginning of the list.
 */
export interface Sort {
  /** The columns of the task that the values and the condition read, beside the id. */
  readonly columns: readonly string[]
  /** The values of the order as SQL, the most important one first. The key is the text of the last one. */
  readonly values: readonly string[]
  readonly direction: 'asc' | 'desc'
  /** Whether tasks with greater ids are usually the first ones. PostgreSQL keeps fewer tasks if it finds those early. */
  readonly newestFirst?: boolean
  /** An SQL condition for the tasks after the position, if their keys differ or their ids do. */
  readonly after: string
  /** The key of a task as text, as SQL, from the last value. It may be null, and those come last. */
  readonly keyOf: (value: string) => string
  /** Whether a text can be a key, so that PostgreSQL reads it without an error. */
  readonly isKey: (text: string) => boolean
  /** The parameter for a key. The default is the text. */
  readonly value?: (key: string) => string
  /** A text by which keys are compared before they are compared themselves. */
  readonly rank?: (key: string) => string
}

/** An order by one value, of which those that are null come last. */
const byValue = (
  columns: readonly string[],
  value: string,
  type: string,
  direction: 'asc' | 'desc',
) => {
  const given = `$3::${type}`
  const beyond = direction === 'asc' ? '>' : '<'
  return {
    columns,
    values: [value],
    direction,
    after: `(${value} ${beyond} ${given} or (${value} is null and ${given} is not null)
       or (${value} is not distinct from ${given} and id > $4::uuid))`,
  }
}

/** A day without a time comes after all times of the day. A time has no seconds. */
const DUE = `(due_date + coalesce(due_time, time '23:59:30'))`
const due = (direction: 'asc' | 'desc') => ({
  ...byValue(['due_date', 'due_time'], DUE, 'timestamp', direction),
  keyOf: (value: string) => `to_json(${value}) #>> '{}'`,
  isKey: (text: string) => text === '' || isInstant(`${text}Z`),
})
const updated = (direction: 'asc' | 'desc') => ({
  ...byValue(['updated_at'], 'updated_at', 'timestamptz', direction),
  keyOf: versionOf,
  isKey: isInstant,
})
const priority = (direction: 'asc' | 'desc') => ({
  ...byValue(['priority'], 'priority', 'smallint', direction),
  keyOf: (value: string) => `${value}::text`,
  isKey: (text: string) => /^[0-3]$/.test(text),
})
const itself = (value: string) => value

/** The orders that no index has, by the names on the wire. */
export const SORTS = {
  updated_at: updated('asc'),
  '-updated_at': { ...updated('desc'), newestFirst: true },
  due: due('asc'),
  '-due': due('desc'),
  priority: priority('desc'),
  '-priority': priority('asc'),
  position: {
    columns: ['position'],
    values: ['position'],
    direction: 'asc',
    after: '(position, id) > ($3::text collate "C", $4::uuid)',
    keyOf: itself,
    isKey: (text: string) => /^[0-9A-Za-z]{1,128}$/.test(text),
  },
  title: {
    columns: ['folded_title', 'title'],
    values: ['folded_title', 'title collate "C"'],
    direction: 'asc',
    after: `(folded_title, title collate "C", id)
       > (($3::text[])[1] collate "C", ($3::text[])[2] collate "C", $4::uuid)`,
    keyOf: itself,
    isKey: (text: string) => /^[^\0]{1,500}$/u.test(text) && text.isWellFormed(),
    value: (title: string) => arrayOf([fold(title), title]),
    rank: fold,
  },
} as const satisfies Record<string, Sort>

/** The orders of the ids, which an index has. */
export const ID_SORTS = ['-created_at', 'created_at'] as const
export type IdSort = (typeof ID_SORTS)[number]
export type KeySort = keyof typeof SORTS
export type SortName = IdSort | KeySort

export const isIdSort = (name: SortName): name is IdSort => name.endsWith('created_at')

/** A position in an order. The key is empty if the task has none. */
export interface SortPosition {
  readonly id: string
  readonly key: string
}

/** Characters of a UUID. */
const ID_LENGTH = 36

/** @returns the position as one text. */
export function joinPosition({ id, key }: SortPosition): string {
  return id + key
}

/** Reads {@link joinPosition}. */
export function splitPosition(text: string): SortPosition {
  return { id: text.slice(0, ID_LENGTH), key: text.slice(ID_LENGTH) }
}

/** @returns the values of `$3` and `$4`. */
export function positionValues(sort: Sort, after: string | undefined): (string | null)[] {
  if (after === undefined) return [null, null]
  const { id, key } = splitPosition(after)
  return [key === '' ? null : (sort.value?.(key) ?? key), id]
}
