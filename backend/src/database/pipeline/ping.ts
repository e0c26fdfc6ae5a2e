import { overloaded } from './user-line.ts'

/**
 * Asks whether the database answers. One query is in progress at a time, and concurrent callers share its
 * result, so that any number of readiness checks costs the database the same.
 */
export class Ping {
  readonly #ask: () => Promise<void>
  readonly #limitMs: number
  #answer: Promise<void> | undefined

  /** @param limitMs how long a caller waits; the query itself remains until the database answers it. */
  constructor(ask: () => Promise<void>, limitMs: number) {
    this.#ask = ask
    this.#limitMs = limitMs
  }

  /** Resolves when the database answers. @throws {AppError} `service_unavailable` */
  answer(): Promise<void> {
    this.#answer ??= this.#begin()
    return this.#answer
  }

  #begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(overloaded()), this.#limitMs)
      const done = () => {
        clearTimeout(late)
        this.#answer = undefined
      }
      this.#ask().finally(done).then(resolve, reject)
    })
  }
}
