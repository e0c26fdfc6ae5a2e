import type { NewTask, Task, TaskChange } from '../task.ts'
import { membersOf } from './merge.ts'

/** @returns the members of a change that pass, with the values that they have in `values`. */
export function pick(
  change: TaskChange,
  passes: (member: keyof TaskChange) => boolean,
  values: TaskChange = change,
): TaskChange {
  return Object.fromEntries(
    membersOf(change)
      .filter(passes)
      .map((member) => [member, values[member]]),
  )
}

/** Text as the server stores it, so that its response is no change. */
export function normalized(change: TaskChange): TaskChange {
  const { title, tags } = change
  return {
    ...change,
    ...(title !== undefined && { title: title.trim() }),
    ...(tags !== undefined && { tags: distinct(tags) }),
  }
}

function distinct(tags: readonly string[]): string[] {
  const trimmed = tags.map((tag) => tag.trim().normalize('NFC'))
  const folded = trimmed.map((tag) => tag.toLowerCase())
  return trimmed.filter((_, at) => folded.indexOf(folded[at] ?? '') === at)
}

/** The members that a person edits, except for the place, which also changes by itself. */
export const MEMBERS = [
  'title',
  'description',
  'priority',
  'tags',
  'due_date',
  'due_time',
  'due_zone',
  'recurrence',
  'parent_id',
] as const

/** @returns a new task with the same members, except for its place. */
export function toNewTask(task: Task): NewTask {
  const { id, completed } = task
  const edited = Object.fromEntries(MEMBERS.map((member) => [member, task[member]]))
  return { ...edited, id, completed } as NewTask // whose title is one of the members
}
