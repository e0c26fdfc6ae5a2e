import { memoryStore } from '@todo-backend/client/memory'
import type { Store } from '@todo-backend/client/sync'

/** @returns the database of this browser, or memory where the browser blocks it, such as in some private windows. */
export async function openStore(userId: string): Promise<Store> {
  try {
    const { dexieStore } = await import('@todo-backend/client/dexie')
    return await dexieStore({ name: `todo-${userId}` })
  } catch {
    return memoryStore()
  }
}
