import { caseless } from '../../core/caseless.ts'
import { fold } from '../../core/fold.ts'
import type { TaskChanges } from './columns.ts'

/** A hidden column, which the server computes from a member. */
interface FoldedColumn {
  readonly name: string
  /** The member that it is computed from. */
  readonly of: string
  /** The value as SQL, from the JSON `$3`. */
  readonly given: string
}

/**
 * The columns for search and order. They are not in the JSON of a task. A trigger computes them for a row that is
 * inserted without them (0014_lists.sql).
 */
export const FOLDED: readonly FoldedColumn[] = [
  { name: 'folded_title', of: 'title', given: `$3::jsonb ->> 'folded_title'` },
  {
    name: 'folded_description',
    of: 'description',
    given: `$3::jsonb ->> 'folded_description'`,
  },
  {
    name: 'folded_tags',
    of: 'tags',
    given: `array(select jsonb_array_elements_text($3::jsonb -> 'folded_tags'))`,
  },
]

/** @returns the members as JSON text for `$3`, with the values of {@link FOLDED} for those that are there. */
export function withFolded(members: TaskChanges): string {
  const { title, description, tags } = members
  return JSON.stringify({
    ...members,
    ...(title !== undefined && { folded_title: fold(title) }),
    ...(description !== undefined && {
      folded_description: description === null ? null : fold(description),
    }),
    ...(tags !== undefined && { folded_tags: tags.map(caseless) }),
  })
}

/** The assignments of an UPDATE by `$3`. */
export const UPDATED_FOLDED = FOLDED.map(
  ({ name, of, given }) => `${name} = case when $3::jsonb ? '${of}' then ${given} else ${name} end`,
).join(', ')
