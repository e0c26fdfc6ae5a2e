import type { Task, TaskChange } from '../task.ts'
import type { Draft } from './draft.ts'
import { MEMBERS } from './members.ts'
import { isEqual, membersOf, merge } from './merge.ts'
import {
  isGround,
  type Operation,
  type OperationOf,
  queued,
  type SentOperation,
} from './operation.ts'
import { refuse } from './refusals.ts'
import { isNews, putTask, setGone } from './rows.ts'
import type { Row } from './store.ts'

/** How long a request can be repeated, a little less than the server keeps its key. */
const KEPT_MS = 23 * 3_600_000

/** A request, and what was known of its task when it was sent. */
export interface Sending {
  readonly operation: SentOperation
  readonly row: Row | undefined
  /** Whether it was sent before. Then only a response that is not temporary shows whether it was executed. */
  readonly isRepeated: boolean
  /** Whether the server may have deleted its key. Then 412 does not show it either. */
  readonly isOld: boolean
}

/** The time and the key of a new request. */
export interface Clock {
  now(): number
  newId(): string
}

/**
 * Chooses what to send for an operation: the request that was sent before, or one that is merged with the latest version.
 *
 * @returns undefined if there is nothing to send.
 */
export function begin(draft: Draft, wanted: Operation, { now, newId }: Clock): Sending | undefined {
  const operation = draft.find(wanted)
  if (operation === undefined || operation.state === 'refused') return undefined
  const { taskId, edit } = operation
  const row = draft.row(taskId)
  const { base = null, gone = null } = row ?? {}
  const version = base?.updated_at ?? null
  const isRepeated = operation.state === 'sending'
  const sent = isRepeated ? operation.sent : { key: newId(), version, atMs: now() }
  // The clock may have been set back.
  const isOld = Math.abs(now() - sent.atMs) > KEPT_MS
  const facts = { row, isRepeated, isOld }
  const alive = gone === null ? base : null
  // It may have been executed before. Nothing but the version protects what others did since.
  const isPassed =
    isOld && (edit === 'restore' || (alive && edit !== 'create' && sent.version !== version))
  if (isRepeated && !isPassed) return { ...facts, operation }
  const next =
    alive && operation.edit === 'update'
      ? mergeUpdate(draft, operation, alive, isPassed ? null : newId)
      : operation
  const isDone =
    (next.edit === 'update' && membersOf(next.change).length === 0) ||
    (next.edit === 'complete' && alive?.completed === next.completed) ||
    (edit === 'restore' && isPassed && alive)
  if (isDone) {
    draft.remove(operation)
    return undefined
  }
  if (isPassed || (alive && operation.edit === 'delete' && isEdited(alive, operation.seen))) {
    refuse(draft, operation, 'changed', 'The task was changed')
    return undefined
  }
  const sending = { ...next, state: 'sending', sent } as SentOperation // the spread of a union is not one
  draft.put(sending)
  return { ...facts, operation: sending }
}

/** Whether a task has an edit that is in none of these versions, so that someone else made it. */
function isEdited(base: Task, seen: readonly Task[]): boolean {
  return MEMBERS.some((member) => seen.every((task) => !isEqual(task[member], base[member])))
}

/** @param newId makes ids of conflicts; null if the update is not sent. @returns the rest of the update. */
function mergeUpdate(
  draft: Draft,
  operation: OperationOf<'update'>,
  base: Task,
  newId: Clock['newId'] | null,
): Operation {
  const { taskId } = operation
  const { change, from, conflicts } = merge(operation.change, operation.from, base)
  if (newId && conflicts.length > 0) {
    const { title } = base
    const added = conflicts.map((conflict) => ({ taskId, title, ...conflict, id: newId() }))
    draft.setMeta({ conflicts: [...draft.meta.conflicts, ...added] })
  }
  follow(draft, taskId, operation.change, { ...operation.change, ...change })
  return { ...operation, change, from }
}

/** Queues an operation again whose request has changed nothing, unless another tab has sent another request. */
export function unsend(draft: Draft, operation: SentOperation): void {
  if (isEqual(draft.find(operation), operation) && !isGround(operation)) {
    draft.put(queued<Operation>(operation))
  }
}

/** Stores that the server has executed a request. @param task as it was directly afterwards; null for a deletion. */
export function acknowledge(draft: Draft, sending: Sending, task: Task | null): void {
  const { operation, row: known } = sending
  const { taskId, edit, sent } = operation
  if (task !== null) {
    for (const later of draft.operationsOf(taskId)) {
      if (later.edit !== 'delete') continue
      const isSeen = later.seen.some(({ updated_at: version }) => version === sent.version)
      if (edit === 'create' || isSeen) draft.put({ ...later, seen: [...later.seen, task] })
    }
    putTask(draft, task, edit === 'restore' && isNews(draft, task, known))
    if (edit === 'update') follow(draft, taskId, operation.change, task)
  } else if (edit === 'delete' && draft.row(taskId)?.base?.updated_at === known?.base?.updated_at) {
    // Otherwise the feed has shown a later change, such as that someone restored it.
    const isComing = draft.operationsOf(taskId).some((other) => other.edit === 'restore')
    for (const { id, base, gone } of draft.rows) {
      const isChild = base?.parent_id === taskId && !isComing
      if ((id === taskId || isChild) && !gone) setGone(draft, id, { isConfirmed: false, at: null })
    }
  }
  draft.remove(operation)
}

/** Bases later edits on the values that a request or a merge left, such as two descriptions that were joined. */
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
