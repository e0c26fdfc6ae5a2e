import 'fake-indexeddb/auto'
import { dexieStore } from '../../src/stores/dexie.ts'
import { memoryStore, SharedMemory } from '../../src/stores/memory.ts'
import type { Store } from '../../src/sync/store.ts'

let databases = 0

/** Each opens the store of a new user, which the tabs share. */
export const KINDS: Record<string, () => () => Promise<Store>> = {
  memory: () => {
    const shared = new SharedMemory()
    return async () => memoryStore(shared)
  },
  Dexie: () => {
    databases += 1
    const name = `todo-test-${databases}`
    return () => dexieStore({ name })
  },
}
