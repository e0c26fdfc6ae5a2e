import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { identityOf } from './file-lock.ts'

/** The process that has the folder, as the file `lock` describes it. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** The start time of the process in kernel ticks, which distinguishes a reused pid. Linux only. */
  readonly started: string | null
  readonly token: string
  /** The boot id of its kernel. Linux only. Version 0.1 wrote neither this nor the members below. */
  readonly boot?: string | null
  /** The identity of the folder. A copy of the folder has another identity. */
  readonly folder?: string
  /** The identity of the file with its operating-system lock; null if there are no such locks. */
  readonly locked?: string | null
}

/** @returns the description of this process. */
export function holderHere(folder: string, token: string, locked: string | null): Holder {
  const identity = identityOf(folder) ?? ''
  const [host, started] = [hostname(), startOf(process.pid)]
  return { pid: process.pid, host, started, token, boot: bootOf(), folder: identity, locked }
}

/** Replaces the file atomically, so that no process reads half of it. */
export function writeHolder(file: string, holder: Holder): void {
  const fresh = `${file}.new-${holder.token}`
  try {
    writeFileSync(fresh, `${JSON.stringify(holder)}\n`, { mode: 0o600 })
    renameSync(fresh, file)
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** @returns undefined if there is no file, or one that no server can have written. */
export function readHolder(file: string): Holder | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const holder = read as Holder | null // written by writeHolder(), or by version 0.1
    const isHolder = typeof holder?.token === 'string' && Number.isSafeInteger(holder.pid)
    return isHolder && holder.pid > 0 ? holder : undefined
  } catch {
    return undefined
  }
}

/** @returns a text that changes with every heartbeat of the holder; undefined if there is no file. */
export function readHeartbeat(file: string): string | undefined {
  // NFS revalidates a file when it is opened, so the times are read after that.
  const token = readHolder(file)?.token
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found && `${found.ino} ${found.mtimeNs} ${token}`
}

/**
 * Whether the holder has certainly ended, given that this process has the operating-system lock on the file
 * with the identity `locked`. That is certain if the holder had the same lock on the same kernel, or if this
 * folder is a copy of the holder's.
 */
export function hasProvablyEnded(holder: Holder, folder: string, locked: string): boolean {
  if (!holder.boot || holder.boot !== bootOf()) return false
  if (holder.locked === locked) return true
  const [here, there] = [identityOf(folder) ?? '', holder.folder ?? '']
  return here !== there && deviceOf(here) === deviceOf(there)
}

/**
 * Whether a holder of version 0.1 still runs. Its file has only the process id and the start time. A process
 * with that id and another start time is a different one. If the time is unknown, it counts as the same.
 */
export function runsOlderVersion(holder: Holder): boolean {
  if (holder.folder !== undefined || holder.host !== hostname()) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code !== 'EPERM') return false
  }
  if (stateOf(holder.pid) === 'Z') return false
  const started = startOf(holder.pid)
  return started === null || holder.started === null || started === holder.started
}

function deviceOf(identity: string): string | undefined {
  return identity.split(':')[0]
}

function startOf(pid: number): string | null {
  return statOf(pid)[19] ?? null
}

function stateOf(pid: number): string | undefined {
  return statOf(pid)[0]
}

/** Fields 3 and later of /proc/<pid>/stat (proc_pid_stat(5)); the name in field 2 may contain spaces. */
function statOf(pid: number): string[] {
  const stat = readOrNull(`/proc/${pid}/stat`)
  return stat === null ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function bootOf(): string | null {
  return readOrNull('/proc/sys/kernel/random/boot_id')?.trim() || null
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
