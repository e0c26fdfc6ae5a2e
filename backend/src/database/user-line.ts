import { AppError } from '../core/errors.ts'
import type { Limits } from '../core/limits.ts'
import type { Connection } from './connection.ts'

/** What a user may have under way whose statements nobody knows yet. */
const UNKNOWN_UNDER_WAY = 2
/**
 * How much of the estimate each answer is: of one that is slow enough, an eighth is more than a user's
 * work under way, while as many quick ones bring the estimate down little by little. Where it begins,
 * one answer that was late for another reason makes nobody slow.
 */
const WEIGHT = 1 / 8
const FIRST_MS = 1

export interface Waiting {
  readonly start: (connection: Connection) => void
  readonly refuse: (error: unknown) => void
  sinceMs: number
}

/** A limit of ours at work: nothing was sent to the database, so the same request may come again. */
export function overloaded(): AppError {
  return new AppError('service_unavailable', { headers: { 'retry-after': '1' } })
}

/**
 * One user's statements: those under way, and those that wait, in the order they came. What one user
 * may have under way goes by the work it is for the database, so that much of it holds up nobody else.
 */
export class UserLine {
  readonly userId: string
  readonly #limits: Limits
  readonly waiting: Waiting[] = []
  /** The connection of each statement that is under way. */
  readonly #on: Connection[] = []
  /** Of one statement, by the answers of before; undefined until the first. */
  #estimateMs: number | undefined

  constructor(userId: string, limits: Limits) {
    this.userId = userId
    this.#limits = limits
  }

  get underWay(): number {
    return this.#on.length
  }

  get size(): number {
    return this.underWay + this.waiting.length
  }

  get estimateMs(): number {
    return this.#estimateMs ?? FIRST_MS
  }

  /** One of these is all that a connection is given, or more. */
  get slow(): boolean {
    return this.estimateMs > this.#limits.workAheadMs
  }

  /** How many may be under way. */
  get allowance(): number {
    if (this.#estimateMs === undefined) return UNKNOWN_UNDER_WAY
    const { workOfOneUserMs, underWayOfOneUser } = this.#limits
    const most = Math.floor(workOfOneUserMs / this.#estimateMs)
    return Math.max(1, Math.min(most, underWayOfOneUser))
  }

  begun(connection: Connection): void {
    this.#on.push(connection)
  }

  ended(connection: Connection): void {
    this.#on.splice(this.#on.indexOf(connection), 1)
  }

  /**
   * A user who was quick up to now may wait for a lock with all there is under way, so that is kept on
   * few connections.
   *
   * @returns where this user's statements are, when they are on so many; undefined while they are not.
   */
  spreadOver(most: number): ReadonlySet<Connection> | undefined {
    if (this.#on.length < most) return undefined
    const on = new Set(this.#on)
    return on.size < most ? undefined : on
  }

  /** After each answer: a slow one counts at once, quick ones little by little. */
  note(serviceMs: number): void {
    this.#estimateMs = this.estimateMs + WEIGHT * (serviceMs - this.estimateMs)
  }

  /** How long the first has waited. */
  waitedMs(nowMs: number): number {
    const [first] = this.waiting
    return first === undefined ? 0 : nowMs - first.sinceMs
  }

  refuseLate(nowMs: number): void {
    while (this.waitedMs(nowMs) > this.#limits.statementWaitMs) {
      this.waiting.shift()?.refuse(overloaded())
    }
  }
}
