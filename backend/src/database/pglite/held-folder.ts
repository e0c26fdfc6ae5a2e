import { randomUUID } from 'node:crypto'
import { type FSWatcher, readdirSync, rmSync, utimesSync, watch } from 'node:fs'
import { join } from 'node:path'
import { FileLock, type takeFileLock } from './file-lock.ts'
import { holderHere, readHolder, writeHolder } from './lock-holder.ts'

/** The exclusive use of a data folder by this process. */
export interface FolderLock {
  /** False as soon as the process can no longer be sure that it has the folder. It is cheap to call. */
  confirm(): boolean
  /** Resolves with the reason when the folder is lost. The server may then acknowledge nothing more. */
  readonly lost: Promise<Error>
  /** Releases the folder, and removes the lock files if this process still has it. */
  release(): void
}

export const LOCK_TIMES = {
  /** How long a start waits for a lock: a killed process keeps its locks until its memory is freed. */
  patienceMs: 2_000,
  /** How often the holder touches the file `lock`, and checks that it still has the folder. */
  beatMs: 1_000,
  /** A holder without a heartbeat for this long, by the clock of the watching process, has ended. */
  stillMs: 5_000,
  /** A holder that was stopped, or slow, for this long checks the folder before it continues. */
  confirmMs: 2_000,
  /** Without operating-system locks several starts may claim the folder; after this, the last one has it. */
  settleMs: 2_500,
}

/** The heartbeat file, which names the holder. */
export const HOLDER = 'lock'
/** The file with the operating-system lock. */
export const LOCKED = 'lock.sqlite'

/** The holder's side of the lock: it writes the heartbeat, and checks that it still has the folder. */
export class HeldFolder implements FolderLock {
  readonly lost: Promise<Error>
  readonly #directory: string
  readonly #file: string
  readonly #token = randomUUID()
  readonly #take: typeof takeFileLock
  readonly #confirmMs: number
  readonly #heartbeat: NodeJS.Timeout
  readonly #watcher: FSWatcher | undefined
  #locked: FileLock | undefined
  #lose: (error: Error) => void = () => {}
  #claimed = false
  #ended = false
  /** The last check on both clocks: the monotonic one stops while the machine sleeps, the other can be set. */
  #confirmed = { ms: performance.now(), dateMs: Date.now() }

  constructor(
    directory: string,
    locked: FileLock | undefined,
    times: typeof LOCK_TIMES,
    take: typeof takeFileLock,
  ) {
    this.lost = new Promise((resolve) => {
      this.#lose = resolve
    })
    this.#directory = directory
    this.#file = join(directory, HOLDER)
    this.#locked = locked
    this.#confirmMs = times.confirmMs
    this.#take = take
    this.#claim()
    if (locked !== undefined) this.#removeLeftovers()
    this.#heartbeat = setInterval(() => this.#beat(), times.beatMs).unref()
    this.#watcher = this.#watchFolder()
  }

  confirm(): boolean {
    const { ms, dateMs } = this.#confirmed
    const sinceMs = Math.max(performance.now() - ms, Date.now() - dateMs)
    return sinceMs < this.#confirmMs ? !this.#ended : this.#check()
  }

  release(): void {
    const ours = this.#check()
    this.#end()
    if (ours) rmSync(this.#file, { force: true })
    if (ours) this.#locked?.release()
    else this.#locked?.abandon()
  }

  #beat(): void {
    if (!this.#check()) return
    const now = new Date()
    try {
      utimesSync(this.#file, now, now)
    } catch {
      // The next check finds the reason.
    }
  }

  /** Checks that this process still has the folder, and restores lock files that were removed by hand. */
  #check(): boolean {
    if (this.#ended) return false
    const holder = readHolder(this.#file)
    if (holder !== undefined && holder.token !== this.#token) {
      return this.#fail(`process ${holder.pid} on ${holder.host} has taken the folder over`)
    }
    try {
      const again = this.#lockAgain()
      if (again || holder === undefined) {
        // Somebody may have removed it since the first attempt.
        const locked = this.#locked?.isInPlace() === true || this.#lockAgain()
        if (!locked) return this.#fail('its lock file was removed')
        this.#claim()
      }
    } catch (error) {
      return this.#fail(error instanceof Error ? error.message : String(error))
    }
    this.#confirmed = { ms: performance.now(), dateMs: Date.now() }
    return true
  }

  /** @returns whether the locked file had been removed, and this process has locked it again. */
  #lockAgain(): boolean {
    if (this.#locked === undefined || this.#locked.isInPlace()) return false
    const again = this.#take(join(this.#directory, LOCKED))
    // A start that has this lock also watches `lock`, sees that this process is alive, and gives up.
    if (!(again instanceof FileLock)) return false
    this.#locked.abandon()
    this.#locked = again
    return true
  }

  #claim(): void {
    const locked = this.#locked?.identity ?? null
    try {
      writeHolder(this.#file, holderHere(this.#directory, this.#token, locked))
    } catch (error) {
      // With a full disk, or without a free descriptor, the operating-system lock alone is enough.
      if (locked === null || !this.#claimed) throw error
    }
    this.#claimed = true
  }

  /** Removes the files that a killed start, or a start of version 0.1, left. */
  #removeLeftovers(): void {
    for (const name of readdirSync(this.#directory)) {
      if (!/^lock\.(takeover$|new-)/.test(name)) continue
      rmSync(join(this.#directory, name), { recursive: true, force: true })
    }
  }

  /** Reacts at once to changes of the lock files if the system reports them; otherwise the next beat does. */
  #watchFolder(): FSWatcher | undefined {
    const check = (_event: string, name: string | null) => {
      if (name === null || name === HOLDER || name === LOCKED) this.#check()
    }
    try {
      return watch(this.#directory, { persistent: false }, check).on('error', () => {})
    } catch {
      return undefined
    }
  }

  #fail(reason: string): false {
    this.#end()
    this.#lose(
      new Error(
        `This server no longer has the folder ${this.#directory}: ${reason}. Run one server at a time on it, and remove none of its files while a server runs`,
      ),
    )
    return false
  }

  #end(): void {
    this.#ended = true
    clearInterval(this.#heartbeat)
    this.#watcher?.close()
  }
}
