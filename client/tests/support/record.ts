import type { NewTask, Task } from '../../src/task.ts'
import type { SharedMemory } from './device.ts'

/** What a person set a member to, and what they saw before. */
interface Written {
  readonly taskId: string
  readonly member: 'title' | 'description'
  /** Null clears it. */
  readonly value: string | null
  readonly seen: unknown
}

/** What all devices did. */
export interface Record {
  readonly written: Written[]
  readonly created: Set<string>
  readonly deleted: Set<string>
  readonly restored: Set<string>
  /** Values that a person was shown as refused, or as one of a conflict. */
  readonly shown: Set<unknown>
  readonly refusedTasks: Set<string>
  /** The devices on which a member of a task was edited, by the task and the member. */
  readonly editors: Map<string, Map<string, Set<number>>>
}

export function newRecord(): Record {
  return {
    ...{ written: [], created: new Set(), deleted: new Set(), restored: new Set() },
    ...{ shown: new Set(), refusedTasks: new Set(), editors: new Map() },
  }
}

/** Notes that a task which the server never had comes back as it was when it was deleted: an undo may be an old one. */
export function noteReturn(
  { written }: Record,
  taskId: string,
  { title, description = null }: NewTask,
): void {
  const others = written.filter((one) => one.taskId !== taskId)
  const now = { title, description }
  const own = (['title', 'description'] as const).map((member) => {
    return { taskId, member, value: now[member], seen: null }
  })
  written.splice(0, written.length, ...others, ...own)
}

/** Notes that a device edits members of a task. */
export function noteEditor(
  { editors }: Record,
  taskId: string,
  members: object,
  device: number,
): void {
  const ofTask = editors.get(taskId) ?? new Map<string, Set<number>>()
  editors.set(taskId, ofTask)
  for (const member of Object.keys(members)) {
    ofTask.set(member, (ofTask.get(member) ?? new Set()).add(device))
  }
}

/**
 * A person is asked only if someone else has edited the same member, or what they wanted to delete.
 *
 * @throws if a device asks for another reason, such as a response that was lost.
 */
export function judgeQuestions(
  { editors }: Record,
  device: number,
  { meta, operations }: Pick<SharedMemory, 'meta' | 'operations'>,
): void {
  const hasOther = (devices: Set<number> | undefined) =>
    [...(devices ?? [])].some((n) => n !== device)
  for (const conflict of meta.conflicts) {
    if (hasOther(editors.get(conflict.taskId)?.get(conflict.member))) continue
    throw new Error(`No other device has edited it: ${JSON.stringify(conflict)}`)
  }
  for (const operation of operations.values()) {
    if (operation.state !== 'refused' || operation.code !== 'changed') continue
    const ofTask = [...(editors.get(operation.taskId)?.values() ?? [])]
    if (operation.edit === 'delete' && ofTask.some(hasOther)) continue
    throw new Error(`No other device has edited it: ${JSON.stringify(operation)}`)
  }
}

/** @throws if an edit is lost. */
export function judge(record: Record, list: readonly Task[], known: ReadonlySet<string>): void {
  const { written, created, deleted, restored, shown, refusedTasks } = record
  for (const id of created) {
    const isExcused = deleted.has(id) || refusedTasks.has(id)
    if (!known.has(id) && !isExcused) throw new Error(`The new task ${id} is lost`)
  }
  for (const task of list) {
    const isDeleted = deleted.has(task.id) && !restored.has(task.id) && task.parent_id === null
    if (isDeleted) throw new Error(`The deleted task ${task.id} is there`)
    const own = written.filter(({ taskId }) => taskId === task.id)
    for (const { member, value } of own) {
      if (value === null) continue
      const isIn = (text: unknown) => String(text).includes(value)
      const isReplaced = own.some((other) => other.member === member && isIn(other.seen))
      if (!isIn(task[member]) && !isReplaced && ![...shown].some(isIn)) {
        const all = JSON.stringify({ own, task, shown: [...shown] }, null, 1)
        throw new Error(`The ${member} ${value} is lost: ${all}`)
      }
    }
  }
}
