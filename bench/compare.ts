import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { startLoad } from './load-process.ts'
import { type Measurement, measure, warmUp } from './measure.ts'
import { type Memory, memory } from './process-usage.ts'
import type { Target } from './seed.ts'
import type { Server } from './servers.ts'

export const ROUNDS = 9
const SECONDS = 1.5
const FIRST_WARM_UP_SECONDS = 2
const WARM_UP_SECONDS = 0.3
/** Until what a start leaves behind is done. */
const SETTLE_MS = 500

export interface Contestant {
  readonly name: string
  readonly server: Server
}

export interface Standing {
  readonly name: string
  readonly rounds: readonly Measurement[]
  readonly idle: Memory
  readonly after: Memory
}

/**
 * Measures the servers in turn, in rounds of a few seconds, so that what else the machine does
 * falls on all of them. All are up all the time, and one has the load.
 *
 * @param database a session of their PostgreSQL.
 * @param folder for the load's list of targets.
 */
export async function compare(
  contestants: readonly Contestant[],
  targets: readonly Target[],
  database: Client,
  folder: string,
): Promise<Standing[]> {
  await sleep(SETTLE_MS)
  const entries = contestants.map(({ name, server }) => {
    const rounds: Measurement[] = []
    return { name, server, rounds, idle: memory(server.pid) }
  })
  await proveSameAnswer(contestants, targets)
  const load = startLoad(targets, folder)
  for (const { server } of contestants) await warmUp(server, load, FIRST_WARM_UP_SECONDS)
  for (let round = 1; round <= ROUNDS; round += 1) {
    // Every second round goes the other way round: nobody always comes after the same one.
    for (const { name, server, rounds } of round % 2 === 0 ? entries.toReversed() : entries) {
      await warmUp(server, load, WARM_UP_SECONDS)
      const measurement = await measure(server, load, database, SECONDS)
      rounds.push(measurement)
      console.error(
        `round ${round} of ${ROUNDS}, ${name}: ${measurement.serverCpuUs.toFixed(1)} µs`,
      )
    }
  }
  load.stop()
  return entries.map(({ server, ...entry }) => ({ ...entry, after: memory(server.pid) }))
}

/** A comparison of different answers says nothing. */
async function proveSameAnswer(contestants: readonly Contestant[], targets: readonly Target[]) {
  const { path, token } = targets[0] ?? { path: '', token: '' }
  const headers = { authorization: `Bearer ${token}` }
  const ask = async ({ server }: Contestant) => (await fetch(server.url + path, { headers })).text()
  const answers = await Promise.all(contestants.map(ask))
  if (new Set(answers).size !== 1 || !answers[0]?.includes('"title"')) {
    throw new Error(`the answers differ: ${answers.join(' | ')}`)
  }
}
