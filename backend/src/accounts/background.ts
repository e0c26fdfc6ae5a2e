import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../core/log/logger.ts'

/** Work that goes on after a response, such as mail. */
export class Background {
  readonly #works = new Set<Promise<unknown>>()

  get size(): number {
    return this.#works.size
  }

  /** If the work fails, the log says so. */
  add(work: Promise<unknown>, log: Log): void {
    const done = work
      .catch((err) => log.error({ err }, 'work after a response failed'))
      .finally(() => this.#works.delete(done))
    this.#works.add(done)
  }

  /** Resolves when no work goes on, nor the work that it began: first a request for mail, then its mail. */
  async settled(): Promise<void> {
    while (this.#works.size > 0) await Promise.allSettled(this.#works)
  }

  /** @returns how much work still goes on after this time, or 0 as soon as all work has ended. */
  async leftAfter(limitMs: number): Promise<number> {
    await Promise.race([this.settled(), sleep(limitMs, undefined, { ref: false })])
    return this.#works.size
  }
}
