/**
 * Compares this server with the minimal cost of the work (the floor) and with other implementations. It
 * starts and fills a new PostgreSQL server, and measures every server alternately with the same load. It
 * prints the report and writes it to tools/bench/results/.
 *
 * It takes about 12 minutes, and writes full.md and docs/performance.md. With --quick it takes about 3 minutes, and
 * writes quick.md alone.
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
