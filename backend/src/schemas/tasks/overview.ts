import { DUE_DATE, DUE_ZONE, PRIORITY } from './members.ts'

const COUNT = { type: 'integer', minimum: 0 } as const
const countsOf = <const Names extends readonly string[]>(names: Names) =>
  ({
    type: 'object',
    additionalProperties: false,
    required: names,
    properties: Object.fromEntries(names.map((name) => [name, COUNT])),
  }) as const

/** The tasks with a tag. */
export const TagCount = {
  $id: 'TagCount',
  type: 'object',
  additionalProperties: false,
  required: ['tag', 'open', 'completed'],
  properties: {
    tag: { type: 'string', description: 'As the first task with the tag spells it' },
    open: COUNT,
    completed: COUNT,
  },
  examples: [{ tag: 'work', open: 12, completed: 40 }],
} as const

const MEMBERS = [
  'open',
  'completed',
  'overdue',
  'due_today',
  'due_next_7_days',
  'without_due_date',
] as const

/** How many tasks there are. */
export const TaskSummary = {
  $id: 'TaskSummary',
  type: 'object',
  additionalProperties: false,
  description:
    'Numbers of open tasks, except `completed` and `completed_today`. The next 7 days are tomorrow to `today` + 7',
  required: [...MEMBERS, 'by_priority', 'completed_today'],
  properties: {
    ...countsOf(MEMBERS).properties,
    by_priority: countsOf(PRIORITY.enum),
    completed_today: COUNT,
  },
  examples: [
    {
      open: 31,
      completed: 120,
      overdue: 2,
      due_today: 3,
      due_next_7_days: 9,
      without_due_date: 14,
      by_priority: { none: 20, low: 4, medium: 4, high: 3 },
      completed_today: 5,
    },
  ],
} as const

export const SummaryQuery = {
  type: 'object',
  additionalProperties: false,
  required: ['today'],
  properties: {
    today: { ...DUE_DATE, type: 'string', description: 'The day that the client calls today' },
    time_zone: {
      ...DUE_ZONE,
      type: 'string',
      description: 'The time zone of `completed_today`, an IANA name; the default is UTC',
    },
  },
} as const
