/**
 * Requests tasks at a fixed rate without waiting for earlier responses, and measures the time of each. A load
 * that waits would send the fewest requests when the server is slowest (coordinated omission). steady-load.ts
 * forks it.
 *
 * Usage: fork('tools/bench/load/steady-load-process.ts', [file of requests, url, requests per second]), then
 * 'begin' and 'end' for each Recording.
 */
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import type { Request } from '../data/work.ts'
import type { Recording } from './steady-load.ts'

const ANSWER_LIMIT_MS = 30_000

/** Requests that were due between a 'begin' and an 'end'. */
class Record {
  readonly #latenciesMs: number[] = []
  readonly #lateMs: number[] = []
  #inProgress = 0
  #settled: (() => void) | undefined

  sent(lateMs: number): void {
    this.#inProgress += 1
    this.#lateMs.push(lateMs)
  }

  answered(sentMs: number): void {
    this.#latenciesMs.push(performance.now() - sentMs)
    this.#inProgress -= 1
    if (this.#inProgress === 0) this.#settled?.()
  }

  /** Resolves when all requests have their responses. */
  async result(): Promise<Omit<Recording, 'failures'>> {
    if (this.#inProgress > 0) {
      await new Promise<void>((resolve) => {
        this.#settled = resolve
      })
    }
    const latency = quantiles(this.#latenciesMs)
    return {
      requests: this.#latenciesMs.length,
      p50Ms: latency(0.5),
      p99Ms: latency(0.99),
      maxMs: latency(1),
      lateP99Ms: quantiles(this.#lateMs)(0.99),
    }
  }
}

function quantiles(values: readonly number[]): (share: number) => number {
  const sorted = Float64Array.from(values).sort()
  return (share) =>
    sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)] ?? Number.NaN
}

const [file = '', url = '', perSecond = ''] = process.argv.slice(2)
const requests: Request[] = JSON.parse(readFileSync(file, 'utf8'))
const intervalMs = 1_000 / Number(perSecond)
const agent = new Agent({ keepAlive: true, scheduling: 'fifo' })
const startedMs = performance.now()
let sent = 0
let failures = 0
let record = new Record()

function ask({ path, token }: Request, dueMs: number, into: Record): void {
  const sentMs = performance.now()
  into.sent(sentMs - dueMs)
  const options = {
    agent,
    headers: { authorization: `Bearer ${token}` },
    timeout: ANSWER_LIMIT_MS,
  }
  const request = get(url + path, options, (response) => {
    if (response.statusCode !== 200) failures += 1
    response.resume()
  })
  request.on('timeout', () => request.destroy(new Error('The server did not respond')))
  request.on('error', () => {
    failures += 1
  })
  request.on('close', () => into.answered(sentMs))
}

function askForWhatIsDue(): void {
  for (;;) {
    const dueMs = startedMs + sent * intervalMs
    const aheadMs = dueMs - performance.now()
    const next = requests[sent % requests.length]
    if (next === undefined) throw new Error('there are no requests')
    if (aheadMs > 0) {
      setTimeout(askForWhatIsDue, aheadMs)
      return
    }
    sent += 1
    ask(next, dueMs, record)
  }
}

process.on('message', async (order: 'begin' | 'end') => {
  const before = record
  record = new Record()
  if (order === 'begin') return
  const result = await before.result()
  const message: Recording = { ...result, failures }
  failures = 0
  process.send?.(message)
})
process.on('disconnect', () => process.exit())
askForWhatIsDue()
