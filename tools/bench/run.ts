/**
 * Compares this server with the minimal cost of the work (the floor) and with other implementations. It
 * starts and fills a new PostgreSQL server, and measures every server alternately with the same load. It
 * prints the report and writes it to tools/bench/results/.
 *
 * Usage: npm run bench            in about 12 minutes, into full.md; writes docs/performance.md
 *        npm run bench -- --quick in about 3 minutes, into quick.md
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argumentsOf } from '../../scripts/arguments.ts'
import { FULL, QUICK } from './effort.ts'
import { measureAll } from './measure-all.ts'
import { toMarkdown } from './report/markdown.ts'
import { writePerformance } from './report/performance.ts'
import { writePlot } from './report/plot.ts'
import { publish } from './report/publish.ts'

const { flags } = argumentsOf({ usage: 'Usage: npm run bench [-- --quick]', flags: ['quick'] })
const effort = flags.has('quick') ? QUICK : FULL
const folder = mkdtempSync(join(tmpdir(), 'todo-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const report = await publish(
  effort.name,
  (url, database) => measureAll(url, database, effort, folder),
  toMarkdown,
)
writePlot(effort.name, report)
if (effort === FULL) writePerformance()
