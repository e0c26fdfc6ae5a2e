import type { FromSchema } from 'json-schema-to-ts'
import { ID_SORTS, SORTS } from '../../models/tasks/sorts.ts'
import { pageQuery } from '../resource.ts'
import { PRIORITY } from './members.ts'

const SORT_NAMES = [...ID_SORTS, ...(Object.keys(SORTS) as (keyof typeof SORTS)[])] // the keys of the table
const PRIORITIES = PRIORITY.enum.join('|')
/** A tag, with at least one character that is not a space. */
const TAG = ' *[^ ,\\u0000-\\u001f\\u007f-\\u009f][^,\\u0000-\\u001f\\u007f-\\u009f]*'
const WORD = '[^\\s\\u0000]+'

const DAY = {
  type: 'string',
  format: 'date',
  'x-message': 'must be a day of the calendar as YYYY-MM-DD, in the years 0001 to 9999',
} as const

export const ListQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    completed: {
      type: 'boolean',
      description: 'true: only completed tasks; false: only open tasks',
    },
    priority: {
      type: 'string',
      pattern: `^(${PRIORITIES})(,(${PRIORITIES}))*$`,
      maxLength: 100,
      'x-message': `must be one or more of ${PRIORITY.enum.join(', ')}, separated by commas`,
      description: 'Only tasks with one of these priorities, separated by commas',
    },
    tags: {
      type: 'string',
      pattern: `^${TAG}(,${TAG}){0,19}$`,
      maxLength: 1_100,
      'x-message': 'must be 1 to 20 tags, separated by commas',
      description:
        'Only tasks with all of these tags, separated by commas. Letter case does not count',
    },
    due_from: { ...DAY, description: 'Only tasks that are due on this day or later' },
    due_before: { ...DAY, description: 'Only tasks that are due before this day' },
    due: {
      enum: ['any', 'none'],
      'x-message': 'must be any or none',
      description: 'any: only tasks with a due date; none: only tasks without one',
    },
    q: {
      type: 'string',
      pattern: `^\\s*${WORD}(\\s+${WORD}){0,7}\\s*$`,
      maxLength: 200,
      'x-message': 'must be 1 to 8 words, without U+0000',
      description:
        'Only tasks with all of these words, each anywhere in the title or in the description. Letter case and accents do not count. 1 to 8 words, at most 200 characters',
    },
    parent_id: {
      type: 'string',
      pattern:
        '^(none|(?!0{8}-0{4}-0{4}-0{4}-0{12}$)[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$',
      'x-lower': true,
      'x-message': 'must be the id of a task, or none',
      description: 'Only the tasks that are part of this one; none: only tasks without a parent',
    },
    updated_since: {
      type: 'string',
      format: 'instant',
      'x-message':
        'must be an instant such as 2026-12-01T09:30:00Z or 2026-12-01T10:30:00%2B01:00 (RFC 3339)',
      description: 'Only tasks that were changed at this instant or later',
    },
    sort: {
      enum: SORT_NAMES,
      'x-message': `must be one of ${SORT_NAMES.join(', ')}`,
      description:
        'The order; `-created_at`, the newest first, if it is left out. `due`: by day, then time, a day without a time last; `priority`: the highest first; `title`: letter case and accents do not count, unless titles differ in nothing else. `-` reverses an order. Equal tasks are in the order of their ids, and tasks without a due date come last in `due` and `-due`',
    },
    ...pageQuery('tasks', '^[A-Za-z0-9_-]{22,2700}$'),
  },
} as const
export type ListQuery = FromSchema<typeof ListQuery>
