/**
 * Injects every fault into a server under load, prints the results, and writes docs/resilience.md. Ends with 1
 * if a promise was broken.
 */
import { writeFileSync } from 'node:fs'
import { argumentsOf } from '../../scripts/arguments.ts'
import { ACTS } from './catalogue.ts'
import type { Result } from './perform.ts'
import { passed, toLine, toMarkdown } from './report.ts'
import { postgresVersion } from './scenes/on-postgres.ts'

const usage = 'Usage: npm run test:faults [-- --only <fault> [--only <fault> …]]'
const only = argumentsOf({ usage, texts: ['only'] }).all.get('only')
const names = ACTS.flatMap((act) => act.names)
const unknown = only?.find((name) => !names.includes(name))
if (unknown !== undefined) {
  console.error(`There is no fault ${unknown}. There are: ${names.join(', ')}`)
  process.exit(1)
}

const startedMs = performance.now()
const results: Result[] = []
for (const act of ACTS) {
  await act.perform(
    (name) => only?.includes(name) ?? true,
    (result) => {
      results.push(result)
      console.log(toLine(result))
    },
  )
}
const seconds = (performance.now() - startedMs) / 1_000
if (only === undefined) {
  const file = new URL('../../docs/resilience.md', import.meta.url)
  writeFileSync(file, toMarkdown(results, postgresVersion(), seconds))
}
process.exit(results.every(passed) ? 0 : 1)
