import type { Limits } from '../core/limits.ts'
import type { Connection } from './connection.ts'
import { UserLine, type Waiting } from './user-line.ts'

/** Nobody else has asked for so long: a user is alone. */
const ALONE_MS = 1_000
/** So many users who are at work are passed over at once, in search of one to forget. */
const FORGET_STEPS = 8

/** The lines of all users, and whose turn it is: users are served one after the other. */
export class UserLines {
  readonly #limits: Limits
  readonly #lines = new Map<string, UserLine>()
  /** Those in which somebody waits; who was served goes to the end. */
  readonly #turns: UserLine[] = []
  #latest: UserLine | undefined
  #latestSinceMs = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Whether anybody waits. */
  get waiting(): boolean {
    return this.#turns.length > 0
  }

  /** The line of a user who asks now. */
  of(userId: string, nowMs: number): UserLine {
    let line = this.#lines.get(userId)
    if (line === undefined) {
      line = new UserLine(userId, this.#limits)
      this.#lines.set(userId, line)
      if (this.#lines.size > this.#limits.usersCounted) this.#forget()
    }
    if (line !== this.#latest) {
      this.#latest = line
      this.#latestSinceMs = nowMs
    }
    return line
  }

  /** Whether no other user has asked for some time. */
  isAlone(line: UserLine, nowMs: number): boolean {
    return line === this.#latest && nowMs - this.#latestSinceMs > ALONE_MS
  }

  wait(line: UserLine, waiting: Waiting): void {
    if (line.waiting.push(waiting) === 1) this.#turns.push(line)
  }

  /**
   * Gives one statement its turn: of the first user who may have a connection.
   *
   * @param connectionFor what the user may have; undefined is nothing for now.
   * @returns whether there was one.
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

  refuseLate(nowMs: number): void {
    for (const line of this.#turns) line.refuseLate(nowMs)
    this.#leave()
  }

  refuseAll(error: unknown): void {
    for (const line of this.#turns) {
      for (const { refuse } of line.waiting.splice(0)) refuse(error)
    }
    this.#leave()
  }

  /** Their time begins now: until then there was no connection at all. */
  startTime(nowMs: number): void {
    for (const { waiting } of this.#turns) {
      for (const one of waiting) one.sinceMs = nowMs
    }
  }

  #leave(): void {
    const left = this.#turns.filter(({ waiting }) => waiting.length > 0)
    this.#turns.splice(0, this.#turns.length, ...left)
  }

  /** The user who came first and has nothing to wait for. */
  #forget(): void {
    let steps = FORGET_STEPS
    for (const [userId, line] of this.#lines) {
      this.#lines.delete(userId)
      if (line.size === 0) return
      this.#lines.set(userId, line)
      steps -= 1
      if (steps === 0) return
    }
  }
}
