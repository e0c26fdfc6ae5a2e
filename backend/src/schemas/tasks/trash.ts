import type { FromSchema } from 'json-schema-to-ts'
import { Task } from './task.ts'

/** A task in the trash: the members of a task, and when it was deleted. */
export const TrashedTask = {
  $id: 'TrashedTask',
  type: 'object',
  additionalProperties: false,
  required: [...Task.required, 'deleted_at'],
  properties: {
    ...Task.properties,
    deleted_at: { type: 'string', format: 'date-time', description: 'UTC, to the millisecond' },
  },
  examples: [{ ...Task.examples[0], deleted_at: Task.examples[0].updated_at }],
} as const

export const TrashQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      description: 'The number of tasks in a page. Without it, the response has all tasks',
    },
    // 8 bytes in base64url, of a number that is not negative. The last character has four significant bits.
    cursor: {
      type: 'string',
      pattern: '^[A-Za-f][A-Za-z0-9_-]{9}[AEIMQUYcgkosw048]$',
      'x-message': 'must be the cursor of a Link',
      description:
        'The start of the page: an opaque text, from Next-Cursor or Link of the previous page',
    },
  },
} as const
export type TrashQuery = FromSchema<typeof TrashQuery>
