import { overloaded } from './user-line.ts'

/**
 * Checks that the database responds. One query is in progress at a time, and concurrent callers share its
 * result, so that many readiness checks cost the database no more than one.
 */
export class Ping {
  readonly #ask: () => Promise<void>
  readonly #limitMs: number
  #result: Promise<void> | undefined

  /** @param limitMs how long a caller waits. The query itself stays until the database responds. */
  constructor(ask: () => Promise<void>, limitMs: number) {
    this.#ask = ask
    this.#limitMs = limitMs
  }

  /** Resolves when the database responds. @throws {AppError} `service_unavailable` */
  result(): Promise<void> {
    this.#result ??= this.#begin()
    return this.#result
  }

  #begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(overloaded()), this.#limitMs)
      const done = () => {
        clearTimeout(late)
        this.#result = undefined
      }
      this.#ask().finally(done).then(resolve, reject)
    })
  }
}
