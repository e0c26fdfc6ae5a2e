import { writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

/** A process of tests. */
export interface TestGroup {
  /** The program: a test file, or a program that runs several. */
  readonly program: string
  /** The names of its test files. */
  readonly files: readonly string[]
}

/** How many files share a process. More save less, and the last processes leave a core idle. */
const TOGETHER = 13

/**
 * Files whose tests change or measure their whole process, or that take long and start processes of their own.
 * The longest come first. The first ones also compile the packages, which all others then find compiled.
 */
export const ALONE = [
  'tools/faults/tests/power-cut.test.ts',
  'backend/tests/main.test.ts',
  'backend/tests/processes.test.ts',
  'backend/tests/stopping.test.ts',
  'backend/tests/overload.test.ts',
  'tools/verify/tests/verify.test.ts',
  'backend/tests/container.test.ts',
  'backend/tests/api/hostile-sockets.test.ts',
  'backend/tests/api/queued-bytes.test.ts',
  'backend/tests/runner.test.ts',
  'backend/tests/patterns.test.ts',
]

/**
 * Distributes test files over processes. Each process loads the server's packages, and compiles what it runs:
 * a second of CPU time, which files share that run in one process.
 *
 * @param folder for the programs that run several files.
 * @returns the files that take long alone first, so that no core is idle at the end.
 */
export function groupTests(files: readonly string[], root: string, folder: string): TestGroup[] {
  const names = files.map((file) => relative(root, resolve(root, file))).sort()
  const alone = ALONE.filter((name) => names.includes(name))
  const others = names.filter((name) => !ALONE.includes(name))
  const groups: TestGroup[] = alone.map((name) => ({ program: resolve(root, name), files: [name] }))
  for (let at = 0; at < others.length; at += TOGETHER) {
    const together = others.slice(at, at + TOGETHER)
    groups.push({ program: programOf(together, root, folder), files: together })
  }
  return groups
}

function programOf(names: readonly string[], root: string, folder: string): string {
  const [first] = names
  if (first !== undefined && names.length === 1) return resolve(root, first)
  const paths = Object.fromEntries(names.map((name) => [name, resolve(root, name)]))
  const name = first?.replaceAll('/', '-').replace(/\.test\.ts$/, '')
  const program = join(folder, `${name}.together.ts`)
  const runner = join(root, 'backend/tests/support/together.ts')
  writeFileSync(
    program,
    `import { runTogether } from ${JSON.stringify(runner)}\nawait runTogether(${JSON.stringify(paths)})\n`,
  )
  return program
}
