import type { FromSchema } from 'json-schema-to-ts'
import { LIMITS } from '../../core/limits.ts'
import { TaskMove } from './move.ts'
import { NewTask, Task, TaskChanges } from './task.ts'

const { $id: _new, examples: _examples, ...NEW_TASK } = NewTask
const { $id: _changes, examples: _others, ...TASK_CHANGES } = TaskChanges

const ID = { type: 'string', 'x-lower': true, description: 'The id of a task' } as const
const IF_MATCH = {
  type: 'string',
  description: 'As the header If-Match: change the task only if it still has this ETag',
} as const

/** @returns the schema of one operation. */
function operation<
  const Op extends string,
  const Members extends object,
  const Required extends string,
>(op: Op, properties: Members, ...required: Required[]) {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['op', ...required],
    properties: { op: { const: op }, ...properties },
  } as const
}

const Create = operation('create', { task: NEW_TASK }, 'task')
const Update = operation(
  'update',
  {
    id: ID,
    task: {
      ...TASK_CHANGES,
      properties: {
        ...TASK_CHANGES.properties,
        id: {
          type: 'string',
          'x-outer': 'id',
          description: 'Optional: that of the operation',
        },
      },
    },
    if_match: IF_MATCH,
  },
  'id',
  'task',
)
const Complete = operation(
  'complete',
  {
    id: ID,
    completed: {
      type: 'boolean',
      description: 'The new value. Without it, the operation toggles the present one',
    },
    if_match: IF_MATCH,
  },
  'id',
)
const Delete = operation('delete', { id: ID, if_match: IF_MATCH }, 'id')
const Restore = operation('restore', { id: ID }, 'id')

const { $id: _move, examples: _places, ...TASK_MOVE } = TaskMove
const Move = {
  ...operation('move', { id: ID, ...TASK_MOVE.properties, if_match: IF_MATCH }, 'id'),
  'x-one-of': ['before', 'after', 'to'],
} as const

const OPERATIONS = [Create, Update, Complete, Delete, Restore, Move] as const

const [TASK] = Task.examples

export const Batch = {
  $id: 'Batch',
  type: 'object',
  additionalProperties: false,
  required: ['operations'],
  properties: {
    operations: {
      type: 'array',
      minItems: 1,
      maxItems: LIMITS.operationsOfBatch,
      description: 'In their order: each sees the changes of those before it',
      items: {
        type: 'object',
        discriminator: { propertyName: 'op' },
        oneOf: OPERATIONS,
      },
    },
  },
  examples: [
    {
      operations: [
        { op: 'create', task: { title: 'Buy oat milk' } },
        { op: 'update', id: TASK.id, task: { title: 'Buy bread' }, if_match: '*' },
        { op: 'complete', id: TASK.id, completed: true },
        { op: 'delete', id: TASK.id },
        { op: 'restore', id: TASK.id },
        { op: 'move', id: TASK.id, to: 'top' },
      ],
    },
  ],
} as const

/** `CreateOperation` for `create`. */
const nameOf = (op: string) => `${op.slice(0, 1).toUpperCase()}${op.slice(1)}Operation`
/** The schema of `task`, by operation, as the document names it. */
const TASKS: Record<string, object> = {
  create: { task: { $ref: 'NewTask#' } },
  update: { task: { $ref: 'TaskChanges#' } },
}

/** {@link Batch} for the OpenAPI document, in which each schema of a `discriminator` has a name. */
export const BATCH_DOCUMENTED: readonly object[] = [
  {
    ...Batch,
    properties: {
      operations: {
        ...Batch.properties.operations,
        items: {
          type: 'object',
          discriminator: {
            propertyName: 'op',
            mapping: Object.fromEntries(
              OPERATIONS.map(({ properties: { op } }) => [
                op.const,
                `#/components/schemas/${nameOf(op.const)}`,
              ]),
            ),
          },
          oneOf: OPERATIONS.map(({ properties: { op } }) => ({ $ref: `${nameOf(op.const)}#` })),
        },
      },
    },
  },
  ...OPERATIONS.map((schema) => {
    const { op } = schema.properties
    const properties = { ...schema.properties, ...TASKS[op.const] }
    return { $id: nameOf(op.const), ...schema, properties }
  }),
]

/** One operation, as its schema defines it. */
export type AskedOperation =
  | FromSchema<typeof Create>
  | FromSchema<typeof Update>
  | FromSchema<typeof Complete>
  | FromSchema<typeof Delete>
  | FromSchema<typeof Restore>
  | FromSchema<typeof Move>

export const BatchQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    dry_run: {
      type: 'boolean',
      description:
        'With true, the response is that of the batch, and nothing changes. An Idempotency-Key is ignored',
    },
  },
} as const

export const BatchResults = {
  $id: 'BatchResults',
  type: 'object',
  additionalProperties: false,
  required: ['results'],
  properties: {
    results: {
      type: 'array',
      description: 'One for each operation, in the same order',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['status'],
        properties: {
          status: {
            enum: [200, 201, 204],
            description: 'The status that the operation would have alone',
          },
          etag: { type: 'string', description: 'The ETag of the task' },
          task: { $ref: 'Task#' },
          next_id: {
            type: 'string',
            format: 'uuid',
            description: 'The id of the next occurrence that the operation made',
          },
        },
      },
    },
  },
  examples: [
    { results: [{ status: 201, etag: `"${TASK.updated_at}"`, task: TASK }, { status: 204 }] },
  ],
} as const
