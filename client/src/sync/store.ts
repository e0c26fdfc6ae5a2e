import type { Task } from '../task.ts'
import type { Conflict } from './local-task.ts'
import type { Operation } from './operation.ts'

/** The server's last word on a task. */
export interface Row {
  readonly id: string
  /** The latest version that this device has read; null if it has read none. */
  readonly base: Task | null
  /** Set if the task is deleted. The row stays while there are operations on it, or the feed has not confirmed that. */
  readonly gone: End | null
  /** The reading of the whole feed in which the row was last seen. */
  readonly generation: number
}

/** The deletion of a task. */
export interface End {
  /** Whether the feed has confirmed it. Otherwise only the response to this device's request says so. */
  readonly isConfirmed: boolean
  /** When, by the feed; null if that is not known. */
  readonly at: string | null
}

export interface Meta {
  /** The user whose tasks these are; null as long as there has been no task. */
  readonly userId: string | null
  /** The position in the feed, stored in one transaction with the changes before it. */
  readonly token: string | null
  /** Counts how often the whole feed was read: again after 410. */
  readonly generation: number
  /** Whether the whole feed is being read. At its end, rows of earlier generations are deleted. */
  readonly listing: boolean
  /** Whether all tasks were read once. */
  readonly loaded: boolean
  /** The `order` of the next operation. */
  readonly nextOrder: number
  readonly conflicts: readonly Conflict[]
}

export const NEW_META: Meta = {
  userId: null,
  token: null,
  generation: 1,
  listing: true,
  loaded: false,
  nextOrder: 1,
  conflicts: [],
}

/** Everything in the store, or everything about some tasks. */
export interface Contents {
  readonly meta: Meta
  readonly rows: readonly Row[]
  /** In no particular order. */
  readonly operations: readonly Operation[]
}

/** The writes of a transaction. Null deletes. */
export interface Changes {
  readonly meta: Meta | null
  readonly rows: ReadonlyMap<string, Row | null>
  readonly operations: ReadonlyMap<string, Operation | null>
}

/** The ids of tasks, or all tasks. */
export type TaskIds = readonly string[] | 'all'

/** Keeps the rows and the outbox of one user. Several tabs may have the same store open. */
export interface Store {
  /** Whether it survives a reload. */
  readonly durable: boolean
  /** @returns everything about the tasks, from one snapshot. */
  read(ids: TaskIds): Promise<Contents>
  /**
   * Runs a transaction: reads everything about the tasks, and writes what `step` returns, all or nothing. No other
   * transaction, in any tab, happens between the two. If `step` throws, nothing is written, and it rejects with that.
   */
  transact(ids: TaskIds, step: (contents: Contents) => Changes): Promise<void>
  /** Calls the listener after transactions of other tabs. @returns a function that ends this. */
  subscribe(listener: (changed: TaskIds) => void): () => void
  /**
   * Waits until this tab may send and read the feed: one does at a time.
   *
   * @param follow is called if another tab does.
   * @returns a function that lets another tab do it. Rejects with the reason of the signal.
   */
  lead(signal: AbortSignal, follow: () => void): Promise<() => void>
  close(): Promise<void>
  /** Deletes everything, such as when the person signs out, and closes the store. */
  destroy(): Promise<void>
}
