import type { LocalTask } from '../sync/types.ts'
import { byPosition, type Tasks } from './sections.ts'

const NONE: readonly LocalTask[] = []
let known: { tasks: Tasks; children: Map<string, LocalTask[]> } | undefined

/** @returns the items of a task's checklist, in order. */
export function childrenOf(tasks: Tasks, id: string): readonly LocalTask[] {
  if (known?.tasks !== tasks) {
    const children = new Map<string, LocalTask[]>()
    for (const task of tasks.values()) {
      if (task.parent_id === null) continue
      const list = children.get(task.parent_id)
      if (list === undefined) children.set(task.parent_id, [task])
      else list.push(task)
    }
    for (const list of children.values()) list.sort(byPosition)
    known = { tasks, children }
  }
  return known.children.get(id) ?? NONE
}

/** @returns how many of them are completed. */
export function doneOf(items: readonly LocalTask[]): number {
  return items.filter((item) => item.completed).length
}
