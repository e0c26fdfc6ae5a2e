import type { NewTask, Place, Task, TaskChange } from '../task.ts'

/**
 * The states of an operation, which is an edit in the outbox. Each arrow is one transaction of the store.
 *
 * | from      | event                                                       | to        |
 * | --------- | ----------------------------------------------------------- | --------- |
 * | (new)     | `apply` appends it                                          | `queued`  |
 * | `queued`  | a later edit of the task is folded into it                  | `queued`  |
 * | `queued`  | a later edit takes it back, such as a delete of a new task  | (removed) |
 * | `queued`  | the server has its values already                           | (removed) |
 * | `queued`  | its turn: it is merged with `base`, and sent next           | `sending` |
 * | `queued`  | a deletion of a task that someone has edited since          | `refused` |
 * | `sending` | success, also of an earlier request; for a delete also 404  | (removed) |
 * | `sending` | 412; at the first request also 401, 408, 429                | `queued`  |
 * | `sending` | no response, one that is not from Todo Backend, 401, 408,   |           |
 * |           | 429, 502, 503, 504, in progress (409)                       | `sending` |
 * | `sending` | 403, 404, 409, 413, 422, every other 4xx, 500 repeatedly    | `refused` |
 * | `sending` | the server may have forgotten its key, and the task was     | `refused` |
 * |           | changed                                                     |           |
 * | `refused` | `retry`                                                     | `queued`  |
 * | `refused` | a later edit of a new task mends it                         | `queued`  |
 * | `refused` | later edits set every member that it has, or `discard`      | (removed) |
 *
 * A `sending` operation may have reached the server. Nothing is folded into it, and after a restart the same request is
 * sent again: the server executes it once, and then repeats its response. An error is not stored under the key, so it
 * says that the operation was not executed.
 */
export type OperationState =
  | { readonly state: 'queued' }
  | { readonly state: 'sending'; readonly sent: Sent }
  | { readonly state: 'refused'; readonly code: string; readonly detail: string }

/** The parts that make the request of an operation the same each time. */
interface Sent {
  /** The `Idempotency-Key`. Another request of the operation, such as after a merge, has another one. */
  readonly key: string
  /** The version of the task; null if the device knew none. */
  readonly version: string | null
  /** When it was first sent, by the clock of this device, in milliseconds since 1970. */
  readonly atMs: number
}

/** The request of an operation. `from` has the values that the person saw, for the merge. */
export type Work =
  | { readonly edit: 'create'; readonly task: NewTask & { readonly id: string } }
  | { readonly edit: 'update'; readonly change: TaskChange; readonly from: TaskChange }
  | { readonly edit: 'complete'; readonly completed: boolean }
  /** `seen` has the versions that the person may have seen: if the task differs, someone has changed it since. */
  | { readonly edit: 'delete'; readonly seen: readonly Task[] }
  /** `task` and `children` are what this device knows of the deleted tasks. */
  | { readonly edit: 'restore'; readonly task: Task | null; readonly children: readonly Task[] }
  | { readonly edit: 'move'; readonly place: Place }

/** An edit that the server has not acknowledged. */
export type Operation = OperationState & Work & Facts

/** An operation that may have reached the server. */
export type SentOperation = Extract<Operation, { state: 'sending' }>

interface Facts {
  readonly id: string
  /** Operations are sent in this order. */
  readonly order: number
  readonly taskId: string
  /** Other tasks that must be as they were when the edit was made: the parent, and the neighbour of a move. */
  readonly names: readonly string[]
  /** The title that the person saw. */
  readonly title: string
  /** When the edit was made, by the clock of this device. It is only shown. */
  readonly at: string
  /** The place of a new or moved task until the server gives it one. It is only shown. */
  readonly position?: string
}

/** The operation, if it asks for one of these. */
export type OperationOf<E extends Work['edit']> = Extract<Operation, { edit: E }>

/** @returns the operation as one that waits to be sent. */
export function queued<O extends Operation>(operation: O): O {
  type Loose = O & { code?: string; detail?: string; sent?: unknown }
  const { code: _, detail: __, sent: ___, ...rest } = operation as Loose
  return { ...rest, state: 'queued' } as unknown as O // only the state changes
}

/** Later operations on the task wait for such an operation, also if the server refuses it: there is no task without it. */
export function isGround({ edit }: Pick<Operation, 'edit'>): boolean {
  return edit === 'create' || edit === 'restore'
}

/** Stands for the manual order among the things that an operation may change. */
const ORDER = 'order'

/**
 * An operation waits for every earlier one with which it shares a task. Those that place a task wait for each other
 * as well, so that the order comes out as the person saw it. An operation that needs a task which the server has
 * refused waits for a person, and nothing else waits for it.
 *
 * @param operations in their order.
 * @param sending the ids of those whose request is in progress.
 * @returns those that may be sent now, the first ones first.
 */
export function nextOperations(
  operations: readonly Operation[],
  sending: { has(id: string): boolean },
): Operation[] {
  const taken = new Set<string>()
  const refused = new Set<string>()
  return operations.filter((operation) => {
    const { id, taskId, names, state } = operation
    const tasks = [taskId, ...names]
    if (state === 'refused' ? isGround(operation) : tasks.some((task) => refused.has(task))) {
      refused.add(taskId)
      return false
    }
    if (state === 'refused') return false
    const touched = places(operation) ? [...tasks, ORDER] : tasks
    const isFree = touched.every((name) => !taken.has(name))
    for (const name of touched) taken.add(name)
    return isFree && !sending.has(id)
  })
}

function places(operation: Operation): boolean {
  if (operation.edit === 'create') return operation.task.position === undefined
  return operation.edit === 'move'
}
