import {
  type Changes,
  type Column,
  CREATED_AT,
  defaultsOf,
  ID,
  type NewValues,
  UPDATED_AT,
  USER_ID,
  type Values,
} from '../columns.ts'

/** The priorities on the wire, by their numbers in the table. */
export const PRIORITIES = ['none', 'low', 'medium', 'high'] as const

const COMPLETED_AT = {
  name: 'completed_at',
  type: 'timestamp(3) with time zone',
  nullable: true,
  setBy: 'derivation',
  from: ['completed'],
  derive: (value: (name: string) => string, present: string) =>
    `case when ${value('completed')} then coalesce(${present}, now()) end`,
} as const

/** Only a task with a zone is due at an instant. */
const DUE_AT = {
  name: 'due_at',
  type: 'timestamp(3) with time zone',
  nullable: true,
  rare: true,
  setBy: 'derivation',
  from: ['due_date', 'due_time', 'due_zone'],
  derive: (value: (name: string) => string) =>
    `case when ${value('due_zone')} is not null then todo.due_at(${value('due_date')}, ${value('due_time')}, ${value('due_zone')}) end`,
} as const

/**
 * Every column of a task, in the order of the JSON. This list determines the JSON, the columns of INSERT and
 * UPDATE, and the types of the members that clients may set. A test compares it with the schema of a task,
 * the table and the grants.
 */
export const COLUMNS = [
  ID,
  USER_ID,
  { name: 'title', type: 'text', setBy: 'client' },
  { name: 'description', type: 'text', nullable: true, setBy: 'client', default: null },
  { name: 'completed', type: 'boolean', setBy: 'client', default: false },
  COMPLETED_AT,
  {
    name: 'priority',
    type: 'smallint',
    rare: true,
    setBy: 'client',
    default: 'none',
    names: PRIORITIES,
  },
  { name: 'tags', type: 'text[]', rare: true, setBy: 'client', default: [] },
  { name: 'due_date', type: 'date', nullable: true, rare: true, setBy: 'client', default: null },
  {
    name: 'due_time',
    type: 'time without time zone',
    nullable: true,
    rare: true,
    setBy: 'client',
    default: null,
  },
  { name: 'due_zone', type: 'text', nullable: true, rare: true, setBy: 'client', default: null },
  DUE_AT,
  { name: 'recurrence', type: 'jsonb', nullable: true, rare: true, setBy: 'client', default: null },
  // Triggers set it (0016_recurrence.sql).
  {
    name: 'series_id',
    type: 'uuid',
    nullable: true,
    rare: true,
    setBy: 'insertion',
    insert: 'null',
  },
  { name: 'parent_id', type: 'uuid', nullable: true, rare: true, setBy: 'client', default: null },
  { name: 'position', type: 'text', plain: true, setBy: 'client', absent: 'first' },
  CREATED_AT,
  UPDATED_AT,
] as const satisfies readonly Column[]

/** The values of a task that a client may set, each of them present. */
export type TaskValues = Values<typeof COLUMNS>
/** Without a member, the task keeps its value. Null clears it. */
export type TaskChanges = Changes<typeof COLUMNS>
/** Without a member, the column has its default. */
export type NewTask = NewValues<typeof COLUMNS>

/** @returns the values of a new task, with the default of each member that it lacks. */
export const withDefaults: (task: NewTask) => TaskValues = defaultsOf(COLUMNS)
