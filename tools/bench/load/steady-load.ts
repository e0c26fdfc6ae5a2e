import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Request } from '../data/work.ts'
import { busyCores } from '../figures/machine-usage.ts'
import { endWithThisProcess } from '../servers/start-server.ts'

/** The times of requests that were sent at a fixed rate, without waiting for earlier responses. */
export interface Latencies {
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** The 99th percentile of the load's own delay in sending. */
  readonly lateP99Ms: number
}

export interface Phase extends Latencies {
  /** The average number of busy cores of the machine. */
  readonly busyCores: number
}

/** The message of steady-load-process.ts. */
export interface Recording extends Latencies {
  /** Requests without a response, or with a status other than 200, since the previous recording. */
  readonly failures: number
}

/** A separate process that sends requests at a fixed rate, however slow the responses are. */
export interface SteadyLoad {
  /**
   * Records the requests that are due during the work.
   *
   * @throws if a request fails, because the time of errors is meaningless.
   */
  record<Result>(work: () => Promise<Result>): Promise<{ tasks: Phase; result: Result }>
  stop(): void
}

/** @param folder for the file of requests that the process reads. */
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
    throw new Error(`The steady load process ended with ${code}`)
  })
  exited.catch(() => undefined) // stop() ends it as well
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
