import type { Task, TaskChange } from '../task.ts'
import type { FeedItem } from '../transport/client.ts'
import { MEMBERS, mend, queued, toNewTask } from './apply.ts'
import type { Draft } from './draft.ts'
import { isEqual, membersOf, merge } from './merge.ts'
import { isGround, type Operation, type OperationOf, type SentOperation } from './operation.ts'
import type { End } from './store.ts'

/** How long a request can be repeated, a little less than the server keeps its key. */
const KEPT_MS = 23 * 3_600_000

/** What is sent, and what was known of its task then. */
export interface Sending {
  readonly operation: SentOperation
  readonly base: Task | null
  /** Whether it was sent before. Then only a response that is not temporary tells if it was executed. */
  readonly isRepeated: boolean
  /** Whether the server may have forgotten its key. Then also 412 does not tell. */
  readonly isOld: boolean
}

/** Names an operation. */
type Refused = Pick<Operation, 'id' | 'taskId'>

/** What makes a request a new one. */
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
  const { base = null, gone = null } = draft.row(taskId) ?? {}
  const version = base?.updated_at ?? null
  const isRepeated = operation.state === 'sending'
  const sent = isRepeated ? operation.sent : { key: newId(), version, atMs: now() }
  // The clock may have been set back.
  const isOld = Math.abs(now() - sent.atMs) > KEPT_MS
  const known = { base, isRepeated, isOld }
  const alive = gone === null ? base : null
  // It may have been executed before. Nothing but the version protects what others did since.
  const isPassed =
    isOld && (edit === 'restore' || (alive && edit !== 'create' && sent.version !== version))
  if (isRepeated && !isPassed) return { ...known, operation }
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
  return { ...known, operation: sending }
}

/** Whether someone has edited a task, who is not the person that saw these versions. */
function isEdited(base: Task, seen: readonly Task[]): boolean {
  return MEMBERS.some((member) => seen.every((task) => !isEqual(task[member], base[member])))
}

/** @param newId makes ids of conflicts; null if the update is not sent. @returns what is left of the update. */
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

/**
 * Whether a task in a response is later than its deletion. A later deletion by this device waits for the response. The
 * server gives a task and its deletion ascending times.
 */
export function isNews(draft: Draft, task: Task): boolean {
  const gone = draft.row(task.id)?.gone
  return !gone?.isConfirmed || (gone.at ?? '~') < task.updated_at
}

/** A request has changed nothing, and can be forgotten, unless another tab has sent another one. */
export function unsend(draft: Draft, operation: SentOperation): void {
  if (isEqual(draft.find(operation), operation) && !isGround(operation)) {
    draft.put(queued<Operation>(operation))
  }
}

/** The server has done it. @param task the task as it was directly afterwards; null for a deletion. */
export function acknowledge(draft: Draft, sending: Sending, task: Task | null): void {
  const { operation, base: before } = sending
  const { taskId, edit, sent } = operation
  const row = draft.row(taskId)
  if (task !== null) {
    for (const later of draft.operationsOf(taskId)) {
      if (later.edit !== 'delete') continue
      const isSeen = later.seen.some(({ updated_at: version }) => version === sent.version)
      if (edit === 'create' || isSeen) draft.put({ ...later, seen: [...later.seen, task] })
    }
    putTask(draft, task, edit === 'restore' && isNews(draft, task))
    if (edit === 'update') follow(draft, taskId, operation.change, task)
  } else if (edit === 'delete' && row?.base?.updated_at === before?.updated_at) {
    // Otherwise the feed has told of what came after, such as that someone restored it.
    const isComing = draft.operationsOf(taskId).some((other) => other.edit === 'restore')
    for (const { id, base, gone: known } of draft.rows) {
      const isChild = base?.parent_id === taskId && !isComing
      if ((id === taskId || isChild) && !known) setGone(draft, id, { isConfirmed: false, at: null })
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
 * A person wants a refused operation sent again. What the server cannot take back gets another id: a new task whose id
 * it has used, or a task that is deleted for ever. The draft must have all tasks.
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
      // They come before everything else that is to happen to them.
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

/** Gives a task another id, in everything that is to happen to it or that names it. @returns the id. */
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

/** A person takes a refused operation back; with a new task, everything that was done to it. */
export function discard(draft: Draft, id: Refused): void {
  const refused = draft.find(id)
  if (refused?.state !== 'refused') return
  const all = refused.edit === 'create' ? draft.operationsOf(refused.taskId) : [refused]
  for (const operation of all) draft.remove(operation)
}

/**
 * Stores a part of the feed and its token. At the end of a reading of the whole feed, the draft must have all tasks.
 *
 * @param since the token that the part continues from.
 * @returns false if the store has another one: it was emptied, or another tab reads the feed as well.
 */
export function applyFeed(
  draft: Draft,
  { changes, token, caughtUp }: Pick<FeedItem, 'changes' | 'token' | 'caughtUp'>,
  since: string | null,
): boolean {
  if (draft.meta.token !== since) return draft.meta.token === token
  for (const change of changes) {
    if ('task' in change) putTask(draft, change.task, true, true)
    else setGone(draft, change.id, { isConfirmed: true, at: change.deleted_at })
  }
  const { listing, generation } = draft.meta
  if (caughtUp && listing) {
    for (const row of draft.rows) {
      if (row.generation < generation) setGone(draft, row.id, { isConfirmed: true, at: null })
    }
    draft.setMeta({ listing: false, loaded: true })
  }
  draft.setMeta({ token })
  return true
}

/** The feed cannot continue from this token: it is read as a whole, and what is not in it is deleted at its end. */
export function beginAgain(draft: Draft, since: string | null): void {
  if (draft.meta.token !== since) return
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
  const isBeforeEnd = gone !== null && !gone.isConfirmed && base?.updated_at === task.updated_at
  const isStale = isOlder || isBeforeEnd || (gone !== null && !isNews)
  if (isStale && !isFirst) return
  if (draft.meta.userId === null) draft.setMeta({ userId: task.user_id })
  const seen = isFeed || !listing ? generation : (row?.generation ?? generation - 1)
  draft.putRow({ id, base: task, gone: null, generation: seen })
}

function setGone(draft: Draft, id: string, gone: End): void {
  const { base = null, generation = draft.meta.generation } = draft.row(id) ?? {}
  const { isConfirmed } = gone
  if (isConfirmed && draft.operationsOf(id).length === 0) draft.removeRow(id)
  else if (isConfirmed || base !== null) draft.putRow({ id, base, gone, generation })
}
