import { Dexie, type EntityTable } from 'dexie'
import type { Operation } from '../sync/operation.ts'
import {
  type Changes,
  type Contents,
  type Meta,
  NEW_META,
  type Row,
  type Store,
  type TaskIds,
} from '../sync/store.ts'

/**
 * The version of the stored form. If it changes, rows are dropped and read again, and `migrated` brings
 * operations, which nobody else has, into the new form.
 */
const FORM = 1

interface StoredMeta extends Meta {
  readonly key: 'meta'
  readonly form: number
}

type Database = Dexie & {
  readonly rows: EntityTable<Row, 'id'>
  readonly operations: EntityTable<Operation, 'id'>
  readonly meta: EntityTable<StoredMeta, 'key'>
}

/** Of a browser; Node has none. */
interface Storages {
  persist?(): Promise<boolean>
}

export interface DexieStoreOptions {
  /** The name of the database in this browser. It must differ for each user, such as `todo-` and the user's id. */
  readonly name: string
}

/**
 * Opens a store in IndexedDB, which survives a reload, and asks the browser not to evict it. All tabs may have it open.
 *
 * @throws if the browser blocks IndexedDB, such as in some private windows. Then use `memoryStore`, and say that edits
 *   made offline do not survive a reload.
 */
export async function dexieStore({ name }: DexieStoreOptions): Promise<Store> {
  const db = await openDatabase(name)
  // Without it, browsers may delete the database when space is short, and Safari after seven days without a visit.
  const { storage } = (globalThis.navigator ?? {}) as { storage?: Storages }
  storage?.persist?.().catch(() => {})
  const tabs = listen(name)

  async function close(): Promise<void> {
    tabs.close()
    db.close()
  }

  return {
    durable: true,
    read: (ids) => db.transaction('r', db.tables, () => readContents(db, ids)),
    async transact(ids, step) {
      await db.transaction('rw', db.tables, async () => {
        await writeChanges(db, step(await readContents(db, ids)))
      })
      tabs.tell(ids)
    },
    subscribe: tabs.subscribe,
    lead: (signal, follow) => lead(name, signal, follow),
    close,
    async destroy() {
      tabs.close()
      await db.delete()
    },
  }
}

async function openDatabase(name: string): Promise<Database> {
  // If another tab or the person deletes the database, Dexie closes it, and would open it again, empty.
  const db = new Dexie(name, { autoOpen: false }) as Database // with these tables
  db.version(1).stores({ rows: 'id', operations: 'id, taskId', meta: 'key' })
  try {
    await db.open()
    await db.transaction('rw', db.tables, () => renew(db))
  } catch (error) {
    db.close()
    throw error
  }
  return db
}

/** A tab that was opened before the page was updated must not write its own form beside the new one. */
function checkForm(meta: StoredMeta | undefined): StoredMeta | undefined {
  if (meta && meta.form > FORM) throw new Error('A later version of this page has the store')
  return meta
}

/** Brings the contents into the present form. */
async function renew(db: Database): Promise<void> {
  const meta = await db.meta.get('meta')
  if (meta === undefined || meta.form === FORM) return
  checkForm(meta)
  const { nextOrder, conflicts, userId } = { ...NEW_META, ...meta }
  await db.rows.clear()
  await db.operations.bulkPut((await db.operations.toArray()).map(migrated))
  await putMeta(db, { ...NEW_META, nextOrder, conflicts, userId })
}

/** @returns an operation of an earlier form in the present one. */
function migrated(operation: Operation): Operation {
  return operation
}

async function readContents(db: Database, ids: TaskIds): Promise<Contents> {
  const isAll = ids === 'all'
  const [meta, rows, operations] = await Dexie.Promise.all([
    db.meta.get('meta').then(checkForm),
    isAll ? db.rows.toArray() : db.rows.bulkGet([...ids]),
    isAll ? db.operations.toArray() : db.operations.where('taskId').anyOf(ids).toArray(),
  ])
  const { key: _, form: __, ...known } = { key: 'meta', form: FORM, ...NEW_META, ...meta }
  return { meta: known, rows: rows.filter((row) => row !== undefined), operations }
}

async function writeChanges(db: Database, { meta, rows, operations }: Changes): Promise<void> {
  if (meta) await putMeta(db, meta)
  for (const [table, changes] of [
    [db.rows, rows],
    [db.operations, operations],
  ] as const) {
    if (changes.size === 0) continue
    const [put, deleted]: [object[], string[]] = [[], []]
    for (const [id, value] of changes) {
      if (value === null) deleted.push(id)
      else put.push(value)
    }
    if (put.length > 0) await (table as Dexie.Table).bulkPut(put)
    if (deleted.length > 0) await table.bulkDelete(deleted)
  }
}

async function putMeta(db: Database, meta: Meta): Promise<void> {
  await db.meta.put({ ...meta, key: 'meta', form: FORM })
}

/** Passes messages between the tabs. */
function listen(name: string) {
  const listeners = new Set<(changed: TaskIds) => void>()
  const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(name)
  if (channel) {
    channel.onmessage = ({ data }: { data: TaskIds }) => {
      for (const listener of listeners) listener(data)
    }
  }
  return {
    tell: (ids: TaskIds) => channel?.postMessage(ids),
    subscribe(listener: (changed: TaskIds) => void) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    close() {
      listeners.clear()
      channel?.close()
    },
  }
}

/** The browser gives the lock to one tab, and to another when that is closed. */
function lead(name: string, signal: AbortSignal, follow: () => void): Promise<() => void> {
  const locks = globalThis.navigator?.locks
  // Pages without https have no locks. Each tab then leads, and sends what another one sends as well. That is harmless,
  // because the server does everything once.
  if (!locks) return Promise.resolve(() => {})
  return new Promise((resolve, reject) => {
    const hold = () => new Promise<void>((release) => resolve(release))
    const ifFree = { ifAvailable: true }
    async function request(): Promise<void> {
      signal.throwIfAborted()
      let isFree = true
      await locks.request(name, ifFree, (lock) => {
        isFree = lock !== null
        return isFree ? hold() : undefined
      })
      if (isFree) return
      follow()
      await locks.request(name, { signal }, hold)
    }
    request().catch(reject)
  })
}
