import type { NewTask, Place, TaskChange } from '../task.ts'

/** What a person does to a task. `Sync.apply` takes edits, and keeps them until the server has them. */
export type Edit =
  | { readonly edit: 'create'; readonly task: NewTask }
  | { readonly edit: 'update'; readonly id: string; readonly change: TaskChange }
  | { readonly edit: 'complete'; readonly id: string; readonly completed: boolean }
  | { readonly edit: 'delete'; readonly id: string }
  /** Back from the trash. */
  | { readonly edit: 'restore'; readonly id: string }
  | { readonly edit: 'move'; readonly id: string; readonly place: Place }

/** What `Sync.apply` has stored. */
export interface Applied {
  /** The id of the task of each edit, in their order; new tasks have theirs at once. */
  readonly ids: readonly string[]
  /** Edits that take these back. To undo, apply them; without connection as well. */
  readonly undo: readonly Edit[]
}
