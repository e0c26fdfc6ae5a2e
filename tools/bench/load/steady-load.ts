import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Request } from '../data/work.ts'
import { busyCores } from '../figures/machine-usage.ts'
import { endWithThisProcess } from '../servers/start-server.ts'

/** How long requests took, each sent when it was due, whether or not those before were answered. */
export interface Latencies {
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** How much of it was the load's own doing: the 99th percentile of its delay in sending. */
  readonly lateP99Ms: number
}

export interface Phase extends Latencies {
  /** Of the whole machine, on average. */
  readonly busyCores: number
}

/** What steady-load-process.ts answers. */
export interface Recording extends Latencies {
  /** Requests without an answer, or with another than 200, since the recording before. */
  readonly failures: number
}

/** Requests at a fixed rate, however long the answers take, from a process of its own. */
export interface SteadyLoad {
  /**
   * Records the requests that are due while the work goes on.
   *
   * @throws when a single request failed: a benchmark of errors says nothing.
   */
  record<Result>(work: () => Promise<Result>): Promise<{ tasks: Phase; result: Result }>
  stop(): void
}

/** @param folder where the list of requests is left for the process. */
export function startSteadyLoad(
  url: string,
  perSecond: number,
  requests: readonly Request[],
  folder: string,
): SteadyLoad {
  const file = join(folder, 'steady-requests.json')
  writeFileSync(file, JSON.stringify(requests))
  const program = fileURLToPath(new URL('./steady-load-process.ts', import.meta.url))
  const child = fork(program, [file, url, String(perSecond)])
  endWithThisProcess(child)
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the steady load ended with ${code}`)
  })
  exited.catch(() => undefined) // by stop() it is no failure
  return {
    async record(work) {
      child.send('begin')
      const { cores, result } = await busyCores(() => Promise.race([work(), exited]))
      child.send('end')
      const [message] = await Promise.race([once(child, 'message'), exited])
      const { failures, ...latencies }: Recording = message // the only one steady-load-process.ts sends
      if (failures > 0 || latencies.requests === 0) {
        throw new Error(`${failures} task requests failed, ${latencies.requests} were answered`)
      }
      return { tasks: { ...latencies, busyCores: cores }, result }
    },
    stop: () => child.disconnect(),
  }
}
