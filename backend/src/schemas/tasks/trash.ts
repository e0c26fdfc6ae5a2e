import type { FromSchema } from 'json-schema-to-ts'
import { pageQuery } from '../resource.ts'
import { INSTANT, Task } from './task.ts'

/** A task in the trash: the members of a task, and when it was deleted. */
export const TrashedTask = {
  $id: 'TrashedTask',
  type: 'object',
  additionalProperties: false,
  required: [...Task.required, 'deleted_at'],
  properties: {
    ...Task.properties,
    deleted_at: INSTANT,
  },
  examples: [{ ...Task.examples[0], deleted_at: Task.examples[0].updated_at }],
} as const

export const TrashQuery = {
  type: 'object',
  additionalProperties: false,
  // 8 bytes in base64url, of a number that is not negative. The last character has four significant bits.
  properties: pageQuery('tasks', '^[A-Za-f][A-Za-z0-9_-]{9}[AEIMQUYcgkosw048]$'),
} as const
export type TrashQuery = FromSchema<typeof TrashQuery>
