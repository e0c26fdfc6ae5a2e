import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readPackage } from '../../../scripts/lockfile.ts'
import { readArguments, UsageError } from '../../src/core/arguments.ts'
import { run } from '../support/process.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** Every file that npm runs as a program of this project, as its scripts name them. */
const PROGRAMS = globSync(
  ['backend/src/main.ts', 'backend/src/commands/*.ts', 'tools/{dev,verify}/*.ts'],
  {
    cwd: ROOT,
  },
).filter((path) => Object.values(scripts()).some((script) => script.includes(path)))

function scripts(): Record<string, string> {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts
}

// An invalid setting shows that the arguments are read first.
const runIt = (path: string, ...parameters: string[]) =>
  run(`../../${path}`, parameters, { PORT: 'x' })

describe('every program', { concurrency: 2 }, () => {
  it('is found', () => assert.ok(PROGRAMS.length > 10, PROGRAMS.join()))

  for (const path of PROGRAMS) {
    it(`${path} prints its usage for --help, its version for --version, and names unknown arguments`, async () => {
      const help = await runIt(path, '--help')
      assert.deepEqual([help.code, help.stderr], [0, ''])
      assert.match(help.stdout, /^Usage: npm (start|run [\w-]+)[^\n]*\n$/)
      const version = await runIt(path, '--version')
      assert.deepEqual([version.code, version.stdout], [0, `${readPackage().version}\n`])
      const unknown = await runIt(path, '--nonsense')
      // Exit code 1 of npm run verify means that a check failed.
      assert.equal(unknown.code, path === 'tools/verify/verify.ts' ? 2 : 1)
      assert.equal(unknown.stderr, `Unknown argument --nonsense. ${help.stdout}`)
    })
  }
})

describe('arguments', () => {
  const accepted = { usage: 'Usage: x', flags: ['yes'], texts: ['name'], least: 1, most: 2 }
  for (const [args, expected] of [
    [['a', '--nope', 'b'], 'Unknown argument --nope. Usage: x'],
    [['a', '-y'], 'Unknown argument -y. Usage: x'],
    [['a', 'b', 'c'], 'Unknown argument c. Usage: x'],
    [['a', '--yes=no'], '--yes takes no value. Usage: x'],
    [['a', '--name'], '--name needs a value. Usage: x'],
    [['a', '--name', '--yes'], '--name needs a value. Usage: x'],
    [['--yes'], 'Usage: x'],
  ] as const) {
    it(`${args.join(' ')} is refused: ${expected}`, () => {
      assert.throws(() => readArguments(accepted, [...args]), new UsageError(expected))
    })
  }

  it('are read in any order', () => {
    const read = readArguments(accepted, ['--yes', 'a', '--name', 'Al', '--', '-b'])
    assert.deepEqual(read.positionals, ['a', '-b'])
    assert.deepEqual([...read.flags], ['yes'])
    assert.deepEqual([...read.texts], [['name', 'Al']])
  })
})
