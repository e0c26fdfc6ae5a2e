import { rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/** `busy`: another process has the lock. `unavailable`: this file system or Node version has no locks. */
export type FileLockOutcome = FileLock | 'busy' | 'unavailable'

const TAKE = `pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive`
/** SQLite's result codes (sqlite.org/rescode.html); the low byte is the primary one. */
const BUSY = 5
const PRIMARY = 0xff
/** If others keep replacing the file, it counts as taken after this many attempts. */
const ATTEMPTS = 5

/**
 * Takes the operating-system lock on a file. The file is created if it is missing, and stays empty.
 * SQLite takes the lock (fcntl, or LockFileEx on Windows), because Node has no call for it. The operating
 * system drops the lock when the process ends, even before the process is reaped, and keeps it while
 * the process is stopped.
 *
 * POSIX also drops the lock when this process closes any descriptor of the file
 * (sqlite.org/howtocorrupt.html §2.2), so no other code of this process may open it. `stat` is harmless.
 */
export function takeFileLock(file: string): FileLockOutcome {
  const outcome = attempt(file)
  if (outcome !== 'busy') return outcome
  // SQLite also reports busy if the system has no locks left (ENOLCK). A lock on a new file then fails too.
  const probe = join(dirname(file), `${basename(file)}.probe-${crypto.randomUUID()}`)
  const probed = attempt(probe)
  if (probed instanceof FileLock) probed.release()
  rmSync(probe, { force: true })
  return probed instanceof FileLock ? 'busy' : 'unavailable'
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
      // Otherwise the lock may be on a file that another process has removed meanwhile.
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
  /** The locked file's identity; see {@link identityOf}. */
  readonly identity: string
  readonly #file: string
  readonly #database: DatabaseSync

  constructor(file: string, identity: string, database: DatabaseSync) {
    this.#file = file
    this.identity = identity
    this.#database = database
  }

  /** False if the file was removed or replaced: another process could then lock the new one. */
  isInPlace(): boolean {
    return identityOf(this.#file) === this.identity
  }

  /** Releases the lock, and removes the file. */
  release(): void {
    if (this.isInPlace()) rmSync(this.#file, { force: true })
    this.abandon()
  }

  /** Releases the lock, and leaves the file to others. */
  abandon(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

/**
 * Identifies a file or folder among all that exist on this system now; a copy has another identity.
 *
 * @returns device and inode; undefined if there is no such file.
 */
export function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}
