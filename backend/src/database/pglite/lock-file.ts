import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FileLock, takeFileLock } from './file-lock.ts'
import { type FolderLock, HeldFolder, HOLDER, LOCK_TIMES, LOCKED } from './held-folder.ts'
import {
  type Holder,
  hasProvablyEnded,
  readHeartbeat,
  readHolder,
  runsOlderVersion,
} from './lock-holder.ts'

/** Another process holds the folder. The message names it and says what to do. */
export class LockedError extends Error {
  override name = 'LockedError'
}

export interface LockOptions {
  readonly times?: Partial<typeof LOCK_TIMES>
  /** Takes the operating-system lock; tests replace it with one that has no locks. */
  readonly takeFileLock?: typeof takeFileLock
  /** Receives a line if the start has to wait. */
  readonly report?: (message: string) => void
}

/**
 * Locks the data folder for this process. PGlite has no lock, and two processes on one folder silently lose
 * acknowledged rows.
 *
 * There are two locks. The operating system drops the lock on `lock.sqlite` when its holder ends, so a start
 * that gets it from a holder on the same kernel continues at once. Without that proof (no locks on this file
 * system, another kernel, a removed file) the start waits until the heartbeat in `lock` has stopped.
 *
 * @param directory the data folder, which must exist.
 * @returns the lock; release it when the server stops.
 * @throws {LockedError} if another process has the folder, or may have it.
 */
export async function takeLock(directory: string, options: LockOptions = {}): Promise<FolderLock> {
  const take = options.takeFileLock ?? takeFileLock
  const times = { ...LOCK_TIMES, ...options.times }
  const locked = await waitForFileLock(directory, () => take(join(directory, LOCKED)), times)
  try {
    await waitForHolder(directory, locked, times, options.report ?? (() => {}))
    const lock = new HeldFolder(directory, locked, times, take)
    if (locked === undefined) await sleep(times.settleMs)
    if (!lock.confirm()) throw new LockedError(inUse(readHolder(join(directory, HOLDER))))
    return lock
  } catch (error) {
    locked?.release()
    throw error
  }
}

async function waitForFileLock(
  directory: string,
  take: () => ReturnType<typeof takeFileLock>,
  { patienceMs }: typeof LOCK_TIMES,
): Promise<FileLock | undefined> {
  const startedMs = performance.now()
  for (;;) {
    const outcome = take()
    if (outcome !== 'busy') return outcome === 'unavailable' ? undefined : outcome
    if (performance.now() - startedMs > patienceMs) {
      throw new LockedError(inUse(readHolder(join(directory, HOLDER))))
    }
    // The random pause separates starts that collide.
    await sleep(50 + 100 * Math.random())
  }
}

/** Waits until the holder named in `lock` has certainly ended. @throws {LockedError} if it has not. */
async function waitForHolder(
  directory: string,
  locked: FileLock | undefined,
  { stillMs, beatMs }: typeof LOCK_TIMES,
  report: (message: string) => void,
): Promise<void> {
  const file = join(directory, HOLDER)
  const seen = readHeartbeat(file)
  if (seen === undefined) return
  const holder = readHolder(file)
  if (holder !== undefined && runsOlderVersion(holder)) throw new LockedError(inUse(holder))
  if (holder !== undefined && holder.folder === undefined) return
  const hasEnded =
    holder === undefined || hasProvablyEnded(holder, directory, locked?.identity ?? '')
  if (locked !== undefined && hasEnded) return
  report(
    `Cannot tell yet whether another server uses ${directory}: the last one did not stop cleanly. Watching its lock file for ${stillMs / 1_000} s`,
  )
  for (const startedMs = performance.now(); performance.now() - startedMs < stillMs; ) {
    await sleep(beatMs / 5)
    const now = readHeartbeat(file)
    if (now === undefined) return
    if (now !== seen) throw new LockedError(inUse(readHolder(file)))
  }
}

function inUse(holder: Holder | undefined): string {
  const user = holder ? `process ${holder.pid} on ${holder.host}` : 'another process'
  return `The embedded database is in use by ${user}. Stop it first, or give this server another folder: DATABASE_URL=pglite:<directory>`
}
