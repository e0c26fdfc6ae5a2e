import type { Draft } from './draft.ts'
import { toNewTask } from './members.ts'
import { mend } from './mend.ts'
import { isGround, type Operation, queued } from './operation.ts'

/** Names an operation. */
type Refused = Pick<Operation, 'id' | 'taskId'>

/** Marks an operation as refused. It waits for a person, unless later edits set all of its members. */
export function refuse(draft: Draft, operation: Operation, code: string, detail: string): void {
  // Another tab may have had it acknowledged.
  if (draft.find(operation) === undefined) return
  const refused: Operation = { ...operation, state: 'refused', code, detail }
  draft.put(refused)
  if (refused.edit !== 'update') return
  for (const later of draft.operationsOf(operation.taskId)) {
    if (later.edit !== 'update' || later.state !== 'queued') continue
    const before = mend(draft, later.taskId, later.change, 'refused')
    draft.put({ ...later, from: { ...later.from, ...before } })
  }
}

/**
 * Queues a refused operation again. A task gets another id if the server does not accept its own: a new task whose id
 * was used before, or a task that was deleted permanently. The draft must have all tasks.
 */
export function retry(draft: Draft, id: Refused, newId: () => string): void {
  const refused = draft.find(id)
  if (refused?.state !== 'refused') return
  const { code, taskId, edit, title, at, names } = refused
  if (edit === 'create' && code === 'conflict') {
    rename(draft, taskId, newId)
  } else if (edit === 'restore' && code === 'not_found' && refused.task !== null) {
    // The trash does not have it any more. This device still does.
    draft.remove(refused)
    const all = [refused.task, ...refused.children]
    let parent = refused.task.parent_id
    all.forEach((known, index) => {
      const row = draft.row(known.id)
      if (row && !row.gone) return
      const own = rename(draft, known.id, newId)
      const task = { ...toNewTask(known), id: own, parent_id: parent }
      const named = parent === null ? [] : [parent]
      // The creations come before all other operations on these tasks.
      const order = refused.order + index / all.length
      const facts = { id: newId(), order, taskId: own, names: named, title: known.title, at }
      draft.put({ ...facts, edit: 'create', state: 'queued', task })
      if (index === 0) parent = own
    })
  } else if (isGround(refused)) {
    // The server may have stored a response to the first request of a creation.
    draft.remove(refused)
    draft.put({ ...queued(refused), id: newId() })
  } else {
    const { base = null } = draft.row(taskId) ?? {}
    if (code === 'not_found') {
      const restore = { edit: 'restore', task: base, children: [] } as const
      draft.append({ ...restore, taskId, title, at, names, id: newId() })
    }
    draft.remove(refused)
    const again = { ...queued(refused), id: newId() }
    draft.append(again.edit === 'delete' && base ? { ...again, seen: [base] } : again)
  }
}

/** Gives a task another id in all operations on it, and in those that name it. @returns the id. */
function rename(draft: Draft, from: string, newId: () => string): string {
  const to = newId()
  for (const operation of draft.operations) {
    const isOwn = operation.taskId === from
    if (!isOwn && !operation.names.includes(from)) continue
    const text = JSON.stringify(operation)
    const renamed: Operation = JSON.parse(text, (_, value) => (value === from ? to : value))
    draft.remove(operation)
    draft.put(isOwn ? { ...queued(renamed), id: newId() } : renamed)
  }
  return to
}

/** Discards a refused operation; with a new task, all operations on it. */
export function discard(draft: Draft, id: Refused): void {
  const refused = draft.find(id)
  if (refused?.state !== 'refused') return
  const all = refused.edit === 'create' ? draft.operationsOf(refused.taskId) : [refused]
  for (const operation of all) draft.remove(operation)
}
