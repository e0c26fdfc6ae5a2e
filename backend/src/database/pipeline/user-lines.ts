import type { Limits } from '../../core/limits.ts'
import type { Connection } from './connection.ts'
import { UserLine, type Waiting } from './user-line.ts'

/** A user is alone when no other user has sent a request for this long. */
const ALONE_MS = 1_000
/** The number of active users that one search for a user to drop skips. */
const DROP_STEPS = 8

/** The queues of all users, served round-robin. */
export class UserLines {
  readonly #limits: Limits
  readonly #lines = new Map<string, UserLine>()
  /** The queues with a waiting statement. A queue moves to the end when it has been served. */
  readonly #turns: UserLine[] = []
  #latest: UserLine | undefined
  #latestSinceMs = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Whether a statement waits. */
  get waiting(): boolean {
    return this.#turns.length > 0
  }

  /** The number of statements that wait. */
  get waitingCount(): number {
    return this.#turns.reduce((count, { waiting }) => count + waiting.length, 0)
  }

  /** @returns the queue of a user who sends a request now. */
  of(userId: string, nowMs: number): UserLine {
    let line = this.#lines.get(userId)
    if (line === undefined) {
      line = new UserLine(userId, this.#limits)
      this.#lines.set(userId, line)
      if (this.#lines.size > this.#limits.usersCounted) this.#dropOne()
    }
    if (line !== this.#latest) {
      this.#latest = line
      this.#latestSinceMs = nowMs
    }
    return line
  }

  /** Whether no other user has sent a request for {@link ALONE_MS}. */
  isAlone(line: UserLine, nowMs: number): boolean {
    return line === this.#latest && nowMs - this.#latestSinceMs > ALONE_MS
  }

  /** Appends a statement to a user's queue. */
  wait(line: UserLine, waiting: Waiting): void {
    if (line.waiting.push(waiting) === 1) this.#turns.push(line)
  }

  /**
   * Starts one statement: that of the first user who may use a connection.
   *
   * @param connectionFor returns a connection that the user may use now, or undefined.
   * @returns whether a statement was started.
   */
  admit(nowMs: number, connectionFor: (line: UserLine) => Connection | undefined): boolean {
    for (let at = 0; at < this.#turns.length; at += 1) {
      const line = this.#turns[at]
      if (line === undefined) return false
      line.refuseLate(nowMs)
      const connection = line.waiting.length === 0 ? undefined : connectionFor(line)
      if (line.waiting.length > 0 && connection === undefined) continue
      this.#turns.splice(at, 1)
      const next = line.waiting.shift()
      if (line.waiting.length > 0) this.#turns.push(line)
      if (next === undefined || connection === undefined) {
        at -= 1
        continue
      }
      next.start(connection)
      return true
    }
    return false
  }

  /** Refuses the statements of all users that have waited longer than `statementWaitMs`. */
  refuseLate(nowMs: number): void {
    for (const line of this.#turns) line.refuseLate(nowMs)
    this.#removeEmpty()
  }

  /** Refuses every waiting statement. */
  refuseAll(error: unknown): void {
    for (const line of this.#turns) {
      for (const { refuse } of line.waiting.splice(0)) refuse(error)
    }
    this.#removeEmpty()
  }

  /** Restarts the waiting time of all statements, because there was no connection until now. */
  startTime(nowMs: number): void {
    for (const { waiting } of this.#turns) {
      for (const one of waiting) one.sinceMs = nowMs
    }
  }

  #removeEmpty(): void {
    const remaining = this.#turns.filter(({ waiting }) => waiting.length > 0)
    this.#turns.splice(0, this.#turns.length, ...remaining)
  }

  /** Drops the earliest user without statements. */
  #dropOne(): void {
    let steps = DROP_STEPS
    for (const [userId, line] of this.#lines) {
      this.#lines.delete(userId)
      if (line.size === 0) return
      this.#lines.set(userId, line)
      steps -= 1
      if (steps === 0) return
    }
  }
}
