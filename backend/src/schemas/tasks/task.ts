import type { FromSchema } from 'json-schema-to-ts'
import { rowParams } from '../resource.ts'
import { TEXT } from '../text.ts'
import {
  DUE_DATE,
  DUE_TIME,
  DUE_ZONE,
  NEEDS,
  NEW_TAGS,
  PRIORITY,
  RECURRENCE,
  STORED_RECURRENCE,
  TAGS,
} from './members.ts'
import { POSITION } from './move.ts'

const EXAMPLE = {
  id: '019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90',
  user_id: 'alice',
  title: 'Buy milk',
  description: null,
  completed: false,
  completed_at: null,
  priority: 'high',
  tags: ['shopping'],
  due_date: '2026-12-01',
  due_time: '09:30',
  due_zone: 'Europe/Berlin',
  due_at: '2026-12-01T08:30:00.000Z',
  recurrence: null,
  series_id: null,
  parent_id: null,
  position: 'Zz',
  created_at: '2026-11-23T06:00:00.123Z',
  updated_at: '2026-11-23T06:00:00.123Z',
} as const

/** A UUID of any version, except the nil UUID. */
const UUID =
  '^(?!0{8}-0{4}-0{4}-0{4}-0{12}$)[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'

const TITLE = {
  type: 'string',
  minLength: 1,
  maxLength: 500,
  ...TEXT,
  'x-trim': true,
  description:
    '1 to 500 characters (Unicode code points). Leading and trailing white space is removed first',
} as const

const DESCRIPTION = {
  type: ['string', 'null'],
  maxLength: 16384,
  ...TEXT,
  description: 'At most 16384 characters (Unicode code points), or null',
} as const

const COMPLETED = { type: 'boolean' } as const

const PARENT_ID = {
  type: ['string', 'null'],
  pattern: UUID,
  'x-lower': true,
  'x-message': 'must be the id of a task, or null',
  description:
    'The task that this one is part of. That task has no parent itself, and fewer than 500 children; a task with children has no parent. A deleted task takes its children to the trash, and brings them back',
} as const

/** The members of a task that a client may write. */
const WRITABLE = {
  title: TITLE,
  description: DESCRIPTION,
  completed: COMPLETED,
  priority: PRIORITY,
  tags: NEW_TAGS,
  due_date: DUE_DATE,
  due_time: DUE_TIME,
  due_zone: DUE_ZONE,
  recurrence: RECURRENCE,
  parent_id: PARENT_ID,
  position: POSITION,
} as const

/** A member that a client may send back. It must be that of the path. */
const ofPath = <const Name extends string>(name: Name) =>
  ({ type: 'string', 'x-path': name, description: 'Optional: that of the path' }) as const
const IGNORED = {
  'x-ignored': true,
  description: 'The server sets this member, and ignores it here',
} as const

const CHOSEN_ID = {
  type: 'string',
  pattern: UUID,
  'x-lower': true,
  'x-message': 'must be a UUID, and not the nil UUID',
  description:
    'Optional: the id of the new task, a UUID. If the user has a task with this id, the response is 200 with that task',
} as const

/** An instant of the server. */
export const INSTANT = {
  type: 'string',
  format: 'date-time',
  description: 'UTC, to the millisecond',
} as const

/** An instant, or null. */
const optionalInstant = <const Description extends string>(description: Description) =>
  ({ type: ['string', 'null'], format: 'date-time', description }) as const

export const Task = {
  $id: 'Task',
  type: 'object',
  additionalProperties: false,
  required: [
    'id',
    'user_id',
    'title',
    'description',
    'completed',
    'completed_at',
    'priority',
    'tags',
    'due_date',
    'due_time',
    'due_zone',
    'due_at',
    'recurrence',
    'series_id',
    'parent_id',
    'position',
    'created_at',
    'updated_at',
  ],
  properties: {
    id: {
      type: 'string',
      format: 'uuid',
      description: 'A UUID. Those that the server makes are UUIDv7, which sort by time of creation',
    },
    user_id: { type: 'string', description: 'The owner' },
    title: { type: 'string' },
    description: { type: ['string', 'null'] },
    completed: COMPLETED,
    completed_at: optionalInstant('When the task was completed, or null while it is open'),
    priority: { type: 'string', enum: PRIORITY.enum },
    tags: TAGS,
    due_date: { type: DUE_DATE.type, format: DUE_DATE.format, description: DUE_DATE.description },
    due_time: { type: DUE_TIME.type, pattern: DUE_TIME.pattern, description: DUE_TIME.description },
    due_zone: { type: DUE_ZONE.type, description: DUE_ZONE.description },
    due_at: optionalInstant(
      'The instant at which the task is due; null without `due_zone`. A time that the clocks skip is moved forward, and of a time that occurs twice it is the first',
    ),
    recurrence: STORED_RECURRENCE,
    series_id: {
      type: ['string', 'null'],
      format: 'uuid',
      description: 'The same for all occurrences of a recurring task',
    },
    parent_id: { type: ['string', 'null'], format: 'uuid', description: PARENT_ID.description },
    position: {
      type: POSITION.type,
      pattern: POSITION.pattern,
      description: POSITION.description,
    },
    created_at: INSTANT,
    updated_at: {
      type: 'string',
      format: 'date-time',
      description: 'UTC, to the millisecond. Every change of the task raises it',
    },
  },
  examples: [EXAMPLE],
} as const

export const NewTask = {
  $id: 'NewTask',
  type: 'object',
  additionalProperties: false,
  required: ['title'],
  'x-needs': { members: NEEDS, absentIsNull: true },
  'x-recurs': true,
  properties: { ...WRITABLE, id: CHOSEN_ID, user_id: ofPath('user_id') },
  examples: [
    { title: 'Buy milk' },
    { title: 'Buy milk', priority: 'high', tags: ['shopping'], due_date: '2026-12-01' },
  ],
} as const
export type NewTask = FromSchema<typeof NewTask>

export const TaskChanges = {
  $id: 'TaskChanges',
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  description:
    'Members that are absent keep their values. Null clears a member. A task that was read may be sent back whole',
  'x-needs': { members: NEEDS, absentIsNull: false },
  'x-recurs': true,
  properties: {
    ...WRITABLE,
    id: ofPath('id'),
    user_id: ofPath('user_id'),
    completed_at: IGNORED,
    due_at: IGNORED,
    series_id: IGNORED,
    created_at: IGNORED,
    updated_at: IGNORED,
  },
  examples: [{ title: 'Buy oat milk', description: 'The barista kind' }],
} as const
export type TaskChanges = FromSchema<typeof TaskChanges>

export const Completion = {
  $id: 'Completion',
  type: 'object',
  additionalProperties: false,
  description: 'With `completed`, sets that value. An empty object toggles it, as no body does',
  properties: { completed: COMPLETED },
  examples: [{ completed: true }],
} as const
export type Completion = FromSchema<typeof Completion>

export const TaskParams = rowParams('The id of a task', EXAMPLE.id)
