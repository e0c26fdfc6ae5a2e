import { memoryStore } from '@todo-backend/client/memory'
import type { Store } from '@todo-backend/client/sync'
import { nameHere } from './browser-storage.ts'
import { departed, endDeparture } from './departures.ts'

/** A database that another tab blocks opens never. */
const LONGEST_MS = 5_000

/**
 * @returns the database of this browser, or memory where the browser blocks it, such as in some private windows, and
 *   while another tab does.
 */
export async function openStore(userId: string): Promise<Store> {
  const opening = openDatabase(userId)
  try {
    return await within(LONGEST_MS, opening)
  } catch {
    opening.then(
      (late) => late.close(),
      () => {},
    )
    return memoryStore()
  }
}

async function openDatabase(userId: string): Promise<Store> {
  if (departed().includes(userId)) await deleteStore(userId)
  const { dexieStore } = await import('@todo-backend/client/dexie')
  return dexieStore({ name: nameOf(userId) })
}

/** Deletes what sign-outs have left on this device, such as after the tab was closed. The next start tries again what fails. */
export async function deleteDeparted(): Promise<void> {
  await Promise.allSettled(departed().map(deleteStore))
}

/** Waits until no tab has the database open. */
function deleteStore(userId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(nameOf(userId))
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      endDeparture(userId)
      resolve()
    }
  })
}

function nameOf(userId: string): string {
  return `${nameHere('todo')}-${userId}`
}

async function within<Result>(ms: number, promise: Promise<Result>): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('Another tab blocks the database')), ms)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
