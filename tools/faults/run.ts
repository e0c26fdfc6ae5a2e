/**
 * Injects every fault into a server under load, prints the results, and writes docs/resilience.md. Ends with 1
 * if a promise was broken.
 *
 * Usage: node tools/faults/run.ts [--only name ...]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ACTS } from './catalogue.ts'
import type { Result } from './perform.ts'
import { passed, toLine, toMarkdown } from './report.ts'
import { postgresVersion } from './scenes/on-postgres.ts'

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })
const names = ACTS.flatMap((act) => act.names)
const unknown = values.only?.find((name) => !names.includes(name))
if (unknown !== undefined) {
  console.error(`There is no fault ${unknown}. There are: ${names.join(', ')}`)
  process.exit(1)
}

const startedMs = performance.now()
const results: Result[] = []
for (const act of ACTS) {
  await act.perform(
    (name) => values.only?.includes(name) ?? true,
    (result) => {
      results.push(result)
      console.log(toLine(result))
    },
  )
}
const seconds = (performance.now() - startedMs) / 1_000
if (values.only === undefined) {
  const file = new URL('../../docs/resilience.md', import.meta.url)
  writeFileSync(file, toMarkdown(results, postgresVersion(), seconds))
}
process.exit(results.every(passed) ? 0 : 1)
