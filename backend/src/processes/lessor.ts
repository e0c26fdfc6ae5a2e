import type { RequestWindow, RequestWindows } from '../http/rate/request-windows.ts'
import { LEASE_LIMITS, type LeaseLimits } from './bounds.ts'
import {
  type Ask,
  type FromPrimary,
  type FromWorker,
  outbox,
  type Return,
} from './lease-messages.ts'

/** A worker leases a user's limit divided by this. */
const LEASES_PER_LIMIT = 32

interface Asking {
  readonly worker: number
  readonly ask: Ask
}

interface Recalling {
  readonly window: RequestWindow
  readonly owing: Set<number>
  readonly asking: Asking[]
  readonly timer: NodeJS.Timeout
}

/** The state of a window's leases. After a recall no more requests are leased in advance. */
interface Lent {
  /** The workers that may have unused requests. */
  readonly holders: Set<number>
  recalled: boolean
}

/** Counts requests in the primary for all workers, and recalls unused leases. */
export class Lessor {
  readonly #windows: RequestWindows
  readonly #leaseSize: number
  readonly #send: (worker: number, parts: FromPrimary[]) => void
  readonly #returnMs: number
  readonly #workers = new Map<number, (part: FromPrimary) => void>()
  readonly #lent = new WeakMap<RequestWindow, Lent>()
  readonly #recalls = new Map<number, Recalling>()

  /** @param send sends a message to a worker. It may be lost if the worker ends. */
  constructor(
    windows: RequestWindows,
    send: (worker: number, parts: FromPrimary[]) => void,
    { returnMs }: LeaseLimits = LEASE_LIMITS,
  ) {
    this.#windows = windows
    this.#returnMs = returnMs
    this.#leaseSize = Math.max(1, Math.floor(windows.perWindow / LEASES_PER_LIMIT))
    this.#send = send
  }

  receive(worker: number, parts: readonly FromWorker[]): void {
    if (!this.#workers.has(worker)) {
      const post = outbox<FromPrimary>((message) => this.#send(worker, message))
      this.#workers.set(worker, post)
    }
    for (const part of parts) {
      if ('ask' in part) this.#lend({ worker, ask: part })
      else this.#takeBack(worker, part)
    }
  }

  /** Call it if a worker has ended. Its leases count as used. */
  forget(worker: number): void {
    this.#workers.delete(worker)
    for (const recall of this.#recalls.values()) this.#settle(recall, worker)
  }

  #lend(asking: Asking): void {
    const { worker, ask } = asking
    const nowMs = performance.now()
    const window = this.#windows.at(ask.ask, nowMs)
    const recall = this.#recalls.get(window.id)
    if (recall !== undefined) return void recall.asking.push(asking)
    const lent = this.#lentOf(window)
    lent.holders.delete(worker)
    if (window.left < ask.wanted && this.#recall(window, lent, asking)) return
    const units = Math.min(window.left, Math.max(ask.wanted, lent.recalled ? 0 : this.#leaseSize))
    window.left -= units
    if (units > ask.wanted) lent.holders.add(worker)
    this.#workers.get(worker)?.({
      grant: ask.ask,
      window: window.id,
      units,
      left: window.left,
      exhausted: units < ask.wanted,
      askedMs: ask.askedMs,
      renewedMs: window.endsMs - nowMs,
    })
  }

  /** @returns whether a worker may have unused requests. The ask then waits for their return. */
  #recall(window: RequestWindow, lent: Lent, asking: Asking): boolean {
    lent.recalled = true
    const owing = new Set([...lent.holders].filter((worker) => this.#workers.has(worker)))
    lent.holders.clear()
    if (owing.size === 0) return false
    const timer = setTimeout(() => this.#finish(recall), this.#returnMs)
    const recall = { window, owing, asking: [asking], timer }
    this.#recalls.set(window.id, recall)
    for (const worker of owing) {
      this.#workers.get(worker)?.({ recall: asking.ask.ask, window: window.id })
    }
    return true
  }

  #takeBack(worker: number, { window, units }: Return): void {
    const recall = this.#recalls.get(window)
    if (!recall?.owing.has(worker)) return
    recall.window.left += units
    this.#settle(recall, worker)
  }

  #settle(recall: Recalling, worker: number): void {
    if (recall.owing.delete(worker) && recall.owing.size === 0) this.#finish(recall)
  }

  #finish({ window, asking, timer }: Recalling): void {
    clearTimeout(timer)
    this.#recalls.delete(window.id)
    for (const one of asking) this.#lend(one)
  }

  #lentOf(window: RequestWindow): Lent {
    const lent = this.#lent.get(window) ?? { holders: new Set<number>(), recalled: false }
    this.#lent.set(window, lent)
    return lent
  }
}
