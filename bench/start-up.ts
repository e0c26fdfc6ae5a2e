import { setTimeout as sleep } from 'node:timers/promises'
import { median } from './measure.ts'
import { memory } from './process-usage.ts'
import { SERVICE, startServer } from './servers.ts'

const STARTS = 3
/** Until what a start leaves behind is done. */
const SETTLE_MS = 500

/** A start with a database that is already made, and the memory of the server that nobody uses. */
export interface StartUp {
  readonly readyMs: number
  readonly idleRssBytes: number
}

/** Starts the service once to make its database, then again, and takes medians of the later ones. */
export async function measureStartUp(
  settings: Record<string, string>,
  folder: string,
): Promise<StartUp> {
  const first = await startServer(SERVICE, settings, folder)
  await first.stop()
  const starts: StartUp[] = []
  while (starts.length < STARTS) {
    const server = await startServer(SERVICE, settings, folder)
    await sleep(SETTLE_MS)
    starts.push({ readyMs: server.readyMs, idleRssBytes: memory(server.pid).rssBytes })
    await server.stop()
  }
  return {
    readyMs: median(starts.map(({ readyMs }) => readyMs)),
    idleRssBytes: median(starts.map(({ idleRssBytes }) => idleRssBytes)),
  }
}
