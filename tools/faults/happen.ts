import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, NotTried, type Scene } from './fault.ts'
import type { Load } from './load/load.ts'
import { type Recovery, recovery } from './load/probe.ts'

/** The promise: the server has recovered this long after the end of a fault. */
const RECOVERED_MS = 2_000

export interface Happening {
  readonly note: string
  readonly recovery: Recovery
  /** Each broken promise as text, in addition to those in the load's record. */
  readonly violations: readonly string[]
}

/** Injects a fault under load, and waits until the server has recovered. @throws {NotTried} */
export async function happen<Place extends Scene>(
  scene: Place,
  fault: Fault<Place>,
  load: Load,
): Promise<Happening> {
  const { record, prefix } = load
  const { server } = scene
  const violations: string[] = []
  record.troubled = true
  record.cutsExpected = fault.takes !== undefined
  const note = await fault.run(scene, load).catch((error) => {
    if (error instanceof NotTried) throw error
    violations.push(error instanceof Error ? error.message : String(error))
    return undefined
  })
  record.troubled = true
  const endedMs = performance.now()
  const recovered = await recovery(() => scene.server.port, prefix, record, endedMs)
  await sleep(Math.max(0, endedMs + RECOVERED_MS - performance.now()))
  record.troubled = false
  if (fault.takes !== 'server' && !server.runs()) violations.push('the server ended')
  for (const [what, ms] of [
    ['a write', recovered.writeMs],
    ['/readyz', recovered.readyMs],
  ] as const) {
    if (ms > RECOVERED_MS) violations.push(`${what} was not answered for ${ms.toFixed()} ms`)
  }
  return { note: note ?? '', recovery: recovered, violations }
}
