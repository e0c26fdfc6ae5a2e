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
