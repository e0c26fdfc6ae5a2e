import { hash } from 'node:crypto'
import { toMicroseconds } from '../../core/calendar.ts'
import { caseless } from '../../core/caseless.ts'
import { fold } from '../../core/fold.ts'
import { NIL_UUID } from '../../core/uuid.ts'
import type { Value } from '../../database/session.ts'
import { PRIORITIES } from './columns.ts'

/** A list shows the tasks that pass each of these. */
export interface Filter {
  readonly completed?: boolean | undefined
  /** One of these. */
  readonly priority?: readonly (typeof PRIORITIES)[number][] | undefined
  /** All of these, without regard to letter case. */
  readonly tags?: readonly string[] | undefined
  /** Due on this day or later, as `YYYY-MM-DD`. */
  readonly due_from?: string | undefined
  /** Due earlier than this day. */
  readonly due_before?: string | undefined
  /** With a due date, or without one. */
  readonly due?: 'any' | 'none' | undefined
  /** Changed at this instant (RFC 3339) or later. */
  readonly updated_since?: string | undefined
  /** Part of this task, or of none. */
  readonly parent_id?: string | undefined
  /** Words, each of which is in the title or the description, without regard to letter case and accents. */
  readonly q?: string | undefined
}

type FilterName = keyof Filter

interface FilterColumn<Name extends FilterName> {
  /** The type of the parameter, which is null without the filter. */
  readonly type: string
  /** An SQL condition for the tasks that pass. */
  readonly passes: (parameter: string) => string
  readonly value: (given: NonNullable<Filter[Name]>) => Value
}

/** A search reads all tasks that it examines, and a longer description takes much longer than the task itself. */
const LONG_TEXT_BYTES = 2_000

/** Every filter of a list. Their order is that of the parameters, in which that of the search is the last. */
const FILTERS: { readonly [Name in FilterName]: FilterColumn<Name> } = {
  completed: {
    type: 'boolean',
    passes: (given) => `completed = ${given}`,
    value: (completed) => completed,
  },
  priority: {
    type: 'smallint[]',
    passes: (given) => `priority = any(${given})`,
    value: (names) => `{${names.map((name) => PRIORITIES.indexOf(name)).join()}}`,
  },
  tags: {
    type: 'text[]',
    passes: (given) => `folded_tags @> ${given}`,
    value: (tags) => arrayOf(tags.map(caseless)),
  },
  due_from: {
    type: 'date',
    passes: (given) => `due_date >= ${given}`,
    value: (day) => day,
  },
  due_before: {
    type: 'date',
    passes: (given) => `due_date < ${given}`,
    value: (day) => day,
  },
  due: {
    type: 'boolean',
    passes: (given) => `(due_date is not null) = ${given}`,
    value: (due) => due === 'any',
  },
  parent_id: {
    type: 'uuid',
    // The nil UUID stands for no parent.
    passes: (given) => `coalesce(parent_id, '${NIL_UUID}') = ${given}`,
    value: (parent) => (parent === 'none' ? NIL_UUID : parent),
  },
  updated_since: {
    type: 'timestamptz',
    passes: (given) => `updated_at >= ${given}`,
    value: toMicroseconds,
  },
  q: {
    type: 'text[]',
    // No word has a line feed, so none is found across the two.
    passes: (given) =>
      `(folded_title || E'\\n' || coalesce(folded_description, '')) like all(${given})`,
    value: (text) => arrayOf(wordsOf(text).map((word) => `%${escapeLike(fold(word))}%`)),
  },
}
const NAMES = Object.keys(FILTERS) as FilterName[] // the keys of the table
const OTHERS = NAMES.filter((name) => name !== 'q')

/** @returns the words of a query. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(Boolean)
}

/** `%`, `_` and `\` mean themselves. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

/** @returns the texts as PostgreSQL reads an array. */
export function arrayOf(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join()}}`
}

/** SQL for whether a task passes one filter. Every task does if the filter is not given. */
const passes = (name: FilterName, first: number) => {
  const { type, passes: condition } = FILTERS[name]
  const parameter = `$${first + NAMES.indexOf(name)}::${type}`
  return `(${parameter} is null or ${condition(parameter)})`
}

/**
 * An SQL condition for the tasks that pass every filter. One text serves all combinations, because each of
 * them would be a prepared statement on every connection.
 *
 * @param first the number of the first parameter. The values are those of {@link filterValues}.
 */
export function passesFilter(first: number): string {
  return NAMES.map((name) => passes(name, first)).join(' and ')
}

/** The columns that {@link passesOthers} reads. */
export const FILTER_COLUMNS = [
  'completed',
  'priority',
  'folded_tags',
  'due_date',
  'parent_id',
  'updated_at',
]

/** The columns that {@link mayPassSearch} and {@link passesSearch} read besides. */
export const SEARCH_COLUMNS = ['folded_title', 'folded_description']

/**
 * An SQL condition for the tasks that pass every filter but the search.
 *
 * @param first the number of the first parameter. The values are those of {@link otherValues}.
 */
export function passesOthers(first: number): string {
  return OTHERS.map((name) => passes(name, first)).join(' and ')
}

/** An SQL condition for the tasks that pass a filter for which {@link isUsual} is true. */
export function passesUsual(first: number): string {
  return passes('completed', first)
}

/**
 * An SQL condition for the tasks that may pass the filter with a search: those that have its longest word, or a long
 * description, which the condition does not read. It looks for the word first, because few tasks have it.
 *
 * @param first the number of the first parameter. The values are those of {@link searchValues}.
 */
export function mayPassSearch(first: number): string {
  const word = `$${first + NAMES.length}::text`
  return `case when octet_length(folded_description) > ${LONG_TEXT_BYTES}
     or strpos(folded_title, ${word}) > 0 or strpos(folded_description, ${word}) > 0
     then ${passesOthers(first)} else false end`
}

/** An SQL condition for those of the tasks that pass {@link mayPassSearch} which pass the filter. */
export function passesSearch(first: number): string {
  return passes('q', first)
}

/** @returns the values of the parameters of {@link passesFilter}. */
export function filterValues(filter: Filter): Value[] {
  return NAMES.map((name) => parameterOf(name, filter))
}

/** @returns the values of the parameters of {@link passesOthers}. */
export function otherValues(filter: Filter): Value[] {
  return OTHERS.map((name) => parameterOf(name, filter))
}

/** @returns the values of the parameters of {@link mayPassSearch}: those of the filter, and the longest word. */
export function searchValues(filter: Filter): Value[] {
  const words = wordsOf(filter.q ?? '').map(fold)
  const longest = words.toSorted((a, b) => b.length - a.length)[0]
  return [...filterValues(filter), longest ?? null]
}

function parameterOf<Name extends FilterName>(name: Name, filter: Filter): Value {
  const given: Filter[Name] = filter[name]
  return given === undefined ? null : FILTERS[name].value(given)
}

/** @returns whether the list shows all tasks, or the completed or the open ones, as most lists do. */
export function isUsual({ completed: _completed, ...rest }: Filter): boolean {
  return !isFiltered(rest)
}

/** @returns whether the list shows only some tasks. */
export function isFiltered(filter: Filter): boolean {
  return NAMES.some((name) => filter[name] !== undefined)
}

/** @returns 8 bytes that name the order and the filter of a list. */
export function hashOf(sort: string, filter: Filter): Buffer {
  const content = JSON.stringify([sort, filterValues(filter)])
  return hash('sha256', content, 'buffer').subarray(0, 8)
}
