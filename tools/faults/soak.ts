/**
 * Puts a steady, mixed load on one server for a given time, with a fault every minute in random order. Then
 * compares the database with the acknowledged changes, and the memory with the memory before. Ends with 1 if
 * a promise was broken.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { argumentsOf, numberOf } from '../../scripts/arguments.ts'
import { median } from '../bench/figures/ratio.ts'
import { megabytes } from '../bench/report/text.ts'
import { ON_ONE_EMBEDDED_SERVER, ON_ONE_SERVER } from './catalogue.ts'
import { check } from './check/check.ts'
import type { Fault, Scene } from './fault.ts'
import { happen } from './happen.ts'
import { heldBytes } from './holdings.ts'
import { Load } from './load/load.ts'
import { openEmbedded } from './scenes/embedded.ts'
import { openOnPostgres } from './scenes/on-postgres.ts'
import { broken, count } from './survive.ts'

const MINUTE_MS = 60_000
const SAMPLE_PAUSE_MS = 4_000
/** The allowed growth from the second to the last quarter. During the first, the heap grows to its size. */
const FLAT_BYTES = 32e6

const usage = 'Usage: npm run test:soak [-- --minutes <N>] [--on postgres|embedded]'
const given = argumentsOf({ usage, texts: ['minutes', 'on'] })
const minutes = numberOf(given, 'minutes', 10, Number.MIN_VALUE)

const violations =
  given.texts.get('on') === 'embedded'
    ? await soak(await openEmbedded(), ON_ONE_EMBEDDED_SERVER)
    : await soak(await openOnPostgres({ postgresSettings: ['max_connections=40'] }), ON_ONE_SERVER)
for (const violation of violations.slice(0, 20)) console.log(`  - ${violation}`)
process.exit(violations.length === 0 ? 0 : 1)

/** @returns the broken promises as text. */
async function soak<Place extends Scene>(
  scene: Place,
  faults: readonly Fault<Place>[],
): Promise<string[]> {
  const load = new Load({
    port: () => scene.server.port,
    prefix: `soak-${Date.now().toString(36)}`,
  })
  const violations: string[] = []
  try {
    await load.warm()
    const startedMs = performance.now()
    const samples: { atMs: number; rssBytes: number }[] = []
    // Not during a fault: a request that waits for the garbage collection when it begins could get its 503.
    const sampleUntil = async (endMs: number) => {
      while (performance.now() < endMs) {
        const rssBytes = await heldBytes(scene.server)
        samples.push({ atMs: performance.now() - startedMs, rssBytes })
        await sleep(Math.max(0, Math.min(SAMPLE_PAUSE_MS, endMs - performance.now())))
      }
    }
    let deck = shuffled(faults)
    for (let minute = 0; minute < minutes; minute += 1) {
      const [fault, ...rest] = deck
      if (fault === undefined) throw new Error('there are no faults')
      deck = rest.length > 0 ? rest : shuffled(faults)
      await sampleUntil(performance.now() + Math.min(minutes - minute, 1) * (MINUTE_MS / 4))
      const happening = await happen(scene, fault, load)
      violations.push(...happening.violations.map((text) => `${fault.name}: ${text}`))
      const { writeMs, readyMs } = happening.recovery
      console.log(
        `minute ${minute + 1}: ${fault.name}, recovered in ${Math.max(writeMs, readyMs).toFixed()} ms, ${megabytes(samples.at(-1)?.rssBytes ?? null)}`,
      )
      const endMs = startedMs + Math.min(minute + 1, minutes) * MINUTE_MS
      await sampleUntil(endMs)
    }
    await load.stop()
    const contradictions = check(load.record, await scene.truth(load.prefix))
    violations.push(...broken(load.record, contradictions), ...(await load.differences()))
    const quarter = (number: number) => {
      const from = Math.floor((samples.length * (number - 1)) / 4)
      const to = Math.floor((samples.length * number) / 4)
      return median(samples.slice(from, to).map(({ rssBytes }) => rssBytes))
    }
    const [second, last] = [quarter(2), quarter(4)]
    if (last > second + FLAT_BYTES) violations.push('memory grew')
    const { acknowledgedWrites, reads, unavailable, replayed } = load.record.counts
    const { lost, twice, 'half-done': half } = count(contradictions)
    console.log(
      [
        `${minutes} min: ${acknowledgedWrites} writes acknowledged, ${lost} lost, ${twice} twice, ${half} half-done`,
        `${load.record.foreign} answers with something of another user`,
        `${reads} reads · ${unavailable} × 503 · ${replayed} replayed`,
        `memory ${megabytes(second)} in the second quarter, ${megabytes(last)} in the last, ${slope(samples).toFixed(1)} MB an hour`,
      ].join(' · '),
    )
  } finally {
    await load.stop()
    await scene.close()
  }
  return violations
}

/** @returns a random order (Fisher-Yates shuffle). */
function shuffled<Value>(values: readonly Value[]): Value[] {
  const left = [...values]
  return values.flatMap(() => left.splice(randomInt(left.length), 1))
}

/** @returns the growth of memory in MB per hour: a least-squares fit over the second half. */
function slope(samples: readonly { atMs: number; rssBytes: number }[]): number {
  const half = samples.slice(Math.floor(samples.length / 2))
  const mean = (of: (one: (typeof half)[number]) => number) =>
    half.reduce((sum, one) => sum + of(one), 0) / half.length
  const [meanMs, meanBytes] = [mean(({ atMs }) => atMs), mean(({ rssBytes }) => rssBytes)]
  const together = mean(({ atMs, rssBytes }) => (atMs - meanMs) * (rssBytes - meanBytes))
  const alone = mean(({ atMs }) => (atMs - meanMs) ** 2)
  return ((together / alone) * 60 * MINUTE_MS) / 1e6
}
