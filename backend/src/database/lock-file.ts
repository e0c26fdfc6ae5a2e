import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'

interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process started, in kernel ticks; tells a reused pid apart. Linux only. */
  readonly started: string | null
  readonly token: string
}

/** Another process holds the folder. The message says which, and what to do. */
export class LockedError extends Error {
  override name = 'LockedError'
}

/**
 * Takes the folder for this process alone: PGlite has no lock of its own, and two processes on one
 * folder silently lose acknowledged rows.
 *
 * @param file the lock file; its folder must exist.
 * @returns a function that gives the lock back.
 * @throws {LockedError} while a live process, or one on another host, holds it. Only the lock of a
 *   process that is certainly dead is taken over.
 */
export function takeLock(file: string): () => void {
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    token: randomUUID(),
  }
  if (!create(file, mine)) {
    replaceDead(file)
    if (!create(file, mine)) throw new LockedError(heldBy(file, read(file)))
  }
  return () => {
    if (read(file)?.token === mine.token) rmSync(file, { force: true })
  }
}

/** Removes the lock of a dead process. One process at a time does it, under a folder as its mutex. */
function replaceDead(file: string): void {
  const mutex = `${file}.takeover`
  try {
    mkdirSync(mutex)
  } catch {
    throw new LockedError(
      `Another process is taking over ${file} at this moment. If none is, remove the folder ${mutex} and start again.`,
    )
  }
  try {
    const holder = read(file)
    if (!isDead(holder)) throw new LockedError(heldBy(file, holder))
    rmSync(file, { force: true })
  } finally {
    rmdirSync(mutex)
  }
}

function create(file: string, holder: Holder): boolean {
  try {
    writeFileSync(file, `${JSON.stringify(holder)}\n`, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function read(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder // written by create()
  } catch {
    return undefined
  }
}

function isDead(holder: Holder | undefined): boolean {
  if (holder === undefined || holder.host !== hostname()) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
  return holder.started !== null && holder.started !== startOf(holder.pid)
}

/** Field 22 of /proc/<pid>/stat; the name in field 2 may hold spaces, so count from its end. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function heldBy(file: string, holder: Holder | undefined): string {
  const who = holder
    ? `process ${holder.pid} on ${holder.host}`
    : 'a process that has not written its name yet'
  return `The embedded database is in use by ${who}. Stop it first, or give this server another folder: DATABASE_URL=pglite:<directory>. If that process is gone for certain, remove ${file}.`
}
