import { overloaded } from './user-line.ts'

/**
 * Whether the database answers, for all who ask. One question is with it at a time, and who asks
 * meanwhile shares its answer: no number of those who ask costs the database more.
 */
export class Ping {
  readonly #ask: () => Promise<void>
  readonly #limitMs: number
  #answer: Promise<void> | undefined

  /** @param limitMs nobody waits for longer; the question stays with the database until it is answered. */
  constructor(ask: () => Promise<void>, limitMs: number) {
    this.#ask = ask
    this.#limitMs = limitMs
  }

  /** @throws {AppError} `service_unavailable` */
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
