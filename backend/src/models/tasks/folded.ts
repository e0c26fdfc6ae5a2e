import { caseless } from '../../core/caseless.ts'
import { fold } from '../../core/fold.ts'
import { ifGiven } from '../update.ts'
import type { TaskChanges } from './columns.ts'
import { arrayOf } from './filters.ts'

/** A hidden column, which the server computes from a member. */
interface FoldedColumn {
  readonly name: string
  /** The member that it is computed from. */
  readonly of: string
  /** @returns the value as SQL. @param object the JSON of {@link withFolded}, as SQL. */
  readonly given: (object: string) => string
}

/**
 * The columns for search and order. They are not in the JSON of a task. A trigger computes them for a row that is
 * inserted without them (0014_lists.sql).
 */
export const FOLDED: readonly FoldedColumn[] = [
  { name: 'folded_title', of: 'title', given: (object) => `${object} ->> 'folded_title'` },
  {
    name: 'folded_description',
    of: 'description',
    given: (object) => `${object} ->> 'folded_description'`,
  },
  {
    name: 'folded_tags',
    of: 'tags',
    given: (object) => `(${object} ->> 'folded_tags')::text[]`,
  },
]

/** Their names. */
export const FOLDED_COLUMNS = FOLDED.map(({ name }) => name).join(', ')

/** Their values in a new row, in the same order. */
export const insertedFolded = (object = '$3::jsonb') =>
  FOLDED.map(({ given }) => given(object)).join(', ')

/**
 * @returns the members as JSON text for `$3`, with the values of {@link FOLDED} for those that are there. Arrays are as
 *   PostgreSQL writes them.
 */
export function withFolded(members: TaskChanges): string {
  const { title, description, tags } = members
  return JSON.stringify({
    ...members,
    ...(title !== undefined && { folded_title: fold(title) }),
    ...(description !== undefined && {
      folded_description: description === null ? null : fold(description),
    }),
    ...(tags !== undefined && { tags: arrayOf(tags), folded_tags: arrayOf(tags.map(caseless)) }),
  })
}

/** The assignments of an UPDATE of the members for which `isNamed` is true. */
export const updatedFolded = (isNamed: (member: string) => boolean): string[] =>
  FOLDED.filter(({ of }) => isNamed(of)).map(
    ({ name, of, given }) => `${name} = ${ifGiven(of, given('$3::jsonb'), name)}`,
  )
