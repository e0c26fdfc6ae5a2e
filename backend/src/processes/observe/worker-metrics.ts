import { AggregatorRegistry } from 'prom-client'
import type { MetricsMessage } from './metrics-messages.ts'

type Collected = MetricsMessage['metrics']

/** How long a scrape waits for the workers. */
const WORKERS_MS = 2_000

interface Asking {
  readonly missing: Set<number>
  readonly arrived: Map<number, Collected>
  readonly finish: () => void
}

/**
 * Collects the metrics of all workers in the primary, as sums. The counters of a worker that has ended or does
 * not respond are kept as of its last response, because a sum that decreases would look like a restart.
 */
export class WorkerMetrics {
  readonly #ask: (worker: number, asked: number) => void
  readonly #waitMs: number
  readonly #asking = new Map<number, Asking>()
  readonly #latest = new Map<number, Collected>()
  #ended: readonly Collected[] = []
  #asked = 0

  /** @param ask asks a worker for its metrics. The message may be lost. */
  constructor(ask: (worker: number, asked: number) => void, waitMs = WORKERS_MS) {
    this.#ask = ask
    this.#waitMs = waitMs
  }

  /** Call it once at a time. @returns the sums over these workers in Prometheus' text format. */
  async collect(workers: readonly number[]): Promise<string> {
    const asked = ++this.#asked
    const arrived = new Map<number, Collected>()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#waitMs)
      const finish = () => {
        clearTimeout(timer)
        resolve()
      }
      if (workers.length === 0) return finish()
      this.#asking.set(asked, { missing: new Set(workers), arrived, finish })
      for (const worker of workers) this.#ask(worker, asked)
    })
    this.#asking.delete(asked)
    const each = workers.map((worker) => arrived.get(worker) ?? this.#countersOf(worker))
    await this.#addUpEnded()
    return sumOf([...this.#ended, ...each]).metrics()
  }

  receive(worker: number, { asked, metrics }: MetricsMessage): void {
    this.#latest.set(worker, metrics)
    const asking = this.#asking.get(asked)
    asking?.arrived.set(worker, metrics)
    this.#settle(asking, worker)
  }

  /** Call it if a worker has ended. */
  forget(worker: number): void {
    this.#ended = [...this.#ended, this.#countersOf(worker)]
    this.#latest.delete(worker)
    for (const asking of this.#asking.values()) {
      // Its counters are among those of the workers that have ended.
      asking.arrived.delete(worker)
      this.#settle(asking, worker)
    }
  }

  /** Replaces the counters of all workers that have ended by their sum. */
  async #addUpEnded(): Promise<void> {
    const ended = this.#ended
    if (ended.length < 2) return
    const sum = await sumOf(ended).getMetricsAsJSON()
    // Other workers may have ended meanwhile.
    this.#ended = [sum, ...this.#ended.slice(ended.length)]
  }

  /** @returns the counters of a worker as of its last response. */
  #countersOf(worker: number): Collected {
    // The type says that this is a number; it is the text that Prometheus' format has.
    return (this.#latest.get(worker) ?? []).filter(({ type }) => String(type) !== 'gauge')
  }

  #settle(asking: Asking | undefined, worker: number): void {
    if (asking?.missing.delete(worker) && asking.missing.size === 0) asking.finish()
  }
}

function sumOf(collected: readonly Collected[]) {
  return AggregatorRegistry.aggregate([...collected])
}
