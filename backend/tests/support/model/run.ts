/**
 * Compares the server with the model for as long as one likes, or once more as it failed.
 *
 * Usage: npm run test:model -- [--model requests|operations] [--seed N] [--runs M] [--on pglite|postgres] [--pool N] [--path P]
 * where `requests` are the forms of requests to a few operations, and `operations` are all of them, with the feed.
 */
import { parseArgs } from 'node:util'
import { KINDS } from '../databases.ts'
import { globalSetup, globalTeardown } from '../global-setup.ts'
import { searchOperations } from './operations/search.ts'
import { inWords, SETUPS, search } from './property.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
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
const all = { requests: search, operations: searchOperations }
const searches = Object.entries(all).filter(([name]) => name === (values.model ?? name))
if (searches.length === 0) throw new Error(`--model takes ${Object.keys(all).join(' or ')}`)

await globalSetup()
try {
  for (const [setup, [name, searchIn]] of setups.flatMap((one) =>
    searches.map((of) => [one, of] as const),
  )) {
    const found = await searchIn(setup, {
      runs: Number(values.runs),
      seed: values.seed === undefined ? undefined : Number(values.seed),
      path: values.path,
    })
    console.log(`${name}, ${inWords(setup, found)}`)
    if (found.failure !== undefined) {
      console.error(found.failure)
      process.exitCode = 1
    }
  }
} finally {
  await globalTeardown()
}
