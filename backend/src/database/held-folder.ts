import { randomUUID } from 'node:crypto'
import { type FSWatcher, readdirSync, rmSync, utimesSync, watch } from 'node:fs'
import { join } from 'node:path'
import { FileLock, type takeFileLock } from './file-lock.ts'
import { holderHere, readHolder, writeHolder } from './lock-holder.ts'

/** The folder, while it is this process's alone. */
export interface FolderLock {
  /** False from the moment on at which this process cannot be sure any more. Cheap to ask. */
  confirm(): boolean
  /** Resolves with the reason when the folder is lost; nothing may be acknowledged any more. */
  readonly lost: Promise<Error>
  release(): void
}

export const LOCK_TIMES = {
  /** A process that was killed keeps its locks until its memory is given back. */
  patienceMs: 2_000,
  /** How often the holder gives a sign of life, and looks whether the folder is still its own. */
  beatMs: 1_000,
  /** A holder without a sign of life for this long, on the clock of the process that watches, is gone. */
  stillMs: 5_000,
  /** A holder that was stopped, or slow, for this long looks before it goes on. */
  confirmMs: 2_000,
  /** Without the system's lock several may claim the folder at once; after this the last one has it. */
  settleMs: 2_500,
}

/** Says who has the folder, and that they live. */
export const HOLDER = 'lock'
/** Has the operating system's lock. */
export const LOCKED = 'lock.sqlite'

/** The holder's side of the lock: signs of life, and an eye on whether the folder is still its own. */
export class HeldFolder implements FolderLock {
  readonly lost: Promise<Error>
  readonly #directory: string
  readonly #file: string
  readonly #token = randomUUID()
  readonly #take: typeof takeFileLock
  readonly #confirmMs: number
  readonly #beating: NodeJS.Timeout
  readonly #watcher: FSWatcher | undefined
  #locked: FileLock | undefined
  #lose: (error: Error) => void = () => {}
  #claimed = false
  #ended = false
  /** On both clocks: one stands still while the machine sleeps, the other can be set. */
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
    if (locked !== undefined) this.#clean()
    this.#beating = setInterval(() => this.#beat(), times.beatMs).unref()
    this.#watcher = this.#watchFolder()
  }

  confirm(): boolean {
    const { ms, dateMs } = this.#confirmed
    const sinceMs = Math.max(performance.now() - ms, Date.now() - dateMs)
    return sinceMs < this.#confirmMs ? !this.#ended : this.#look()
  }

  release(): void {
    const ours = this.#look()
    this.#end()
    if (ours) rmSync(this.#file, { force: true })
    if (ours) this.#locked?.release()
    else this.#locked?.abandon()
  }

  #beat(): void {
    if (!this.#look()) return
    const now = new Date()
    try {
      utimesSync(this.#file, now, now)
    } catch {
      // The next look finds out what is wrong.
    }
  }

  /** Looks whether the folder is still this process's, and puts back what somebody removed by hand. */
  #look(): boolean {
    if (this.#ended) return false
    const holder = readHolder(this.#file)
    if (holder !== undefined && holder.token !== this.#token) {
      return this.#fail(`process ${holder.pid} on ${holder.host} has taken the folder over`)
    }
    try {
      const again = this.#lockAgain()
      if (again || holder === undefined) {
        if (this.#locked?.isInPlace() !== true) return this.#fail('its lock file is gone')
        this.#claim()
      }
    } catch (error) {
      return this.#fail(error instanceof Error ? error.message : String(error))
    }
    this.#confirmed = { ms: performance.now(), dateMs: Date.now() }
    return true
  }

  /** @returns whether somebody had removed the file of the system's lock, and it is locked again. */
  #lockAgain(): boolean {
    if (this.#locked === undefined || this.#locked.isInPlace()) return false
    const again = this.#take(join(this.#directory, LOCKED))
    // A start that has it looks at `lock` as well, sees that this process lives, and gives up.
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
      // The system's lock is enough while there is no room, or no descriptor, to write who has it.
      if (locked === null || !this.#claimed) throw error
    }
    this.#claimed = true
  }

  /** What a killed start, and a start of version 0.1, left. */
  #clean(): void {
    for (const name of readdirSync(this.#directory)) {
      if (!/^lock\.(takeover$|new-)/.test(name)) continue
      rmSync(join(this.#directory, name), { recursive: true, force: true })
    }
  }

  /** A change of the lock files is seen at once where the system reports it, else by the next beat. */
  #watchFolder(): FSWatcher | undefined {
    const look = (_event: string, name: string | null) => {
      if (name === null || name === HOLDER || name === LOCKED) this.#look()
    }
    try {
      return watch(this.#directory, { persistent: false }, look).on('error', () => {})
    } catch {
      return undefined
    }
  }

  #fail(reason: string): false {
    this.#end()
    this.#lose(
      new Error(
        `This server no longer has the folder ${this.#directory}: ${reason}. Let one server at a time use it, and remove none of its files while it runs`,
      ),
    )
    return false
  }

  #end(): void {
    this.#ended = true
    clearInterval(this.#beating)
    this.#watcher?.close()
  }
}
