import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Target } from './seed.ts'
import { endWithThisProcess } from './servers.ts'

export interface LoadOrder {
  readonly url: string
  /** Kept open, each with one request at a time. */
  readonly connections: number
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

/** The load, in a process of its own. */
export interface Load {
  /** @throws when a single request fails: a benchmark of errors says nothing. */
  run(order: LoadOrder): Promise<LoadResult>
  stop(): void
}

/** @param folder where the list of targets is left for the process. */
export function startLoad(targets: readonly Target[], folder: string): Load {
  const file = join(folder, 'targets.json')
  writeFileSync(file, JSON.stringify(targets))
  const child = fork(fileURLToPath(new URL('./load.ts', import.meta.url)), [file])
  endWithThisProcess(child)
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the load ended with ${code}`)
  })
  exited.catch(() => undefined) // by stop() it is no failure
  return {
    async run(order) {
      child.send(order)
      const [message] = await Promise.race([once(child, 'message'), exited])
      const result: LoadResult = message // the only one load.ts sends
      if (result.failures > 0 || result.requests === 0) {
        throw new Error(`${result.failures} requests failed, ${result.requests} were answered`)
      }
      return result
    },
    stop: () => child.disconnect(),
  }
}
