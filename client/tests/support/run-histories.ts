/**
 * Plays random histories of devices against the server for as long as one likes, or once more as it failed.
 *
 * Usage: npm run test:sync -- [--seed N] [--runs M] [--devices D] [--steps S]
 */
import { parseArgs } from 'node:util'
import { globalSetup, globalTeardown } from '../../../backend/tests/support/global-setup.ts'
import { assertHistories } from './histories.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    runs: { type: 'string', default: '200' },
    devices: { type: 'string' },
    steps: { type: 'string', default: '100' },
  },
})
const seed = values.seed === undefined ? undefined : Number(values.seed)
const runs = Number(values.runs)
const counts = values.devices === undefined ? [2, 3] : [Number(values.devices)]

await globalSetup()
try {
  for (const devices of counts) {
    await assertHistories({ devices, runs, seed, steps: Number(values.steps) })
    console.log(`${runs} histories of ${devices} devices: they agree, and no edit is lost`)
  }
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await globalTeardown()
}
