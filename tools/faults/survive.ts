import { setTimeout as sleep } from 'node:timers/promises'
import { check, type Truth } from './check/check.ts'
import type { Contradiction, Kind } from './check/contradiction.ts'
import type { Fault, Scene, Unanswered } from './fault.ts'
import { type Happening, happen } from './happen.ts'
import { excess, type Holdings, settledHoldings, warmHoldings } from './holdings.ts'
import { Load } from './load/load.ts'
import type { Counts, Record as LoadRecord, TaskRecord } from './load/record.ts'

const AFTER_MS = 1_500

export interface Survival extends Happening {
  readonly name: string
  readonly what: string
  readonly counts: Counts
  readonly wrong: Readonly<Record<Kind, number>>
  /** The number of responses with another user's data. */
  readonly foreign: number
  readonly unanswered: Unanswered
  readonly before: Holdings
  readonly after: Holdings
}

/** Injects a fault into a server under load, and checks the database afterwards. @throws {NotTried} */
export async function survive<Place extends Scene>(
  scene: Place,
  fault: Fault<Place>,
): Promise<Survival> {
  const { name, what, leaves = () => true } = fault
  const load = new Load({
    prefix: `${name}-${Date.now().toString(36)}`,
    port: () => scene.server.port,
    ...(scene.requestsPerSecond && { requestsPerSecond: scene.requestsPerSecond }),
  })
  try {
    await load.warm()
    const before = await warmHoldings(scene)
    const happening = await happen(scene, fault, load)
    await sleep(AFTER_MS)
    await load.stop()
    const after = await settledHoldings(scene, before)
    const truth = await scene.truth(load.prefix)
    const contradictions = check(load.record, truth)
    const differences = await load.differences()
    const unanswered = unansweredOf(load.record.tasks, truth)
    const violations = [
      ...happening.violations,
      ...broken(load.record, contradictions),
      ...differences,
      ...excess(scene, before, after),
      ...(leaves(unanswered) ? [] : ['the fault did not come as it was meant']),
    ]
    return {
      ...{ ...happening, name, what, violations, before, after, unanswered },
      ...{ counts: load.record.counts, foreign: load.record.foreign, wrong: count(contradictions) },
    }
  } finally {
    await load.stop()
  }
}

/** @returns every broken promise in a record and its check, as text. */
export function broken(
  { violations, foreign }: LoadRecord,
  contradictions: readonly Contradiction[],
): string[] {
  return [
    ...violations,
    ...contradictions.map(({ kind, text }) => `${kind}: ${text}`),
    ...(foreign > 0 ? [`${foreign} answers had something of another user`] : []),
  ]
}

export function count(contradictions: readonly Contradiction[]): Record<Kind, number> {
  const of = (kind: Kind) => contradictions.filter((one) => one.kind === kind).length
  return { lost: of('lost'), twice: of('twice'), 'half-done': of('half-done') }
}

function unansweredOf(records: readonly TaskRecord[], { tasks }: Truth): Unanswered {
  const there = new Set(tasks.map(({ title }) => title))
  const creations = records.filter(({ acknowledged }) => acknowledged === undefined)
  const done = creations.filter(({ title }) => there.has(title))
  return { creations: creations.length, done: done.length }
}
