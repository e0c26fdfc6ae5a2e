import { rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/** `busy`: another process has the lock. `unavailable`: this file system or this Node has no locks. */
export type FileLockOutcome = FileLock | 'busy' | 'unavailable'

const TAKE = `pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive`
/** SQLite's result codes (sqlite.org/rescode.html); the low byte is the primary one. */
const BUSY = 5
const PRIMARY = 0xff
/** A file that others remove and make again all the time is as good as taken. */
const ATTEMPTS = 5

/**
 * Takes the operating system's lock on a file, which is made when missing and stays empty. SQLite
 * takes it for us (fcntl, or LockFileEx on Windows), since Node has no call for it. The operating
 * system drops the lock when the process ends, even if nobody has reaped it yet, and keeps it while
 * the process is stopped.
 *
 * POSIX drops the lock as well when this process closes any descriptor of the file
 * (sqlite.org/howtocorrupt.html §2.2), so nothing else here may open it. Looking at it is harmless.
 */
export function takeFileLock(file: string): FileLockOutcome {
  const outcome = attempt(file)
  if (outcome !== 'busy') return outcome
  // SQLite also says busy where the system has no locks to give (ENOLCK): a file of our own tells.
  const probe = join(dirname(file), `${basename(file)}.probe-${crypto.randomUUID()}`)
  const possible = attempt(probe)
  if (possible instanceof FileLock) possible.release()
  rmSync(probe, { force: true })
  return possible instanceof FileLock ? 'busy' : 'unavailable'
}

function attempt(file: string): FileLockOutcome {
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite === undefined) return 'unavailable'
  for (let time = 0; time < ATTEMPTS; time += 1) {
    let database: DatabaseSync | undefined
    try {
      const before = identityOf(file)
      database = new sqlite.DatabaseSync(file, { timeout: 0 })
      database.exec(TAKE)
      const identity = identityOf(file)
      // Otherwise the lock may be on a file that somebody removed meanwhile.
      if (identity !== undefined && identity === before)
        return new FileLock(file, identity, database)
      database.close()
    } catch (error) {
      if (database?.isOpen) database.close()
      const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined
      return code !== undefined && (code & PRIMARY) === BUSY ? 'busy' : 'unavailable'
    }
  }
  return 'busy'
}

/** The lock on a file, held until it is released or the process ends. */
export class FileLock {
  /** Which file it is on; see {@link identityOf}. */
  readonly identity: string
  readonly #file: string
  readonly #database: DatabaseSync

  constructor(file: string, identity: string, database: DatabaseSync) {
    this.#file = file
    this.identity = identity
    this.#database = database
  }

  /** False when somebody removed or replaced the file: another process could lock the new one. */
  isInPlace(): boolean {
    return identityOf(this.#file) === this.identity
  }

  /** Gives the lock back, and removes the file. */
  release(): void {
    if (this.isInPlace()) rmSync(this.#file, { force: true })
    this.abandon()
  }

  /** Gives the lock back and leaves the file to others. */
  abandon(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

/** Tells a file or folder apart from all others that this system sees now, its copies included. */
export function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}
