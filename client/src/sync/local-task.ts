import type { Task, TaskMember } from '../task.ts'
import type { Edit } from './edit.ts'

/** A task as this device shows it: the server's last version with the edits that are not acknowledged yet. */
export interface LocalTask extends Task {
  /** `saved`: the server has everything. `unsent`: it lacks an edit. `refused`: it refused one (see `Sync.refusals`). */
  readonly saved: 'saved' | 'unsent' | 'refused'
}

/** An edit that the server refused. It waits until a person retries or discards it, and is never dropped. */
export interface Refusal {
  /** Names the edit in `Sync.retry` and `Sync.discard`. */
  readonly id: string
  readonly taskId: string
  /** The title to show, also if the task is gone. */
  readonly title: string
  readonly edit: Edit['edit']
  /**
   * The stable code of the problem, such as `validation_error` or `not_found`. `changed`: someone edited the task before
   * this device could delete it, or since an edit that had no response for a day. `retry` sends it in any case.
   */
  readonly code: string
  /** The explanation of the server. */
  readonly detail: string
}

/** Both sides changed the same member. The task has `ours`; of a description, both texts. */
export interface Conflict {
  readonly id: string
  readonly taskId: string
  readonly title: string
  readonly member: TaskMember
  /** The value of the other device, which was replaced. */
  readonly theirs: unknown
  readonly ours: unknown
}
