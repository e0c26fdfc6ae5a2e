/**
 * Runs all tests, or those of the given files. Several files share a process (test-groups.ts). Each process and
 * the whole run have a deadline. After it, the runner names what is still open, ends it, and fails.
 */
import { globSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { relative } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { globalSetup, globalTeardown } from '../backend/tests/support/global-setup.ts'
import { argumentsOf, numberOf } from './arguments.ts'
import { type TestFile, watchFiles } from './test-files.ts'
import { groupTests } from './test-groups.ts'

/** The longest process takes less than a minute on a fast, idle machine. */
const FILE_SECONDS = 600
const RUN_SECONDS = 2_400
const ALL_FILES = ['{backend,client,web,tools/*}/tests/**/*.test.ts']
/** They run the checks themselves, in a copy of the repository, so `npm run check` runs them. */
const CHECKS = ['backend/tests/add-a-resource.test.ts']

const usage =
  'Usage: npm test [-- --name=<pattern> …] [--file-seconds=<N>] [--run-seconds=<N>] [--answer-seconds=<N>] [<file or part of its name> …]'
const parameters = argumentsOf({
  usage,
  texts: ['name', 'file-seconds', 'run-seconds', 'answer-seconds'],
  most: Number.POSITIVE_INFINITY,
})
const { positionals } = parameters
const fileSeconds = numberOf(parameters, 'file-seconds', FILE_SECONDS, 0)
const runSeconds = numberOf(parameters, 'run-seconds', RUN_SECONDS, 0)
const names = parameters.all.get('name')
const root = process.cwd()

const answerSeconds = parameters.texts.get('answer-seconds')
const files = await watchFiles(
  answerSeconds === undefined ? undefined : Number(answerSeconds) * 1_000,
)
let ending = false

files.onStart((file) => {
  const timer = setTimeout(async () => {
    await give(`${namesOf(file)} has not ended after ${fileSeconds} s`, [file])
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

const given =
  positionals.length > 0
    ? positionals.flatMap(filesOf)
    : globSync(ALL_FILES).filter((path) => !CHECKS.includes(path))
await globalSetup()
let failed = true
const groups = groupTests(given, root, process.env.TEST_FOLDER ?? tmpdir())
const results = run({
  concurrency: 4,
  files: groups.map(({ program }) => program),
  ...(names && { testNamePatterns: [...names] }),
  execArgv: [`--import=${new URL('../backend/tests/support/watched.ts', import.meta.url)}`],
})
results.on('test:summary', ({ file, success, counts }) => {
  // A summary without a file is that of the whole run.
  if (file === undefined) failed = !success || counts.tests === 0
})
const report = results.compose(new spec())
report.pipe(process.stdout)
report.on('end', async () => {
  if (ending) return
  await globalTeardown()
  process.exit(failed ? 1 : 0)
})

/** The test files that run in a process. */
function namesOf({ path }: TestFile): string {
  const group = groups.find(({ program }) => program === path)
  return group?.files.join(', ') ?? relative(root, path)
}

/** @returns a file itself, or the test files whose path contains the text. Exits without one. */
function filesOf(text: string): string[] {
  if (statSync(text, { throwIfNoEntry: false })?.isFile()) return [text]
  const found = /[*{]/.test(text)
    ? globSync(text)
    : globSync(ALL_FILES).filter((path) => path.includes(text))
  if (found.length > 0) return found
  console.error(`No test file matches ${text}. Give a path, a pattern or a part of a name.`)
  process.exit(1)
}

/** Prints the reason and the resources that are still open in the given files. */
async function give(why: string, whose: readonly TestFile[]): Promise<void> {
  const lines = [`\n${why}. Still open:`]
  const all = whose.map(async (file) => [`  ${namesOf(file)}`, ...(await file.whatIsOpen())])
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
  // PostgreSQL stops by itself when this process exits.
  process.exit(code)
}
