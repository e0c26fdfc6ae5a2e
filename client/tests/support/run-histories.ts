/**
 * Plays random histories of devices against the server for as long as one likes, or once more as it failed.
 */

import { argumentsOf, numberOf } from '../../../scripts/arguments.ts'

const usage = 'Usage: npm run test:sync [-- --seed <N>] [--runs <N>] [--devices <N>] [--steps <N>]'
const given = argumentsOf({ usage, texts: ['seed', 'runs', 'devices', 'steps'] })
const seed = given.texts.has('seed') ? numberOf(given, 'seed', 0, -(2 ** 31)) : undefined
const runs = numberOf(given, 'runs', 200)
const steps = numberOf(given, 'steps', 100)
const counts = given.texts.has('devices') ? [numberOf(given, 'devices', 2)] : [2, 3]

// Loading the server takes most of the time, and --help does not need it.
const { globalSetup, globalTeardown } = await import(
  '../../../backend/tests/support/global-setup.ts'
)
const { assertHistories } = await import('./histories.ts')
await globalSetup()
try {
  for (const devices of counts) {
    await assertHistories({ devices, runs, seed, steps })
    console.log(`${runs} histories of ${devices} devices: they agree, and no edit is lost`)
  }
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await globalTeardown()
}
