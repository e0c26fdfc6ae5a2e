/**
 * Compares the server with the model for as long as one likes, or once more as it failed.
 * The model `requests` has the forms of requests to a few operations, and `operations` has all of them, with the feed.
 */
import { argumentsOf, numberOf } from '../../../../scripts/arguments.ts'

const usage =
  'Usage: npm run test:model [-- --model requests|operations] [--seed <N>] [--runs <N>] [--on pglite|postgres] [--pool <N>] [--path <path>]'
const given = argumentsOf({ usage, texts: ['model', 'seed', 'runs', 'on', 'pool', 'path'] })
// Loading the server takes most of the time, and --help does not need it.
const { KINDS } = await import('../databases.ts')
const { globalSetup, globalTeardown } = await import('../global-setup.ts')
const { searchOperations } = await import('./operations/search.ts')
const { inWords, SETUPS, search } = await import('./property.ts')

const values = Object.fromEntries(given.texts)
const runs = numberOf(given, 'runs', 1_000)
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
      runs,
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
