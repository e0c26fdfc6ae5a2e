import { AppError } from '../core/errors.ts'
import type { Connection } from './connection.ts'

interface Waiting {
  readonly start: (connection: Connection) => void
  readonly refuse: (error: unknown) => void
  sinceMs: number
}

/** A limit of ours at work: nothing was sent to the database, so the same request may come again. */
export function overloaded(): AppError {
  return new AppError('service_unavailable', { headers: { 'retry-after': '1' } })
}

/** Statements that no connection has room for yet, in the order they came. */
export class WaitingLine {
  readonly #longestMs: number
  readonly #waiting: Waiting[] = []

  constructor(longestMs: number) {
    this.#longestMs = longestMs
  }

  get length(): number {
    return this.#waiting.length
  }

  /** How long the first has waited. */
  waitedMs(nowMs: number): number {
    const [first] = this.#waiting
    return first === undefined ? 0 : nowMs - first.sinceMs
  }

  /** @throws {AppError} `service_unavailable` when its turn did not come in time. */
  wait<Result>(run: (connection: Connection) => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        start: (connection) => resolve(run(connection)),
        refuse: reject,
        sinceMs: performance.now(),
      })
    })
  }

  /** Gives the first its turn, at once, so that the connection counts it. */
  admit(connection: Connection): void {
    this.#waiting.shift()?.start(connection)
  }

  refuseLate(): void {
    const nowMs = performance.now()
    while (this.waitedMs(nowMs) > this.#longestMs) this.#waiting.shift()?.refuse(overloaded())
  }

  refuseAll(error: unknown): void {
    for (const { refuse } of this.#waiting.splice(0)) refuse(error)
  }

  /** Their time begins now: until then there was no connection at all. */
  startTime(): void {
    const nowMs = performance.now()
    for (const waiting of this.#waiting) waiting.sinceMs = nowMs
  }
}
