import { LRUCache } from 'lru-cache'
import { AppError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type RequestLimit, RequestWindows, type Turn } from '../http/rate/request-windows.ts'
import { LEASE_LIMITS, type LeaseLimits } from './bounds.ts'
import type { Ask, FromPrimary, FromWorker, Grant, Recall } from './lease-messages.ts'
import { outbox } from './lease-messages.ts'

interface Lease {
  readonly window: number
  endsMs: number
  unused: number
  /** The number that the primary had left after its latest grant. */
  leftAtPrimary: number
  exhausted: boolean
}

interface Waiting {
  readonly admit: (turn: Turn) => void
  readonly fail: (error: AppError) => void
}

interface PendingAsk {
  /** `wanted` grows until the message is sent. */
  readonly ask: Ask
  readonly waiting: Waiting[]
  readonly timer: NodeJS.Timeout
}

/** Counts requests in a worker, with leases from the primary. */
export class LeasedLimit implements RequestLimit {
  readonly perWindow: number
  readonly #post: (part: FromWorker) => void
  readonly #leases = new LRUCache<string, Lease>({ max: LIMITS.usersCounted })
  readonly #pending = new Map<string, PendingAsk>()
  readonly #answerMs: number
  #alone: RequestWindows | undefined

  /** @param send sends a message to the primary. It may be lost if the primary ends. */
  constructor(
    perWindow: number,
    send: (parts: FromWorker[]) => void,
    { answerMs }: LeaseLimits = LEASE_LIMITS,
  ) {
    this.perWindow = perWindow
    this.#answerMs = answerMs
    this.#post = outbox(send)
  }

  take(userId: string): Turn | Promise<Turn> {
    if (this.#alone !== undefined) return this.#alone.take(userId)
    const nowMs = performance.now()
    const lease = this.#leases.peek(userId)
    if (lease !== undefined && lease.endsMs > nowMs) {
      if (lease.unused > 0 || lease.exhausted) return useOne(lease, nowMs)
    }
    return new Promise((admit, fail) => this.#ask(userId, { admit, fail }))
  }

  receive(parts: readonly FromPrimary[]): void {
    for (const part of parts) {
      if ('grant' in part) this.#granted(part)
      else this.#recalled(part)
    }
  }

  /** Call it if the primary has ended. This process then counts alone until it stops. */
  countAlone(): void {
    const alone = new RequestWindows(this.perWindow)
    this.#alone = alone
    for (const userId of [...this.#pending.keys()]) {
      for (const { admit } of this.#takeWaiting(userId)) admit(alone.take(userId))
    }
  }

  #ask(userId: string, ...waiting: Waiting[]): void {
    const pending = this.#pending.get(userId)
    if (pending !== undefined) {
      pending.ask.wanted += waiting.length
      pending.waiting.push(...waiting)
      return
    }
    const ask = { ask: userId, wanted: waiting.length, askedMs: performance.now() }
    const timer = setTimeout(() => this.#giveUp(userId), this.#answerMs)
    this.#pending.set(userId, { ask, waiting, timer })
    this.#post(ask)
  }

  #granted({ grant: userId, window, units, left, exhausted, askedMs, renewedMs }: Grant): void {
    const known = this.#leases.peek(userId)
    // The window's end is computed from the time of the ask, so that a lease never outlives its window.
    const fresh = {
      window,
      endsMs: askedMs + renewedMs,
      unused: 0,
      leftAtPrimary: 0,
      exhausted: false,
    }
    const lease = known?.window === window ? known : fresh
    if (lease !== known) this.#leases.set(userId, lease)
    // A slow ask gives an end that is too early, so the latest end is used.
    lease.endsMs = Math.max(lease.endsMs, fresh.endsMs)
    lease.unused += units
    lease.leftAtPrimary = left
    lease.exhausted = exhausted
    const waiting = this.#takeWaiting(userId)
    const nowMs = performance.now()
    const served = exhausted ? waiting : waiting.splice(0, lease.unused)
    for (const { admit } of served) admit(useOne(lease, nowMs))
    // Requests that arrived after the ask was sent.
    if (!exhausted && waiting.length > 0) this.#ask(userId, ...waiting)
  }

  #recalled({ recall: userId, window }: Recall): void {
    const lease = this.#leases.peek(userId)
    const units = lease?.window === window ? lease.unused : 0
    if (lease !== undefined && units > 0) lease.unused = 0
    this.#post({ returned: userId, window, units })
  }

  #giveUp(userId: string): void {
    for (const { fail } of this.#takeWaiting(userId)) {
      fail(
        new AppError('service_unavailable', {
          detail:
            'The requests of the user could not be counted; try again after Retry-After seconds',
          headers: { 'retry-after': '1' },
          cause: new Error(`The primary process was silent for ${this.#answerMs} ms`),
        }),
      )
    }
  }

  #takeWaiting(userId: string): Waiting[] {
    const pending = this.#pending.get(userId)
    clearTimeout(pending?.timer)
    this.#pending.delete(userId)
    return pending?.waiting ?? []
  }
}

function useOne(lease: Lease, nowMs: number): Turn {
  const admitted = lease.unused > 0
  if (admitted) lease.unused -= 1
  return { admitted, left: lease.unused + lease.leftAtPrimary, renewedMs: lease.endsMs - nowMs }
}
