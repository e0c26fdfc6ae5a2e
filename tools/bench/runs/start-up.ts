import { setTimeout as sleep } from 'node:timers/promises'
import { memory } from '../figures/process-usage.ts'
import { median } from '../figures/ratio.ts'
import { type Stage, startService } from '../servers/contestants.ts'

/** Until what a start leaves behind is done. */
const SETTLE_MS = 500

/** A start with a database that is already made, and the memory of the server that nobody uses. */
export interface StartUp {
  readonly readyMs: number
  readonly idleRssBytes: number
}

/** Starts the service once to make its database, then again, and takes medians of the later ones. */
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
