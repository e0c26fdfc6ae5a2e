import type { components } from './api.ts'

type Schemas = components['schemas']

/** A task as the server sends it. */
export type Task = Schemas['Task']
/** The members of a new task. Only `title` is required; `id` is a UUID of the client's choice. */
export type NewTask = Omit<Schemas['NewTask'], 'user_id'>
/** The members of a task that a person edits. `completed` has an edit of its own, and so has the order. */
export type TaskMember =
  | 'title'
  | 'description'
  | 'priority'
  | 'tags'
  | 'due_date'
  | 'due_time'
  | 'due_zone'
  | 'recurrence'
  | 'parent_id'
  | 'position'
/** Absent members stay as they are; `null` clears one. */
export type TaskChange = { readonly [Member in TaskMember]?: Task[Member] }
/** A place in the manual order (contract §E). */
export type Place =
  | { readonly before: string }
  | { readonly after: string }
  | { readonly to: 'top' | 'bottom' }
/** A change of the feed: a task as it is now, or the id of a deleted one. */
export type Change = Schemas['Change']
