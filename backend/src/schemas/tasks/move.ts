import type { FromSchema } from 'json-schema-to-ts'

/** A key of the manual order, as a client writes it and as the server returns it. */
export const POSITION = {
  type: 'string',
  pattern: '^[0-9A-Za-z]{1,128}$',
  'x-message': 'must be 1 to 128 characters of 0-9, A-Z and a-z',
  description:
    'The place of the task in the manual order: tasks sort by the bytes of this key, and by id if keys are equal. A new task without one is placed before all others',
} as const

const neighbour = <const Description extends string>(description: Description) =>
  ({
    type: 'string',
    pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
    'x-lower': true,
    // The same as for an id that the user does not have.
    'x-message': 'must be the id of another task of the user',
    description,
  }) as const

export const TaskMove = {
  $id: 'TaskMove',
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  description: 'The place in the manual order: exactly one member',
  properties: {
    before: neighbour('Directly before the task with this id'),
    after: neighbour('Directly after the task with this id'),
    to: {
      enum: ['top', 'bottom'],
      'x-message': 'must be top or bottom',
      description: 'Before or after all other tasks',
    },
  },
  examples: [{ to: 'top' }, { after: '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90' }],
} as const
export type TaskMove = FromSchema<typeof TaskMove>
