import type { NewTask, Place, Task, TaskChange } from '../task.ts'

/** A change that a person makes to a task. `Sync.apply` takes edits, and keeps them until the server has them. */
export type Edit =
  | { readonly edit: 'create'; readonly task: NewTask }
  | {
      readonly edit: 'update'
      readonly id: string
      readonly change: TaskChange
      /**
       * The values that the person saw when they began to edit, such as on focus. Without it, those that are shown when
       * the edit is applied, which may be newer.
       */
      readonly seen?: TaskChange
    }
  | { readonly edit: 'complete'; readonly id: string; readonly completed: boolean }
  | { readonly edit: 'delete'; readonly id: string }
  /** Back from the trash. */
  | {
      readonly edit: 'restore'
      readonly id: string
      /** The task and its children as they were shown, if the trash may not have them any more. */
      readonly tasks?: readonly Task[]
    }
  | { readonly edit: 'move'; readonly id: string; readonly place: Place }

/** The result of `Sync.apply`. */
export interface Applied {
  /** The id of the task of each edit, in their order; new tasks have theirs at once. */
  readonly ids: readonly string[]
  /**
   * Edits that take these back. To undo, apply them; without connection as well. Where a task was deleted meanwhile,
   * they are skipped, but for updates, which become refusals.
   */
  readonly undo: readonly Edit[]
}
