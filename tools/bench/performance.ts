/**
 * Writes docs/performance.md and the sentence on performance in the README from the results in
 * tools/bench/results, or checks that both are current.
 */
import { argumentsOf } from '../../scripts/arguments.ts'
import { renewals, writePerformance } from './report/performance.ts'

const usage = 'Usage: npm run bench:performance [-- --check]'
const { flags } = argumentsOf({ usage, flags: ['check'] })
if (!flags.has('check')) {
  writePerformance()
} else if (renewals().some(({ present, renewed }) => present !== renewed)) {
  console.error('docs/performance.md or README.md is not current: run npm run bench:performance')
  process.exit(1)
}
