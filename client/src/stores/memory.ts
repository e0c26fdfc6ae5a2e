import type { Operation } from '../sync/operation.ts'
import { type Contents, NEW_META, type Row, type Store, type TaskIds } from '../sync/store.ts'

/** The contents that stores share, such as those of several tabs or of a program that is started again. */
export class SharedMemory {
  meta = NEW_META
  readonly rows = new Map<string, Row>()
  readonly operations = new Map<string, Operation>()
  readonly stores = new Map<object, (changed: TaskIds) => void>()
  /** Ends when the store that leads gives it up. */
  leading: Promise<void> | null = null

  read(ids: TaskIds): Contents {
    const wanted = ids === 'all' ? null : new Set(ids)
    const rows =
      ids === 'all' ? [...this.rows.values()] : ids.flatMap((id) => this.rows.get(id) ?? [])
    const operations = [...this.operations.values()].filter(
      ({ taskId }) => !wanted || wanted.has(taskId),
    )
    return { meta: this.meta, rows, operations }
  }
}

/** @returns a store that is empty and forgets everything when the page is left, unless it shares its memory. */
export function memoryStore(shared: SharedMemory = new SharedMemory()): Store {
  const own = {}
  let isClosed = false
  function check(): void {
    if (isClosed) throw new Error('The store is closed')
  }
  const close = async () => {
    isClosed = true
    shared.stores.delete(own)
  }
  return {
    durable: false,
    async read(ids) {
      check()
      return shared.read(ids)
    },
    async transact(ids, step) {
      check()
      const { meta, rows, operations } = step(shared.read(ids))
      if (meta) shared.meta = meta
      write(shared.rows, rows)
      write(shared.operations, operations)
      for (const [store, listener] of shared.stores) if (store !== own) listener(ids)
    },
    subscribe(listener) {
      shared.stores.set(own, listener)
      return () => shared.stores.delete(own)
    },
    async lead(signal, follow) {
      if (shared.leading) follow()
      const aborted = new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true })
      })
      while (shared.leading && !signal.aborted) await Promise.race([shared.leading, aborted])
      signal.throwIfAborted()
      let release = () => {}
      shared.leading = new Promise((resolve) => {
        release = () => {
          shared.leading = null
          resolve()
        }
      })
      return release
    },
    close,
    async destroy() {
      check()
      shared.meta = NEW_META
      shared.rows.clear()
      shared.operations.clear()
      await close()
    },
  }
}

function write<Value>(to: Map<string, Value>, changes: ReadonlyMap<string, Value | null>): void {
  for (const [id, value] of changes) {
    if (value === null) to.delete(id)
    else to.set(id, value)
  }
}
