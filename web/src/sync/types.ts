import type { Edit } from '@todo-backend/client/sync'

export type { NewTask, Task } from '@todo-backend/client'
export type { Conflict, Edit, LocalTask, Refusal, Sync } from '@todo-backend/client/sync'

/** The members that an update changes; absent ones stay. */
export type TaskChange = Extract<Edit, { edit: 'update' }>['change']
/** A place in the manual order. */
export type Place = Extract<Edit, { edit: 'move' }>['place']
