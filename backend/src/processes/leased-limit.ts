import { LRUCache } from 'lru-cache'
import { AppError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { type RequestLimit, RequestWindows, type Turn } from '../http/rate/request-windows.ts'
import type { Ask, FromPrimary, FromWorker, Grant, Recall } from './lease-messages.ts'
import { outbox } from './lease-messages.ts'

/** A primary that is silent for this long is not waited for. */
const ANSWER_LIMIT_MS = 3_000

interface Lease {
  readonly window: number
  endsMs: number
  unused: number
  /** What the primary had left when it was last heard of. */
  elsewhere: number
  exhausted: boolean
}

interface Waiting {
  readonly admit: (turn: Turn) => void
  readonly fail: (error: AppError) => void
}

interface Asked {
  /** Grows until it is sent. */
  readonly ask: Ask
  readonly waiting: Waiting[]
  readonly timer: NodeJS.Timeout
}

/** The counts of one server process of several: a worker's end of the leases. */
export class LeasedLimit implements RequestLimit {
  readonly perWindow: number
  readonly #post: (part: FromWorker) => void
  readonly #leases = new LRUCache<string, Lease>({ max: LIMITS.usersCounted })
  readonly #asked = new Map<string, Asked>()
  #alone: RequestWindows | undefined

  /** @param send carries a message to the primary; it may be lost with the primary. */
  constructor(perWindow: number, send: (parts: FromWorker[]) => void) {
    this.perWindow = perWindow
    this.#post = outbox(send)
  }

  take(userId: string): Turn | Promise<Turn> {
    if (this.#alone !== undefined) return this.#alone.take(userId)
    const nowMs = performance.now()
    const lease = this.#leases.peek(userId)
    if (lease !== undefined && lease.endsMs > nowMs) {
      if (lease.unused > 0 || lease.exhausted) return useUp(lease, nowMs)
    }
    return new Promise((admit, fail) => this.#ask(userId, { admit, fail }))
  }

  receive(parts: readonly FromPrimary[]): void {
    for (const part of parts) {
      if ('grant' in part) this.#granted(part)
      else this.#recalled(part)
    }
  }

  /** The primary is gone, and its counts with it: what is under way until the stop is counted here. */
  countAlone(): void {
    const alone = new RequestWindows(this.perWindow)
    this.#alone = alone
    for (const userId of [...this.#asked.keys()]) {
      for (const { admit } of this.#answered(userId)) admit(alone.take(userId))
    }
  }

  #ask(userId: string, ...waiting: Waiting[]): void {
    const asked = this.#asked.get(userId)
    if (asked !== undefined) {
      asked.ask.wanted += waiting.length
      asked.waiting.push(...waiting)
      return
    }
    const ask = { ask: userId, wanted: waiting.length, askedMs: performance.now() }
    const timer = setTimeout(() => this.#giveUp(userId), ANSWER_LIMIT_MS)
    this.#asked.set(userId, { ask, waiting, timer })
    this.#post(ask)
  }

  #granted({ grant: userId, window, units, left, exhausted, askedMs, renewedMs }: Grant): void {
    const known = this.#leases.peek(userId)
    // Counted from when it was asked, so that a lease never outlives its window.
    const fresh = { window, endsMs: askedMs + renewedMs, unused: 0, elsewhere: 0, exhausted: false }
    const lease = known?.window === window ? known : fresh
    if (lease !== known) this.#leases.set(userId, lease)
    // The window may end later than an ask that travelled slowly made it seem.
    lease.endsMs = Math.max(lease.endsMs, fresh.endsMs)
    lease.unused += units
    lease.elsewhere = left
    lease.exhausted = exhausted
    const waiting = this.#answered(userId)
    const nowMs = performance.now()
    const served = exhausted ? waiting : waiting.splice(0, lease.unused)
    for (const { admit } of served) admit(useUp(lease, nowMs))
    // Those who came after it had been asked.
    if (!exhausted && waiting.length > 0) this.#ask(userId, ...waiting)
  }

  #recalled({ recall: userId, window }: Recall): void {
    const lease = this.#leases.peek(userId)
    const units = lease?.window === window ? lease.unused : 0
    if (lease !== undefined && units > 0) lease.unused = 0
    this.#post({ returned: userId, window, units })
  }

  #giveUp(userId: string): void {
    for (const { fail } of this.#answered(userId)) {
      fail(
        new AppError('service_unavailable', {
          detail:
            'The requests of the user could not be counted; try again after Retry-After seconds',
          headers: { 'retry-after': '1' },
          cause: new Error(`the primary process was silent for ${ANSWER_LIMIT_MS} ms`),
        }),
      )
    }
  }

  #answered(userId: string): Waiting[] {
    const asked = this.#asked.get(userId)
    clearTimeout(asked?.timer)
    this.#asked.delete(userId)
    return asked?.waiting ?? []
  }
}

function useUp(lease: Lease, nowMs: number): Turn {
  const admitted = lease.unused > 0
  if (admitted) lease.unused -= 1
  return { admitted, left: lease.unused + lease.elsewhere, renewedMs: lease.endsMs - nowMs }
}
