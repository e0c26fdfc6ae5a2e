/**
 * Compares the server with the model for as long as one likes, or once more as it failed.
 *
 * Usage: npm run test:model -- [--seed N] [--runs M] [--on pglite|postgres] [--pool N] [--path P]
 */
import { parseArgs } from 'node:util'
import { KINDS } from '../databases.ts'
import { globalSetup, globalTeardown } from '../global-setup.ts'
import { inWords, SETUPS, search } from './property.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    runs: { type: 'string', default: '1000' },
    on: { type: 'string' },
    pool: { type: 'string' },
    path: { type: 'string' },
  },
})
// With a pool of more connections than the tests have, more happens at once.
const poolMax = Number(values.pool)
const asked = values.pool === undefined ? SETUPS : KINDS.map((kind) => ({ kind, poolMax }))
const setups = asked.filter(({ kind }) => kind === (values.on ?? kind))
if (setups.length === 0) throw new Error('--on takes pglite or postgres')

await globalSetup()
try {
  for (const setup of setups) {
    const found = await search(setup, {
      runs: Number(values.runs),
      seed: values.seed === undefined ? undefined : Number(values.seed),
      path: values.path,
    })
    console.log(inWords(setup, found))
    if (found.failure !== undefined) {
      console.error(found.failure)
      process.exitCode = 1
    }
  }
} finally {
  await globalTeardown()
}
