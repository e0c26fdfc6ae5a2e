import { AppError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import type { Connection } from './connection.ts'

/** The statements in progress of a user whose statements have not been measured yet. */
const UNKNOWN_IN_PROGRESS = 2
/**
 * The weight of each response in the moving average. An eighth of one slow enough response exceeds a
 * user's allowed work, while quick ones lower the estimate gradually. With the initial value, a single
 * response that was late for another reason makes no user slow.
 */
const WEIGHT = 1 / 8
const FIRST_MS = 1

/** A statement that waits for a connection. The pool calls exactly one of its functions. */
export interface Waiting {
  readonly start: (connection: Connection) => void
  readonly refuse: (error: unknown) => void
  sinceMs: number
  /** Whether it may wait for a lock for long. */
  readonly patient: boolean
}

/** The error for a request beyond a limit of the server. Nothing was sent, so the client may try again. */
export function overloaded(): AppError {
  return new AppError('service_unavailable', { headers: { 'retry-after': '1' } })
}

/**
 * One user's statements: those in progress, and those that wait, in order of arrival. The number in
 * progress depends on their estimated work, so that one user's work does not delay others.
 */
export class UserLine {
  readonly userId: string
  readonly #limits: Limits
  readonly waiting: Waiting[] = []
  /** The connection of each statement in progress. */
  readonly #on: Connection[] = []
  /** The estimated work of one statement, from earlier responses; undefined before the first. */
  #estimateMs: number | undefined

  constructor(userId: string, limits: Limits) {
    this.userId = userId
    this.#limits = limits
  }

  /** The number of statements in progress. */
  get inProgress(): number {
    return this.#on.length
  }

  /** The number of statements in progress or waiting. */
  get size(): number {
    return this.inProgress + this.waiting.length
  }

  /** The estimated work of the next statement. */
  get estimateMs(): number {
    return this.#estimateMs ?? FIRST_MS
  }

  /** Whether the next statement is more work than a connection gets in advance (`workAheadMs`). */
  get slow(): boolean {
    return this.estimateMs > this.#limits.workAheadMs || this.waiting[0]?.patient === true
  }

  /** How many statements may be in progress: at least one, at most `inProgressOfOneUser`. */
  get allowance(): number {
    if (this.#estimateMs === undefined) return UNKNOWN_IN_PROGRESS
    const { workOfOneUserMs, inProgressOfOneUser } = this.#limits
    const most = Math.floor(workOfOneUserMs / this.#estimateMs)
    return Math.max(1, Math.min(most, inProgressOfOneUser))
  }

  begun(connection: Connection): void {
    this.#on.push(connection)
  }

  ended(connection: Connection): void {
    this.#on.splice(this.#on.indexOf(connection), 1)
  }

  /**
   * All statements in progress of a user may suddenly wait for a lock, even if earlier ones were quick.
   * The pool therefore keeps them on few connections.
   *
   * @returns the connections with this user's statements, if they are at least `most`; else undefined.
   */
  spreadOver(most: number): ReadonlySet<Connection> | undefined {
    if (this.#on.length < most) return undefined
    const on = new Set(this.#on)
    return on.size < most ? undefined : on
  }

  /** Updates the estimate. Call it after each response. */
  note(serviceMs: number): void {
    this.#estimateMs = this.estimateMs + WEIGHT * (serviceMs - this.estimateMs)
  }

  /** How long the first waiting statement has waited; 0 if none waits. */
  waitedMs(nowMs: number): number {
    const [first] = this.waiting
    return first === undefined ? 0 : nowMs - first.sinceMs
  }

  /** Refuses the statements that have waited longer than `statementWaitMs`. */
  refuseLate(nowMs: number): void {
    while (this.waitedMs(nowMs) > this.#limits.statementWaitMs) {
      this.waiting.shift()?.refuse(overloaded())
    }
  }
}
