import type { Task } from '../task.ts'
import type { FeedItem } from '../transport/client.ts'
import type { Draft } from './draft.ts'
import { isEqual } from './merge.ts'
import type { End, Row } from './store.ts'

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
  const isFirst = isFeed && row && row.generation < generation
  const isOlder = base !== null && task.updated_at < base.updated_at
  const isBeforeEnd = gone !== null && !gone.isConfirmed && base?.updated_at === task.updated_at
  const isStale = isOlder || isBeforeEnd || (gone !== null && !isNews)
  if (isStale && !isFirst) return
  if (draft.meta.userId === null) draft.setMeta({ userId: task.user_id })
  const seen = isFeed || !listing ? generation : (row?.generation ?? generation - 1)
  draft.putRow({ id, base: task, gone: null, generation: seen })
}

/**
 * Whether a task in a response is later than its deletion. A response is later than everything that the device knew
 * when it sent the request. Of what it has learned since, times decide: the server gives a task and its deletion
 * ascending ones. A later deletion by this device waits for the response.
 *
 * @param known the row when the device sent the request.
 */
export function isNews(draft: Draft, task: Task, known: Row | undefined): boolean {
  const row = draft.row(task.id)
  if (!row?.gone?.isConfirmed || isEqual(row, known)) return true
  return (row.gone.at ?? '~') < task.updated_at
}

/** Stores the end of a task. Its row is removed if no operation needs it. */
export function setGone(draft: Draft, id: string, gone: End): void {
  const { base = null, generation = draft.meta.generation } = draft.row(id) ?? {}
  const { isConfirmed } = gone
  if (isConfirmed && draft.operationsOf(id).length === 0) draft.removeRow(id)
  else if (isConfirmed || base !== null) draft.putRow({ id, base, gone, generation })
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

/** Begins to read the whole feed, because it cannot continue from this token. Tasks that are not in it are then deleted. */
export function beginAgain(draft: Draft, since: string | null): void {
  if (draft.meta.token !== since) return
  draft.setMeta({ token: null, listing: true, generation: draft.meta.generation + 1 })
}
