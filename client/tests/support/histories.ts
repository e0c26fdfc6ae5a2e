import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { startApp } from '../../../backend/tests/support/app.ts'
import { closeApp } from './device.ts'
import { histories, play } from './history.ts'

export interface Search {
  readonly devices: number
  readonly runs: number
  readonly seed?: number | undefined
  /** The most steps of a history; 60 if it is left out. */
  readonly steps?: number
}

/** Plays random histories against the app that `main.ts` runs. @throws with the seed and the history that fails. */
export async function assertHistories(search: Search): Promise<void> {
  const { devices, runs, seed = randomInt(2 ** 31), steps: most = 60 } = search
  const app = await startApp('postgres')
  let users = 0
  let shortenUntilMs = Number.POSITIVE_INFINITY
  const property = fc.asyncProperty(histories(devices, most), async (steps) => {
    if (performance.now() > shortenUntilMs) return
    users += 1
    try {
      await play(app, `history-${users}`, devices, steps)
    } catch (error) {
      shortenUntilMs = Math.min(shortenUntilMs, performance.now() + 60_000)
      throw error
    }
  })
  try {
    await fc.assert(property, { numRuns: runs, seed })
  } finally {
    await closeApp(app)
  }
}
