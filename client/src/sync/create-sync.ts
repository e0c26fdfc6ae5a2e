import { ConnectionError, type TodoClient, TodoError } from '../transport/client.ts'
import { type Sleep, wait } from '../transport/http.ts'
import { newUuid } from '../transport/uuid.ts'
import { applyEdits, type Device, taskOf, withIds } from './apply.ts'
import { Draft } from './draft.ts'
import { Link } from './link.ts'
import { isEqual } from './merge.ts'
import { Changing, Mirror } from './mirror.ts'
import { readFeed } from './read-feed.ts'
import { discard, retry } from './refusals.ts'
import { remoteOf } from './remote.ts'
import { sendOutbox } from './send.ts'
import type { Store, TaskIds } from './store.ts'
import type { Sync, SyncState, SyncStatus } from './sync.ts'
import type { Transact } from './transact.ts'

export type { Applied, Edit } from './edit.ts'
export type { Conflict, LocalTask, Refusal } from './local-task.ts'
export type { Store } from './store.ts'
export type { Sync, SyncState, SyncStatus } from './sync.ts'

export interface SyncOptions {
  readonly client: TodoClient
  /** The tasks of the client's user, and of nobody else. Close it after `stop`. */
  readonly store: Store
  /** The clock of this device, in milliseconds since 1970. Only what is shown depends on it. */
  readonly now?: () => number
  /** In place of a timer, for tests. */
  readonly sleep?: Sleep
  /** Is called with errors that are neither responses nor their absence, such as of the store. */
  readonly onError?: (error: unknown) => void
}

/**
 * Keeps the tasks of one user in a store, and brings edits and changes of the server together. It begins at once.
 * If several tabs have the same store open, one of them talks to the server.
 */
export function createSync(options: SyncOptions): Sync {
  const { client, store, now = Date.now, sleep = wait } = options
  const { onError = (error) => console.error(error) } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const mirror = new Mirror()
  const newId = () => newUuid(now())
  let phase: 'starting' | 'follower' | 'leader' | 'stopped' = 'starting'
  let isLive = false
  const status = new Changing<SyncStatus>(
    () => ({
      state: stateOf(),
      loaded: mirror.meta.loaded,
      unsent: mirror.operations.filter(({ state }) => state !== 'refused').length,
      durable: store.durable,
    }),
    isEqual,
  )
  const changed = () => status.changed()
  const next = () =>
    new Promise<void>((resolve) => {
      const end = status.subscribe(() => {
        end()
        resolve()
      })
    })
  const link = new Link(sleep, changed)

  function stateOf(): SyncState {
    if (phase !== 'leader') return phase
    if (link.state !== 'up') return link.state
    return isLive ? 'live' : 'catching-up'
  }

  /** Transactions of this tab, and readings after those of others, one after the other. */
  let last: Promise<unknown> = Promise.resolve()
  function enqueue<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = last.then(task)
    last = result.catch(() => {})
    return result
  }

  const transact: Transact = (ids, step) =>
    enqueue(async () => {
      let draft: Draft | undefined
      let result: ReturnType<typeof step> | undefined
      await store.transact(ids, (contents) => {
        draft = new Draft(contents)
        result = step(draft)
        return draft.changes()
      })
      if (draft) mirror.replace(ids, draft)
      changed()
      return result as ReturnType<typeof step> // the store has run the step
    })

  const reread = (ids: TaskIds) =>
    enqueue(async () => {
      mirror.replace(ids, await store.read(ids))
      changed()
    })

  /** A tab may have ended between a transaction and its message. */
  async function catchUp(): Promise<void> {
    const { nextOrder, token } = (await store.read([])).meta
    const { meta } = mirror
    if (nextOrder !== meta.nextOrder || token !== meta.token) await reread('all')
  }

  function report(error: unknown): void {
    const isExpected = error instanceof TodoError || error instanceof ConnectionError
    if (!isExpected && !signal.aborted) onError(error)
  }

  async function runAgain(): Promise<void> {
    while (!signal.aborted) {
      try {
        await run()
      } catch (error) {
        report(error)
        await link.waitAfter(error, signal)
      }
    }
  }

  async function run(): Promise<void> {
    const release = await store.lead(signal, () => {
      phase = 'follower'
      changed()
    })
    try {
      await catchUp()
      phase = 'leader'
      changed()
      const remote = remoteOf(client)
      const setLive = (live: boolean) => {
        isLive = live
        changed()
      }
      const common = { remote, link, transact, report }
      await Promise.all([
        readFeed({ ...common, meta: () => mirror.meta, setLive, catchUp }, signal),
        sendOutbox(
          {
            ...common,
            clock: { now, newId },
            changed: next,
            userId: () => mirror.meta.userId,
            operations: () => mirror.operations,
            childrenOf: (id) => mirror.childrenOf(id),
          },
          signal,
        ),
      ])
    } finally {
      release()
    }
  }

  const device: Device = {
    shown: (id) => mirror.shown(id),
    get tasks() {
      return mirror.all
    },
    deleted: (id) => mirror.deleted(id),
    now,
    newId,
  }
  const unsubscribe = store.subscribe((ids) => {
    // Another tab pokes.
    if (ids.length === 0) link.poke()
    reread(ids).catch(report)
  })
  const loaded = reread('all')
  const running = loaded.then(runAgain).catch(report)
  signal.addEventListener('abort', changed)
  listenToBrowser(poke, signal)

  function poke(): void {
    link.poke()
    catchUp().catch(report)
  }

  async function ready(): Promise<void> {
    await loaded
    if (signal.aborted) throw new Error('The sync was stopped')
  }

  const decide = (decision: typeof retry) => async (id: string) => {
    await ready()
    const refused = mirror.operations.find((operation) => operation.id === id)
    if (refused) await transact('all', (draft) => decision(draft, refused, newId))
  }

  return {
    tasks: mirror.tasks,
    status,
    refusals: mirror.refusals,
    conflicts: mirror.conflicts,
    async apply(given) {
      await ready()
      const edits = withIds(given, device)
      const children = edits.flatMap((edit) =>
        edit.edit === 'delete' ? mirror.shownBelow(edit.id) : [],
      )
      const ids = [...new Set([...edits.map(taskOf), ...children])]
      return transact(ids, (draft) => applyEdits(draft, edits, device))
    },
    retry: decide(retry),
    discard: decide(discard),
    async dismiss(id) {
      await ready()
      await transact([], (draft) => {
        const conflicts = draft.meta.conflicts.filter((conflict) => conflict.id !== id)
        draft.setMeta({ conflicts })
      })
    },
    poke() {
      poke()
      // The tab that talks to the server hears of this transaction, which changes nothing.
      if (phase === 'follower') transact([], () => {}).catch(report)
    },
    async stop() {
      stopping.abort(new Error('The sync was stopped'))
      unsubscribe()
      await running
      await last
      phase = 'stopped'
      changed()
    },
  }
}

/** The parts of a browser that the sync uses, as far as it runs in one. */
type Browser = EventTarget & {
  readonly document?: EventTarget & { readonly visibilityState: string }
}

/** Calls the listener when the device goes offline, and when it may be online again, until the signal. */
function listenToBrowser(listener: () => void, signal: AbortSignal): void {
  const browser = globalThis as unknown as Browser // Node has no document
  const { document } = browser
  browser.addEventListener?.('offline', listener, { signal })
  browser.addEventListener?.('online', listener, { signal })
  document?.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible') listener()
    },
    { signal },
  )
}
