import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Request } from '../data/work.ts'
import { startAutocannon } from './autocannon.ts'
import { startWrk, wrkVersion } from './wrk.ts'

/** Keep-alive connections, each with one request under way at a time. */
export const CONNECTIONS = 64

export interface LoadOrder {
  readonly url: string
  /** A whole number: wrk takes no other. */
  readonly seconds: number
}

export interface LoadResult {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Requests without an answer, or with another than 2xx. */
  readonly failures: number
}

/** A list of requests sent over and over, from a process of its own. */
export interface Load {
  /** @throws when a single request fails: a benchmark of errors says nothing. */
  run(order: LoadOrder): Promise<LoadResult>
  stop(): void
}

/** What makes the load: wrk where it is installed, since it takes the least of the machine. */
export const LOAD_TOOL = wrkVersion() ?? 'autocannon'

/** @param folder where the list of requests is left for the process. */
export function startLoad(requests: readonly Request[], folder: string): Load {
  const own = mkdtempSync(join(folder, 'load-'))
  const tool = LOAD_TOOL === 'autocannon' ? startAutocannon : startWrk
  const { run, stop } = tool(requests, own)
  return {
    run: async (order) => {
      const result = await run(order)
      if (result.failures > 0) {
        throw new Error(
          `${order.url}: ${result.failures} requests failed, ${result.requests} were answered`,
        )
      }
      return result
    },
    stop,
  }
}
