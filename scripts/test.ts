/**
 * Runs the tests, all of them or those of some files. Each file has a deadline, and so has the whole run:
 * what is still open then is named, ended, and the run has failed.
 *
 * Usage: node scripts/test.ts [--name=pattern ...] [--file-seconds=N] [--run-seconds=N] [file ...]
 */
import { relative } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { globalSetup, globalTeardown } from '../backend/tests/support/global-setup.ts'
import { type TestFile, watchFiles } from './test-files.ts'

/** The longest file takes less than a minute on a quick machine that has nothing else to do. */
const FILE_SECONDS = 600
const RUN_SECONDS = 2_400
const ALL_FILES = ['{backend,bench,faults}/tests/**/*.test.ts']

const { values, positionals } = parseArgs({
  options: {
    name: { type: 'string', multiple: true },
    'file-seconds': { type: 'string', default: String(FILE_SECONDS) },
    'run-seconds': { type: 'string', default: String(RUN_SECONDS) },
  },
  allowPositionals: true,
})
const fileSeconds = Number(values['file-seconds'])
const runSeconds = Number(values['run-seconds'])
const root = process.cwd()

const files = await watchFiles()
let ending = false

files.onStart((file) => {
  const timer = setTimeout(async () => {
    await give(`${relative(root, file.path)} has not ended after ${fileSeconds} s`, [file])
    file.kill()
  }, fileSeconds * 1_000)
  file.ended.then(() => clearTimeout(timer))
})
setTimeout(
  () => end(`The tests have not ended after ${runSeconds} s`, 1),
  runSeconds * 1_000,
).unref()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => end(`The tests were interrupted by ${signal}`, 130))
}

await globalSetup()
let failed = true
const results = run({
  concurrency: 3,
  globPatterns: positionals.length > 0 ? positionals : ALL_FILES,
  ...(values.name && { testNamePatterns: values.name }),
  execArgv: [`--import=${new URL('../backend/tests/support/watched.ts', import.meta.url)}`],
})
results.on('test:summary', ({ file, success, counts }) => {
  // Without a file it is that of all of them.
  if (file === undefined) failed = !success || counts.tests === 0
})
const report = results.compose(new spec())
report.pipe(process.stdout)
report.on('end', async () => {
  if (ending) return
  await globalTeardown()
  process.exit(failed ? 1 : 0)
})

/** Says why, and what is open. */
async function give(why: string, whose: readonly TestFile[]): Promise<void> {
  const lines = [`\n${why}. Still open:`]
  const all = whose.map(async (file) => [
    `  ${relative(root, file.path)}`,
    ...(await file.whatIsOpen()),
  ])
  lines.push(...(await Promise.all(all)).flat())
  if (lines.length === 1) lines.push('  no test file')
  console.error(`${lines.join('\n')}\n`)
}

async function end(why: string, code: number): Promise<void> {
  if (ending) process.exit(code)
  ending = true
  await give(why, files.running)
  for (const file of files.running) file.kill()
  await Promise.all(files.running.map(({ ended }) => ended))
  // PostgreSQL ends by itself when this process does.
  process.exit(code)
}
