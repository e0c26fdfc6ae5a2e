import { TodoError } from '../transport/client.ts'
import type { Link } from './link.ts'
import type { Remote } from './remote.ts'
import { applyFeed, beginAgain } from './rows.ts'
import type { Meta, TaskIds } from './store.ts'
import type { Transact } from './transact.ts'

/** How often the feed is read where it cannot be streamed. */
const POLL_MS = 30_000

export interface FeedReader {
  readonly remote: Remote
  readonly link: Link
  readonly transact: Transact
  /** Is called with each error after which it tries again. */
  readonly report: (error: unknown) => void
  meta(): Meta
  /** Reads the store again if another tab may have changed it without telling this one. */
  catchUp(): Promise<void>
  /** Whether this device hears of each change when it happens. */
  setLive(isLive: boolean): void
}

/** Stores the changes of the feed until the signal. */
export async function readFeed(reader: FeedReader, signal: AbortSignal): Promise<void> {
  const { remote, link, transact, meta, setLive } = reader
  while (!signal.aborted) {
    let since = meta().token
    let [isLive, isBehind] = [false, false]
    try {
      for await (const item of remote.changes(since, meta().userId, signal)) {
        const changed = item.changes.map((change) =>
          'task' in change ? change.task.id : change.id,
        )
        const ids: TaskIds = item.caughtUp && meta().listing ? 'all' : changed
        const isStored = await transact(ids, (draft) => applyFeed(draft, item, since))
        if (!isStored || (item.live && !isLive)) await reader.catchUp()
        isBehind = !isStored
        if (isBehind) break
        since = item.token
        link.succeeded()
        isLive = item.live
        setLive(isLive)
      }
      if (isBehind) continue
      setLive(true)
      await link.pause(POLL_MS, signal)
    } catch (error) {
      setLive(false)
      reader.report(error)
      const isExpired = error instanceof TodoError && error.code === 'sync_expired'
      const token = since
      if (isExpired) await transact([], (draft) => beginAgain(draft, token)).catch(reader.report)
      await link.waitAfter(error, signal)
    }
  }
}
