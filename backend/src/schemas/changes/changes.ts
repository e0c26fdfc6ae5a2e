import type { FromSchema } from 'json-schema-to-ts'
import { TOKEN } from '../../models/changes/token.ts'
import { INSTANT, Task } from '../tasks/task.ts'

const TYPE = { const: 'task', description: 'The kind of row that changed' } as const

/** A change of a task: the task as it is now, or that it is deleted. */
export const Change = {
  $id: 'Change',
  description: 'A task as it is now, or the id of a task that is deleted',
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'task'],
      properties: { type: TYPE, task: { $ref: 'Task#' } },
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'id', 'deleted', 'deleted_at'],
      properties: {
        type: TYPE,
        id: { type: 'string', format: 'uuid' },
        deleted: { const: true },
        deleted_at: INSTANT,
      },
    },
  ],
  examples: [{ type: 'task', task: Task.examples[0] }],
} as const

export const Changes = {
  $id: 'Changes',
  type: 'object',
  additionalProperties: false,
  required: ['changes', 'token', 'more'],
  properties: {
    changes: {
      type: 'array',
      items: { $ref: 'Change#' },
      description: 'Apply them in order. Each task is there once, as it is now',
    },
    token: {
      type: 'string',
      description: 'The position after these changes: send it in `since`. It is good for 30 days',
    },
    more: { type: 'boolean', description: 'Whether more changes follow; ask again at once' },
  },
  examples: [
    {
      changes: [{ type: 'task', task: Task.examples[0] }],
      token: 'AUWpxrgAAAAAAAACAcUzsA',
      more: false,
    },
  ],
} as const

export const ChangesQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    since: {
      type: 'string',
      pattern: TOKEN,
      'x-message': 'must be the token of an earlier response',
      description:
        'The token of an earlier response. Without it, the response has all tasks that are not deleted',
    },
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      description: 'The most changes in a response; 500 if it is left out',
    },
  },
} as const
export type ChangesQuery = FromSchema<typeof ChangesQuery>
