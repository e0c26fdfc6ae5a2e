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
  let task: Task | undefined = row?.gone ? undefined : (row?.base ?? undefined)
  let saved: LocalTask['saved'] = 'saved'
  for (const operation of operations) {
    if (operation.state === 'refused') saved = 'refused'
    else if (saved === 'saved') saved = 'unsent'
    task = shown(task, operation, row)
  }
  return task && { ...task, saved }
}

function shown(
  task: Task | undefined,
  operation: Operation,
  row: Row | undefined,
): Task | undefined {
  const isRefused = operation.state === 'refused'
  switch (operation.edit) {
    case 'create':
      // The feed may tell of the task, or of its end, before the response.
      return row?.gone || task ? task : newTask(operation)
    case 'restore':
      return task ?? row?.base ?? operation.task ?? undefined
    case 'delete':
      return isRefused ? task : undefined
    case 'update': {
      const { change } = operation
      const isDue = 'due_date' in change || 'due_time' in change || 'due_zone' in change
      // Only the server knows the instant.
      return task && { ...task, ...change, ...(isDue && { due_at: null }) }
    }
    case 'complete': {
      const { completed, at } = operation
      if (isRefused || task?.completed === completed) return task
      return task && { ...task, completed, completed_at: completed ? at : null }
    }
    case 'move':
      return isRefused ? task : task && { ...task, position: operation.position ?? task.position }
  }
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
