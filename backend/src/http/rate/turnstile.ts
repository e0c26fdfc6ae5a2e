import { AppError } from '../../core/errors.ts'

export interface TurnstileOptions {
  /** The number of requests that run at the same time. */
  readonly atOnce: number
  /** The number of further requests that may wait. */
  readonly waiting: number
  /** The number of one client's requests among both, so that one client cannot block all others. */
  readonly ofOneClient: number
}

/** The requests that run and that wait. */
export interface QueueLoad {
  readonly running: number
  readonly waiting: number
}

const FIRST_GUESS_MS = 100
const MAX_RETRY_SECONDS = 60

/**
 * Runs a few requests at once and lets a few more wait. It refuses the others with a `Retry-After` that
 * grows with each refusal, so that they do not all return at the same time.
 */
export class Turnstile {
  readonly #options: TurnstileOptions
  readonly #queue: (() => void)[] = []
  readonly #clients = new Map<string, number>()
  #working = 0
  #averageMs = FIRST_GUESS_MS
  /** The estimated number of refused requests that will return, and the time of the estimate. */
  #expected = 0
  #expectedAtMs = 0

  constructor(options: TurnstileOptions) {
    this.#options = options
  }

  get load(): QueueLoad {
    return { running: this.#working, waiting: this.#queue.length }
  }

  /** Runs `work` when it may begin. @throws {AppError} `service_unavailable` with `Retry-After` instead. */
  async pass<Result>(client: string, work: () => Promise<Result>): Promise<Result> {
    const { atOnce, waiting, ofOneClient } = this.#options
    const own = this.#clients.get(client) ?? 0
    const full = this.#working >= atOnce && this.#queue.length >= waiting
    if (full || own >= ofOneClient) throw this.#refusal()
    this.#clients.set(client, own + 1)
    if (this.#working >= atOnce) await new Promise<void>((begin) => this.#queue.push(begin))
    else this.#working += 1
    const startedMs = performance.now()
    try {
      return await work()
    } finally {
      this.#averageMs += (performance.now() - startedMs - this.#averageMs) / 10
      this.#leave(client)
    }
  }

  #leave(client: string): void {
    const remaining = (this.#clients.get(client) ?? 1) - 1
    if (remaining === 0) this.#clients.delete(client)
    else this.#clients.set(client, remaining)
    const next = this.#queue.shift()
    if (next === undefined) this.#working -= 1
    else next()
  }

  #refusal(): AppError {
    const { atOnce, waiting } = this.#options
    const nowMs = performance.now()
    // Retry-After has whole seconds, so all requests of one second return at once. Not more than fit.
    const perSecond = Math.min((atOnce * 1_000) / this.#averageMs, atOnce + waiting)
    const served = ((nowMs - this.#expectedAtMs) / 1_000) * perSecond
    this.#expected = Math.max(0, this.#expected - served) + 1
    this.#expectedAtMs = nowMs
    const seconds = Math.ceil((this.#queue.length + this.#expected) / perSecond)
    return new AppError('service_unavailable', {
      detail: 'Too many of these requests at once; try again after Retry-After seconds',
      headers: { 'retry-after': String(Math.min(seconds, MAX_RETRY_SECONDS)) },
    })
  }
}
