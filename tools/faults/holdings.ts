import { setTimeout as sleep } from 'node:timers/promises'
import { memory } from '../bench/figures/process-usage.ts'
import { openFiles } from './family.ts'
import type { Scene } from './fault.ts'
import type { ServerProcess } from './server-process.ts'

/** The normal growth of a heap. */
const MEMORY_MARGIN_BYTES = 64e6
const FILES_MARGIN = 8
const SETTLED_MS = 8_000
const WARM_LOOK_MS = 2_000
const WARM_MS = 60_000
/** A warm server grows by less from one look to the next. */
const WARM_BYTES = 4e6
/** Longer together than the 0.1 s for which the hash of a password takes 33 MB. */
const LOOKS = 10
const LOOK_MS = 50

/** The resources that a server holds. */
export interface Holdings {
  /** See {@link heldBytes}. */
  readonly rssBytes: number
  readonly sessions: number
  readonly files: number
}

export async function holdings(scene: Scene): Promise<Holdings> {
  const { pid } = scene.server
  return {
    rssBytes: await heldBytes(scene.server),
    sessions: await scene.sessions(),
    files: openFiles(pid),
  }
}

/**
 * V8 collects the old part of a heap rarely: in one measurement, the memory of a new server grew by 40 MB in 40 s of the
 * load alone. It grew by 5 MB after its garbage had been collected.
 *
 * @returns the memory of a server after a garbage collection.
 */
export async function heldBytes(server: ServerProcess): Promise<number> {
  await server.collectGarbage()
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < LOOKS; look += 1) {
    least = Math.min(least, memory(server.pid).rssBytes)
    await sleep(LOOK_MS)
  }
  return least
}

/**
 * Waits for a limited time until the memory of the server no longer grows under the load: V8 optimizes what is executed often,
 * and the caches of the database fill.
 */
export async function warmHoldings(scene: Scene): Promise<Holdings> {
  const limitMs = performance.now() + WARM_MS
  let before: Holdings
  let now = await holdings(scene)
  do {
    await sleep(WARM_LOOK_MS)
    before = now
    now = await holdings(scene)
  } while (now.rssBytes > before.rssBytes + WARM_BYTES && performance.now() < limitMs)
  return now
}

/** Waits for a limited time until the server has released the clients' resources. */
export async function settledHoldings(scene: Scene, before: Holdings): Promise<Holdings> {
  const limitMs = performance.now() + SETTLED_MS
  let now = await holdings(scene)
  while (performance.now() < limitMs && excess(scene, before, now).length > 0) {
    await sleep(200)
    now = await holdings(scene)
  }
  return now
}

/** @returns a text for each resource of which the server holds more than before. */
export function excess(scene: Scene, before: Holdings, after: Holdings): string[] {
  const { sessions, files, rssBytes } = after
  return [
    ...(sessions > scene.mostSessions ? [`${sessions} sessions are left`] : []),
    ...(files > before.files + FILES_MARGIN ? [`${files} files are open`] : []),
    ...(rssBytes > before.rssBytes + MEMORY_MARGIN_BYTES ? ['memory grew'] : []),
  ]
}
