import { createHash } from 'node:crypto'
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

/** Every filter of a list. Their order is that of the parameters. */
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

/**
 * An SQL condition for the tasks that pass every filter. One text serves all combinations, because each of
 * them would be a prepared statement on every connection.
 *
 * @param first the number of the first parameter. The values are those of {@link filterValues}.
 */
export function passesFilter(first: number): string {
  const conditions = NAMES.map((name, index) => {
    const { type, passes } = FILTERS[name]
    const parameter = `$${first + index}::${type}`
    return `(${parameter} is null or ${passes(parameter)})`
  })
  return conditions.join(' and ')
}

/** @returns the values of the parameters of {@link passesFilter}. */
export function filterValues(filter: Filter): Value[] {
  return NAMES.map((name) => parameterOf(name, filter))
}

function parameterOf<Name extends FilterName>(name: Name, filter: Filter): Value {
  const given: Filter[Name] = filter[name]
  return given === undefined ? null : FILTERS[name].value(given)
}

/** @returns whether the list shows only some tasks. */
export function isFiltered(filter: Filter): boolean {
  return NAMES.some((name) => filter[name] !== undefined)
}

/** @returns 8 bytes that name the order and the filter of a list. */
export function hashOf(sort: string, filter: Filter): Buffer {
  const content = JSON.stringify([sort, filterValues(filter)])
  return createHash('sha256').update(content).digest().subarray(0, 8)
}
