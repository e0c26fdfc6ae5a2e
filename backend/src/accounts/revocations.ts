import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../core/log/logger.ts'
import { ALL_USERS } from '../core/token.ts'

/** For each user, and for `ALL_USERS`, the time in seconds from which on tokens are accepted. */
export type Revoked = ReadonlyMap<string, number>

export interface RevocationTimes {
  /** The pause between two reads. A revocation is known everywhere after it and one read. */
  readonly intervalMs: number
  /** Without requests for this many pauses the reads stop, so that a suspended database stays suspended. */
  readonly idlePauses: number
  /** The longest time that the first request afterwards waits for a read. */
  readonly waitMs: number
}

const REVOCATION_TIMES: RevocationTimes = {
  intervalMs: 3_000,
  idlePauses: 20,
  waitMs: 1_000,
}

/**
 * This process's copy of the list of revocations. Requests only look into it. If it cannot be read, the server
 * continues with the previous copy and logs a warning: tokens are not refused for a failure of the list.
 */
export class RevocationList {
  readonly #read: () => Promise<Revoked>
  readonly #log: Log
  readonly #times: RevocationTimes
  #revoked: Revoked = new Map()
  #isCurrent = false
  #pausesSinceUse = 0
  #failing = false
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #reading: Promise<void> = Promise.resolve()
  #queued: Promise<void> | undefined
  #catchingUp: Promise<void> | undefined

  /** @param read reads the list of the database. */
  constructor(read: () => Promise<Revoked>, log: Log, times: RevocationTimes = REVOCATION_TIMES) {
    this.#read = read
    this.#log = log
    this.#times = times
  }

  /**
   * @returns undefined while the list is current, or a promise that settles when the list has been read, the read has
   *   failed, or the wait is over. It never rejects.
   */
  ready(): Promise<void> | undefined {
    this.#pausesSinceUse = 0
    return this.#isCurrent ? undefined : this.#catchUp()
  }

  /** @param issuedAt `iat` in seconds; NaN, if the token has none, is earlier than any revocation. */
  refuses(userId: string, issuedAt: number): boolean {
    return this.#isBefore(issuedAt, userId) || this.#isBefore(issuedAt, ALL_USERS)
  }

  #isBefore(issuedAt: number, userId: string): boolean {
    const before = this.#revoked.get(userId)
    return before !== undefined && !(issuedAt >= before)
  }

  /** Reads the list after the read in progress, which may have begun before a change. It never rejects. */
  refresh(): Promise<void> {
    this.#queued ??= this.#reading.then(() => {
      this.#queued = undefined
      this.#reading = this.#replace()
      return this.#reading
    })
    return this.#queued
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #catchUp(): Promise<void> {
    this.#catchingUp ??= Promise.race([this.refresh(), this.#wait()]).then(() => {
      this.#catchingUp = undefined
      this.#isCurrent = true
      this.#schedule()
    })
    return this.#catchingUp
  }

  #wait(): Promise<void> {
    return sleep(this.#times.waitMs, undefined, { ref: false })
  }

  #schedule(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#continue(), this.#times.intervalMs).unref()
  }

  async #continue(): Promise<void> {
    if (this.#pausesSinceUse < this.#times.idlePauses) {
      this.#pausesSinceUse += 1
      await this.refresh()
      this.#schedule()
    } else {
      this.#isCurrent = false
    }
  }

  async #replace(): Promise<void> {
    if (this.#closed) return
    try {
      this.#revoked = await this.#read()
      if (this.#failing) this.#log.info('the revoked tokens can be read again')
      this.#failing = false
    } catch (err) {
      const first = !this.#failing && !this.#closed
      if (first) {
        this.#log.warn(
          { err },
          'the revoked tokens cannot be read: until they can, the server accepts tokens that are revoked from now on',
        )
      }
      this.#failing = true
    }
  }
}
