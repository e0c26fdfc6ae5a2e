import { setTimeout as sleep } from 'node:timers/promises'
import { memory } from '../bench/figures/process-usage.ts'
import { openFiles } from './family.ts'
import type { Scene } from './fault.ts'

/** The normal growth of a heap. */
const MEMORY_MARGIN_BYTES = 64e6
const FILES_MARGIN = 8
const SETTLED_MS = 8_000

/** The resources that a server holds. */
export interface Holdings {
  readonly rssBytes: number
  readonly sessions: number
  readonly files: number
}

export async function holdings(scene: Scene): Promise<Holdings> {
  const { pid } = scene.server
  return {
    rssBytes: memory(pid).rssBytes,
    sessions: await scene.sessions(),
    files: openFiles(pid),
  }
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
