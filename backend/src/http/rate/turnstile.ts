import { AppError } from '../../core/errors.ts'

export interface TurnstileOptions {
  /** So many work at the same time. */
  readonly atOnce: number
  /** And so many more may wait. */
  readonly waiting: number
  /** Of which so many may be of one client, so that one alone cannot keep the others out. */
  readonly ofOneClient: number
}

const FIRST_GUESS_MS = 100
const LONGEST_WAIT_SECONDS = 60

/**
 * Lets in a few at once and a few more to wait. Who is refused is told when there will be room: each
 * one a little later, so that they do not all come back together.
 */
export class Turnstile {
  readonly #options: TurnstileOptions
  readonly #queue: (() => void)[] = []
  readonly #clients = new Map<string, number>()
  #working = 0
  #turnMs = FIRST_GUESS_MS
  /** Those refused who are expected back, as of a moment. */
  #expected = 0
  #expectedAtMs = 0

  constructor(options: TurnstileOptions) {
    this.#options = options
  }

  /** @throws {AppError} `service_unavailable` with `Retry-After`, before anything is done. */
  async pass<Result>(client: string, work: () => Promise<Result>): Promise<Result> {
    const { atOnce, waiting, ofOneClient } = this.#options
    const own = this.#clients.get(client) ?? 0
    const full = this.#working >= atOnce && this.#queue.length >= waiting
    if (full || own >= ofOneClient) throw this.#refusal()
    this.#clients.set(client, own + 1)
    if (this.#working >= atOnce) await new Promise<void>((enter) => this.#queue.push(enter))
    else this.#working += 1
    const startedMs = performance.now()
    try {
      return await work()
    } finally {
      this.#turnMs += (performance.now() - startedMs - this.#turnMs) / 10
      this.#leave(client)
    }
  }

  #leave(client: string): void {
    const left = (this.#clients.get(client) ?? 1) - 1
    if (left === 0) this.#clients.delete(client)
    else this.#clients.set(client, left)
    const next = this.#queue.shift()
    if (next === undefined) this.#working -= 1
    else next()
  }

  #refusal(): AppError {
    const { atOnce, waiting } = this.#options
    const nowMs = performance.now()
    // Retry-After has whole seconds, so all of one second come at once: no more than there is room for.
    const perSecond = Math.min((atOnce * 1_000) / this.#turnMs, atOnce + waiting)
    const served = ((nowMs - this.#expectedAtMs) / 1_000) * perSecond
    this.#expected = Math.max(0, this.#expected - served) + 1
    this.#expectedAtMs = nowMs
    const seconds = Math.ceil((this.#queue.length + this.#expected) / perSecond)
    return new AppError('service_unavailable', {
      detail: 'Too many sign-ins at once; try again after Retry-After seconds',
      headers: { 'retry-after': String(Math.min(seconds, LONGEST_WAIT_SECONDS)) },
    })
  }
}
