import { setTimeout as sleep } from 'node:timers/promises'
import { memory } from '../figures/process-usage.ts'
import { median } from '../figures/ratio.ts'
import { type Stage, startService } from '../servers/contestants.ts'

/** The time for background work after a start to finish. */
const SETTLE_MS = 500

/** A start with an existing database, and the memory of the server without load. */
export interface StartUp {
  readonly readyMs: number
  readonly idleRssBytes: number
}

/** Starts the service once to create its database, and then several times. @returns their medians. */
export async function measureStartUp(stage: Stage, times: number): Promise<StartUp> {
  const first = await startService(stage)
  await first.stop()
  const starts: StartUp[] = []
  while (starts.length < times) {
    const server = await startService(stage)
    await sleep(SETTLE_MS)
    starts.push({ readyMs: server.readyMs, idleRssBytes: memory(server.pid).rssBytes })
    await server.stop()
  }
  return {
    readyMs: median(starts.map(({ readyMs }) => readyMs)),
    idleRssBytes: median(starts.map(({ idleRssBytes }) => idleRssBytes)),
  }
}
