import type { TaskChange } from '../task.ts'
import type { Draft } from './draft.ts'
import { pick } from './members.ts'
import { membersOf } from './merge.ts'

/**
 * Removes members from the updates in a state, because a later edit sets them.
 *
 * @returns the values that these members had before.
 */
export function mend(
  draft: Draft,
  taskId: string,
  change: TaskChange,
  state: 'queued' | 'refused',
): TaskChange {
  let before: TaskChange = {}
  for (const operation of draft.operationsOf(taskId)) {
    if (operation.edit !== 'update' || operation.state !== state) continue
    const left = pick(operation.change, (member) => !(member in change))
    const mended = pick(operation.change, (member) => member in change, operation.from)
    before = { ...mended, ...before }
    if (membersOf(left).length === 0) draft.remove(operation)
    else draft.put({ ...operation, change: left })
  }
  return before
}
