/**
 * Writes docs/performance.md and the sentence on performance in the README from the results in
 * tools/bench/results, or checks that both are current.
 *
 * Usage: node tools/bench/performance.ts [--check]
 */
import { parseArgs } from 'node:util'
import { renewals, writePerformance } from './report/performance.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
if (!values.check) {
  writePerformance()
} else if (renewals().some(({ present, renewed }) => present !== renewed)) {
  console.error('docs/performance.md or README.md is not current: run npm run bench:performance')
  process.exit(1)
}
