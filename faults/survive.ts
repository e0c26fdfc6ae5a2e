import { setTimeout as sleep } from 'node:timers/promises'
import { memory } from '../bench/figures/process-usage.ts'
import { check, type Truth } from './check/check.ts'
import type { Kind } from './check/contradiction.ts'
import { openFiles } from './family.ts'
import { type Fault, NotTried, type Scene, type Unanswered } from './fault.ts'
import { Load } from './load/load.ts'
import { type Recovery, recovery } from './load/probe.ts'
import type { Counts, TaskRecord } from './load/record.ts'

const BEFORE_MS = 2_000
const AFTER_MS = 1_500
/** The promise: this long after the end of a fault the server serves as before. */
const RECOVERED_MS = 2_000
const SETTLED_MS = 8_000
/** What a heap grows by for reasons of its own. */
const MEMORY_MARGIN_BYTES = 64e6
const FILES_MARGIN = 8

/** What a server holds. */
export interface Holdings {
  readonly rssBytes: number
  readonly sessions: number
  readonly files: number
}

export interface Survival {
  readonly name: string
  readonly what: string
  readonly note: string
  readonly counts: Counts
  readonly wrong: Readonly<globalThis.Record<Kind, number>>
  readonly foreign: number
  readonly unanswered: Unanswered
  readonly recovery: Recovery
  readonly before: Holdings
  readonly after: Holdings
  /** Each broken promise in words. */
  readonly violations: readonly string[]
}

/** Lets a fault happen to a server under load, and looks at what is left. @throws {NotTried} */
export async function survive<Place extends Scene>(
  scene: Place,
  fault: Fault<Place>,
): Promise<Survival> {
  const prefix = `${fault.name}-${Date.now().toString(36)}`
  const port = () => scene.server.port
  const { requestsPerSecond } = scene
  const load = new Load({ port, prefix, ...(requestsPerSecond && { requestsPerSecond }) })
  const { record } = load
  const violations: string[] = []
  const { pid } = scene.server
  try {
    await load.warm()
    await sleep(BEFORE_MS)
    const before = await holdings(scene)
    record.troubled = true
    record.cutsExpected = fault.takes !== undefined
    const note = await fault.run(scene, load).catch((error) => {
      if (error instanceof NotTried) throw error
      violations.push(error instanceof Error ? error.message : String(error))
      return undefined
    })
    const endedMs = performance.now()
    const recovered = await recovery(port, prefix, record, endedMs)
    await sleep(Math.max(0, endedMs + RECOVERED_MS - performance.now()))
    record.troubled = false
    await sleep(AFTER_MS)
    await load.stop()
    if (fault.takes !== 'server' && pid !== scene.server.pid) violations.push('the server ended')
    const after = await settled(scene, before)
    const { sessions, files, rssBytes } = after
    const truth = await scene.truth(prefix)
    const contradictions = check(record, truth)
    const unanswered = unansweredOf(record.tasks, truth)
    violations.push(
      ...record.violations,
      ...contradictions.map(({ kind, text }) => `${kind}: ${text}`),
    )
    if (record.foreign > 0)
      violations.push(`${record.foreign} answers had something of another user`)
    if (recovered.writeMs > RECOVERED_MS) violations.push(`a write took ${recovered.writeMs} ms`)
    if (recovered.readyMs > RECOVERED_MS) violations.push(`/readyz took ${recovered.readyMs} ms`)
    if (sessions > scene.mostSessions) violations.push(`${sessions} sessions are left`)
    if (files > before.files + FILES_MARGIN) violations.push(`${files} files are open`)
    if (rssBytes > before.rssBytes + MEMORY_MARGIN_BYTES) violations.push('memory grew')
    if (fault.leaves?.(unanswered) === false)
      violations.push('the fault did not come as it was meant')
    const count = (kind: Kind) => contradictions.filter((one) => one.kind === kind).length
    return {
      ...{ name: fault.name, what: fault.what, note: note ?? '', counts: record.counts },
      wrong: { lost: count('lost'), twice: count('twice'), 'half-done': count('half-done') },
      ...{ foreign: record.foreign, unanswered, recovery: recovered, before, after, violations },
    }
  } finally {
    await load.stop()
  }
}

function unansweredOf(records: readonly TaskRecord[], { tasks }: Truth): Unanswered {
  const there = new Set(tasks.map(({ title }) => title))
  const creations = records.filter(({ acknowledged }) => acknowledged === undefined)
  return {
    creations: creations.length,
    done: creations.filter(({ title }) => there.has(title)).length,
  }
}

async function holdings(scene: Scene): Promise<Holdings> {
  const { pid } = scene.server
  return {
    rssBytes: memory(pid).rssBytes,
    sessions: await scene.sessions(),
    files: openFiles(pid),
  }
}

/** Waits a while for what the clients have left open. */
async function settled(scene: Scene, before: Holdings): Promise<Holdings> {
  const limitMs = performance.now() + SETTLED_MS
  let now = await holdings(scene)
  while (
    performance.now() < limitMs &&
    (now.sessions > scene.mostSessions ||
      now.files > before.files ||
      now.rssBytes > before.rssBytes + MEMORY_MARGIN_BYTES)
  ) {
    await sleep(200)
    now = await holdings(scene)
  }
  return now
}
