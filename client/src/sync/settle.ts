import type { Change, Task, TaskChange } from '../task.ts'
import { mend, queued, toNewTask } from './apply.ts'
import type { Draft } from './draft.ts'
import { isEqual, membersOf, merge } from './merge.ts'
import { isGround, type Operation } from './operation.ts'
import type { Row } from './store.ts'

/** What is sent: an operation, at a version of its task. */
export interface Sending {
  readonly operation: Operation
  /** The version for `If-Match`; null if the device has never read the task. */
  readonly base: Task | null
  /** What was known of the deletion of the task when the request was sent. */
  readonly gone: Row['gone']
}

/** Names an operation. */
type Refused = Pick<Operation, 'id' | 'taskId'>

/** Part of the feed, as the transport reads it. */
export interface FeedPart {
  readonly changes: readonly Change[]
  readonly token: string
  readonly caughtUp: boolean
}

/** Chooses what to send for an operation: merges it with the latest version. @returns undefined if that has it all. */
export function begin(draft: Draft, wanted: Operation, newId: () => string): Sending | undefined {
  const operation = draft.find(wanted)
  if (operation === undefined || operation.state === 'refused') return undefined
  const row = draft.row(operation.taskId)
  const { base = null, gone = null } = row ?? {}
  const isKnown = base !== null && gone === null
  const merged =
    isKnown && operation.edit === 'update' ? mergeUpdate(draft, operation, base, newId) : operation
  const isDone =
    (merged.edit === 'update' && membersOf(merged.change).length === 0) ||
    (merged.edit === 'complete' && isKnown && base.completed === merged.completed)
  if (isDone) {
    draft.remove(operation)
    return undefined
  }
  const sending: Operation = { ...merged, state: 'sending' }
  draft.put(sending)
  return { operation: sending, base, gone }
}

function mergeUpdate(
  draft: Draft,
  operation: Extract<Operation, { edit: 'update' }>,
  base: Task,
  newId: () => string,
): Operation {
  const { change, from, conflicts } = merge(operation.change, operation.from, base)
  const { taskId } = operation
  const found = conflicts.map((conflict) => ({
    ...{ id: newId(), taskId, title: base.title },
    ...conflict,
  }))
  if (found.length > 0) draft.setMeta({ conflicts: [...draft.meta.conflicts, ...found] })
  follow(draft, taskId, operation.change, { ...operation.change, ...change })
  return { ...operation, change, from }
}

/** The server has done it. @param task the task as it was directly afterwards; null for a deletion. */
export function acknowledge(draft: Draft, { operation, gone }: Sending, task: Task | null): void {
  const { taskId, edit } = operation
  const row = draft.row(taskId)
  if (task !== null) {
    const isRestored = edit === 'restore' && row?.gone?.at === gone?.at
    // If the feed has told of a deletion meanwhile, it also tells what came after.
    putTask(draft, task, isRestored)
    if (edit === 'update') follow(draft, taskId, operation.change, task)
  } else if (edit === 'delete') {
    const isComing = draft.operationsOf(taskId).some((other) => other.edit === 'restore')
    for (const { id, base, gone: known } of draft.rows) {
      const isChild = base?.parent_id === taskId && !isComing
      if ((id === taskId || isChild) && !known) setGone(draft, id, null)
    }
  }
  draft.remove(operation)
}

/** Values became others, such as two descriptions that were joined. Edits that were made since are edits of those. */
function follow(draft: Draft, taskId: string, sent: TaskChange, become: TaskChange): void {
  for (const later of draft.operationsOf(taskId)) {
    if (later.edit !== 'update' || later.state === 'sending') continue
    const seen = membersOf(later.from).filter(
      (member) => member in sent && isEqual(later.from[member], sent[member]),
    )
    if (seen.length === 0) continue
    const now = Object.fromEntries(seen.map((member) => [member, become[member]]))
    draft.put({ ...later, from: { ...later.from, ...now } })
  }
}

/** The server has refused it. It waits for a person, unless later edits set all its members. */
export function refuse(draft: Draft, { operation }: Sending, code: string, detail: string): void {
  const refused: Operation = { ...operation, state: 'refused', code, detail }
  draft.put(refused)
  if (refused.edit !== 'update') return
  for (const later of draft.operationsOf(operation.taskId)) {
    if (later.edit !== 'update' || later.order <= operation.order) continue
    if (later.state === 'refused') continue
    const before = mend(draft, later.taskId, later.change)
    draft.put({ ...later, from: { ...later.from, ...before } })
  }
}

/**
 * A person wants a refused operation sent again.
 *
 * @param newTaskId the id of a new task in place of one that is deleted for ever.
 */
export function retry(draft: Draft, id: Refused, newTaskId: string, newId: () => string): void {
  const refused = draft.find(id)
  if (refused?.state !== 'refused') return
  const { code, taskId, edit, title, at, names } = refused
  const facts = { title, at, names, id: newId() }
  if (edit === 'create' && code === 'conflict') {
    for (const operation of draft.operationsOf(taskId)) {
      draft.remove(operation)
      const task = operation.edit === 'create' && { task: { ...operation.task, id: newTaskId } }
      draft.put({ ...queued(operation), ...task, id: newId(), taskId: newTaskId } as Operation) // a create has a task
    }
  } else if (edit === 'restore' && code === 'not_found' && refused.task !== null) {
    // The trash does not have it any more. This device still does.
    draft.remove(refused)
    const task = { ...toNewTask(refused.task), id: newTaskId }
    draft.append({ ...facts, edit: 'create', taskId: newTaskId, task })
  } else if (isGround(refused)) {
    draft.remove(refused)
    draft.put({ ...queued(refused), id: facts.id })
  } else {
    const base = draft.row(taskId)?.base ?? null
    if (code === 'not_found') draft.append({ ...facts, edit: 'restore', taskId, task: base })
    draft.remove(refused)
    // The server may have stored a response to the first one.
    draft.append({ ...queued(refused), id: newId() })
  }
}

/** A person takes a refused operation back; with a new task, everything that was done to it. */
export function discard(draft: Draft, id: Refused): void {
  const refused = draft.find(id)
  if (refused?.state !== 'refused') return
  const all = refused.edit === 'create' ? draft.operationsOf(refused.taskId) : [refused]
  for (const operation of all) draft.remove(operation)
}

/** Stores a part of the feed and its token. At the end of a reading of the whole feed, the draft must have all tasks. */
export function applyFeed(draft: Draft, { changes, token, caughtUp }: FeedPart): void {
  for (const change of changes) {
    if ('task' in change) putTask(draft, change.task, true, true)
    else setGone(draft, change.id, change.deleted_at)
  }
  const { listing, generation } = draft.meta
  if (caughtUp && listing) {
    for (const row of draft.rows) {
      if (row.generation < generation) setGone(draft, row.id, '')
    }
    draft.setMeta({ listing: false, loaded: true })
  }
  draft.setMeta({ token })
}

/** The feed cannot continue: it is read as a whole, and what is not in it is deleted at its end. */
export function beginAgain(draft: Draft): void {
  draft.setMeta({ token: null, listing: true, generation: draft.meta.generation + 1 })
}

/**
 * Stores a version of a task, unless it is older than what the device has. The database may have been restored from a
 * backup, so the first version of a new reading of the feed is always taken. A response does not count as one: only the
 * feed knows whether the task is deleted meanwhile.
 *
 * @param isNews whether it is later than the deletion that the device knows.
 */
export function putTask(draft: Draft, task: Task, isNews: boolean, isFeed = false): void {
  const { id } = task
  const { generation, listing } = draft.meta
  const row = draft.row(id)
  const { base = null, gone = null } = row ?? {}
  const isFirst = isFeed && row !== undefined && row.generation < generation
  const isOlder = base !== null && task.updated_at < base.updated_at
  const isBeforeEnd = gone !== null && gone.at === null && base?.updated_at === task.updated_at
  const isStale = isOlder || isBeforeEnd || (gone !== null && !isNews)
  if (isStale && !isFirst) return
  const seen = isFeed || !listing ? generation : (row?.generation ?? generation - 1)
  draft.putRow({ id, base: task, gone: null, generation: seen })
}

/** @param at when, by the feed; null if only the response to a request says so. */
function setGone(draft: Draft, id: string, at: string | null): void {
  const { base = null, generation = draft.meta.generation } = draft.row(id) ?? {}
  if (at !== null && draft.operationsOf(id).length === 0) draft.removeRow(id)
  else if (at !== null || base !== null) draft.putRow({ id, base, gone: { at }, generation })
}
