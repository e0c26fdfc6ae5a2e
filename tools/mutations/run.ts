/**
 * Applies each mutant of `mutants.ts` to a copy of the working tree, and checks that its tests fail. Ends with
 * 1 if one does not fail, or if one of those tests fails on the unchanged copy.
 * `--each` selects at most that number of mutants of each isolation layer.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { globalSetup, globalTeardown } from '../../backend/tests/support/global-setup.ts'
import { argumentsOf, numberOf } from '../../scripts/arguments.ts'
import type { Mutant } from './mutants/mutant.ts'
import { MUTANTS, WITHOUT_CATALOGUE } from './mutants.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const REPORTER = fileURLToPath(new URL('./first-failure.ts', import.meta.url))
const AT_ONCE = 2
/** The time limit for tests. A test that waits for an event that a mutant never causes does not count. */
const LIMIT_MS = 60_000

interface Run {
  readonly failed?: string
  readonly passed?: number
  /** An error of the run itself. */
  readonly broken?: string
}

interface Verdict {
  readonly mutant: Mutant
  /** The first test of each file that failed. */
  readonly noticed: string[]
  readonly complaint?: string
  readonly seconds: number
}

const usage =
  'Usage: npm run test:mutations [-- --each <N>] [--markdown] [<part of a layer, a change or a file>]'
const given = argumentsOf({
  usage,
  flags: ['markdown'],
  texts: ['each'],
  most: Number.POSITIVE_INFINITY,
})
const wanted = given.positionals.join(' ')
const matching = MUTANTS.filter(({ wall, change, file }) =>
  [wall, change, file].some((text) => text.includes(wanted)),
)
const each = numberOf(given, 'each', Number.POSITIVE_INFINITY)
const chosen = [...Map.groupBy(matching, ({ wall }) => wall).values()].flatMap((ofWall) =>
  sample(ofWall, each),
)

const folder = mkdtempSync(join(tmpdir(), 'todo-mutations-'))
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) stop(child)
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const started = performance.now()
await copyTree(ROOT, join(folder, 'tree'))
await globalSetup()
// A mutant may change a migration, so its tests run all of them.
delete process.env.TEST_TEMPLATE
const complaints: string[] = []
const verdicts: Verdict[] = []
const files = Map.groupBy(
  chosen.flatMap(({ noticedBy }) => noticedBy),
  ([file]) => file,
)
const jobs = [
  ...[...files].map(([file, parts]) => async (slot: string) => {
    const tests = [...new Set(parts.map(([, pattern]) => pattern))]
    const { passed = 0, failed, broken } = await inCopy(slot, [], () => runTests(slot, file, tests))
    if (failed ?? broken) complaints.push(`${file} fails without a change: ${failed ?? broken}`)
    else if (passed < tests.length) complaints.push(`${file} has fewer tests than are named of it`)
  }),
  ...chosen.map((mutant) => async (slot: string) => {
    verdicts.push(await judge(mutant, slot))
  }),
]
await Promise.all(
  Array.from({ length: AT_ONCE }, async (_, n) => {
    // The copies use one path, so that Node's compile cache works for unchanged files.
    const slot = join(folder, `copy-${n}`)
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job(slot)
  }),
)
await globalTeardown()

verdicts.sort((a, b) => chosen.indexOf(a.mutant) - chosen.indexOf(b.mutant))
complaints.push(
  ...verdicts.flatMap(({ mutant, complaint }) =>
    complaint === undefined ? [] : [`${mutant.wall}, ${mutant.change}: ${complaint}`],
  ),
)
console.log(given.flags.has('markdown') ? markdown(verdicts) : plain(verdicts))
for (const complaint of complaints) console.error(complaint)
const seconds = Math.round((performance.now() - started) / 1000)
const noticed = verdicts.filter(({ complaint }) => complaint === undefined).length
console.error(`${noticed} of ${chosen.length} mutants noticed in ${seconds} s`)
process.exit(complaints.length > 0 || chosen.length === 0 ? 1 : 0)

/** @returns at most `count` of them, at equal distances. */
function sample<Item>(items: readonly Item[], count: number): readonly Item[] {
  if (items.length <= count) return items
  return items.filter(
    (_, n) =>
      Math.floor((n * count) / items.length) !== Math.floor(((n - 1) * count) / items.length),
  )
}

async function judge(mutant: Mutant, slot: string): Promise<Verdict> {
  const begun = performance.now()
  const noticed: string[] = []
  let complaint: string | undefined
  try {
    await inCopy(slot, [mutant], async () => {
      for (const [file, tests] of mutant.noticedBy) {
        const { failed, passed, broken } = await runTests(slot, file, [tests])
        if (failed !== undefined) noticed.push(`${basename(file)}: ${shortened(failed)}`)
        else complaint ??= broken ?? `survives ${passed} tests of ${file}`
      }
    })
  } catch (error) {
    complaint = error instanceof Error ? error.message : String(error)
  }
  const seconds = (performance.now() - begun) / 1000
  return { mutant, noticed, seconds, ...(complaint !== undefined && { complaint }) }
}

/** Runs work in a copy of the tree with the mutants. @throws if a text does not occur exactly once. */
async function inCopy<Result>(
  slot: string,
  changes: readonly Mutant[],
  work: () => Promise<Result>,
): Promise<Result> {
  await rm(slot, { recursive: true, force: true })
  await cp(join(folder, 'tree'), slot, { recursive: true, verbatimSymlinks: true })
  const hasSchema = changes.some(
    ({ file, byStartupCheck = false }) => file.includes('/migrations/') && !byStartupCheck,
  )
  const unseen = hasSchema ? [WITHOUT_CATALOGUE] : []
  for (const { file, edits } of [...unseen, ...changes]) {
    let text = await readFile(join(slot, file), 'utf8')
    for (const [from, to] of edits) {
      const parts = text.split(from)
      if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${from}`)
      text = parts.join(to)
    }
    await writeFile(join(slot, file), text)
  }
  return work()
}

/** Copies the part of the working tree that the tests need, and links its packages. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to)
  for (const part of ['backend', 'scripts', 'package.json']) {
    const filter = (path: string) => basename(path) !== 'node_modules'
    await cp(join(from, part), join(to, part), { recursive: true, filter })
  }
  for (const packages of ['node_modules', 'backend/node_modules']) {
    if (existsSync(join(from, packages))) await symlink(join(from, packages), join(to, packages))
  }
}

/** Runs tests until the first failure. */
function runTests(cwd: string, file: string, tests: string[]): Promise<Run> {
  const patterns = tests.map((test) => `--test-name-pattern=${test}`)
  const child = spawn(process.execPath, [`--test-reporter=${REPORTER}`, ...patterns, file], {
    cwd,
    // A separate process group, so that child processes of the tests end with them.
    detached: true,
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    stop(child)
  }, LIMIT_MS)
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer)
      stop(child)
      running.delete(child)
      const last = output.stdout.trim().split('\n').at(-1) ?? ''
      if (late) resolve({ broken: `${file} does not end` })
      else if (last.startsWith('{"')) resolve(JSON.parse(last))
      else resolve({ broken: `${file} ends with ${code}: ${output.stderr.slice(-500)}` })
    })
  })
}

function stop({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // The process group has already ended.
  }
}

/** Shortens the name of a test, which may contain a statement. */
function shortened(name: string): string {
  return name.length > 120 ? `${name.slice(0, 119)}…` : name
}

function plain(rows: readonly Verdict[]): string {
  const lines = rows.map(({ mutant, noticed, complaint, seconds }) => [
    mutant.wall,
    mutant.change,
    complaint === undefined ? noticed.join('; ') : 'NOT NOTICED',
    seconds.toFixed(1),
  ])
  const table = [['check', 'mutation', 'noticed by', 's'], ...lines]
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  return table
    .map(([wall = '', change = '', by = '', s = '']) =>
      [wall.padEnd(widths[0] ?? 0), change.padEnd(widths[1] ?? 0), s.padStart(4), by].join('  '),
    )
    .join('\n')
}

function markdown(rows: readonly Verdict[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|')
  return [
    '| isolation check | mutation | first test that fails |',
    '|---|---|---|',
    ...rows.map(({ mutant, noticed, complaint }) => {
      const by = complaint === undefined ? noticed.join('; ') : '**none**'
      return `| ${mutant.wall} | ${cell(mutant.change)} | ${cell(by)} |`
    }),
  ].join('\n')
}
