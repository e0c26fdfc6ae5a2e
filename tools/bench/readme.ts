/**
 * Renews the section "How fast" of the README from bench/results/, or checks that it says what they
 * say.
 *
 * Usage: node tools/bench/readme.ts [--check]
 */
import { parseArgs } from 'node:util'
import { readReadme, renewed, writeReadme } from './report/readme.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
if (!values.check) {
  writeReadme()
} else if (renewed(readReadme()) !== readReadme()) {
  console.error('README.md, "How fast", is not what bench/results/ say: run npm run bench:readme')
  process.exit(1)
}
