import type { Observable } from '../observable.ts'
import type { Applied, Edit } from './edit.ts'
import type { Conflict, LocalTask, Refusal } from './local-task.ts'

/**
 * `starting`: reads the store. `catching-up`: reads the feed. `live`: the stream is open.
 * `offline`: no response; tries again by itself. `signed-out`: the server does not accept the session (edits stay).
 * `follower`: another tab of this browser does the work. `stopped`: `stop` was called.
 */
export type SyncState =
  | 'starting'
  | 'catching-up'
  | 'live'
  | 'offline'
  | 'signed-out'
  | 'follower'
  | 'stopped'

export interface SyncStatus {
  readonly state: SyncState
  /** Whether the tasks of the account were read at least once on this device. */
  readonly loaded: boolean
  /** Edits that the server has not acknowledged, without the refused ones. */
  readonly unsent: number
  /** Whether edits survive a reload; false if the browser blocks its database. */
  readonly durable: boolean
}

/** Keeps the tasks of one user on this device, and brings edits and changes of the server together. */
export interface Sync {
  /** All living tasks by id, as this device shows them. Loaded once, then changed task by task. */
  readonly tasks: Observable<ReadonlyMap<string, LocalTask>>
  readonly status: Observable<SyncStatus>
  readonly refusals: Observable<readonly Refusal[]>
  readonly conflicts: Observable<readonly Conflict[]>
  /**
   * Stores edits, all or none, and shows them at once. They are sent in the background, in order.
   *
   * An update of a task that was deleted meanwhile becomes a refusal, whose retry restores the task. Other edits of it are
   * skipped.
   *
   * @throws TypeError if an edit names a task that this device has never had.
   */
  apply(edits: readonly Edit[]): Promise<Applied>
  /** Sends a refused edit again, such as after another edit has mended the task. */
  retry(refusalId: string): Promise<void>
  /** Takes a refused edit back. */
  discard(refusalId: string): Promise<void>
  /** Forgets that a member was changed by both sides. */
  dismiss(conflictId: string): Promise<void>
  /** Tries now, such as when the person asks for it. */
  poke(): void
  /** Ends streams and timers. Unsent edits stay in the store. */
  stop(): Promise<void>
}
