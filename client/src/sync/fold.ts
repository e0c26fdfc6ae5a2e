import type { Task } from '../task.ts'
import type { LocalTask } from './local-task.ts'
import type { Operation, OperationOf } from './operation.ts'
import type { Row } from './store.ts'

/**
 * @param operations on the task, in their order.
 * @returns the task as this device shows it, or undefined if it shows none.
 */
export function fold(
  row: Row | undefined,
  operations: readonly Operation[],
): LocalTask | undefined {
  let task = row?.base
  // A task that is restored has the edits that were made before.
  let isThere = !row?.gone
  let saved: LocalTask['saved'] = 'saved'
  for (const operation of operations) {
    const isRefused = operation.state === 'refused'
    if (isRefused) saved = 'refused'
    else if (saved === 'saved') saved = 'unsent'
    if (operation.edit === 'create') {
      // The feed may tell of the task, or of its end, before the response.
      task ??= newTask(operation)
    } else if (operation.edit === 'restore') {
      isThere = true
      task ??= operation.task
    } else if (operation.edit === 'delete') {
      isThere &&= isRefused
    } else {
      task &&= { ...task, ...changed(task, operation) }
    }
  }
  return isThere && task ? { ...task, saved } : undefined
}

function changed(
  task: Task,
  operation: OperationOf<'update' | 'complete' | 'move'>,
): Partial<Task> {
  if (operation.edit === 'update') {
    const { change } = operation
    const isDue = 'due_date' in change || 'due_time' in change || 'due_zone' in change
    // Only the server knows the instant.
    return { ...change, ...(isDue && { due_at: null }) }
  }
  if (operation.state === 'refused') return {}
  if (operation.edit === 'move') return { position: operation.position ?? task.position }
  const { completed, at } = operation
  return task.completed === completed ? {} : { completed, completed_at: completed ? at : null }
}

function newTask({ task, at, position = '' }: OperationOf<'create'>): Task {
  return {
    user_id: '',
    description: null,
    completed: false,
    completed_at: task.completed ? at : null,
    priority: 'none',
    tags: [],
    due_date: null,
    due_time: null,
    due_zone: null,
    due_at: null,
    recurrence: null,
    series_id: null,
    parent_id: null,
    position,
    created_at: at,
    updated_at: at,
    ...task,
  }
}
