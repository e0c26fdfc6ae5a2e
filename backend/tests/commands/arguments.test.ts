import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readPackage } from '../../../scripts/lockfile.ts'
import { readArguments, UsageError } from '../../src/core/arguments.ts'
import { run, runProgram } from '../support/process.ts'

/** It finds the browser before a script that needs one, and takes no arguments. */
const BROWSER = 'tools/web-tests/chromium.ts'
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** Every program of this project, as the scripts of npm name it: the last file before its arguments. */
const PROGRAMS = [
  ...new Set(
    Object.values(scripts())
      .filter((script) => !script.includes('--test '))
      .flatMap((script) => [...script.matchAll(/(?<= )[\w/-]+\.ts\b/g)].map(([path]) => path)),
  ),
].filter((path) => path !== BROWSER)

function scripts(): Record<string, string> {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts
}

// An invalid setting shows that the arguments are read first.
const runIt = (path: string, ...parameters: string[]) =>
  run(`../../${path}`, parameters, { PORT: 'x' })

describe('every program', { concurrency: 2 }, () => {
  it('is found', () => assert.ok(PROGRAMS.length > 30, PROGRAMS.join()))

  for (const path of PROGRAMS) {
    it(`${path} prints its usage for --help, and names unknown arguments`, async () => {
      const help = await runIt(path, '--help')
      assert.deepEqual([help.code, help.stderr], [0, ''])
      assert.match(help.stdout, /^Usage: npm (start|test|run [\w:-]+)[^\n]*\n$/)
      const unknown = await runIt(path, '--nonsense')
      // Exit code 1 of npm run verify means that a check failed.
      assert.equal(unknown.code, path === 'tools/verify/verify.ts' ? 2 : 1)
      assert.equal(unknown.stderr, `Unknown argument --nonsense. ${help.stdout}`)
    })
  }

  // The function that names the unknown argument also prints the version. One program for each way to call it.
  for (const path of ['backend/src/main.ts', 'backend/src/commands/user.ts', 'scripts/words.ts']) {
    it(`${path} prints its version for --version, as every program does`, async () => {
      const { code, stdout } = await runIt(path, '--version')
      assert.deepEqual([code, stdout], [0, `${readPackage().version}\n`])
    })
  }

  it('npm run dev passes neither --help nor --version on to Node', async () => {
    const asked = (option: string) => {
      const path = `${dirname(process.execPath)}:${process.env.PATH}`
      const cwd = new URL('../../../', import.meta.url)
      return runProgram('sh', ['-c', `${scripts().dev} "${option}"`], { cwd, env: { PATH: path } })
    }
    assert.match((await asked('--help')).stdout, /^Usage: npm start/)
    assert.equal((await asked('--version')).stdout, `${readPackage().version}\n`)
  })
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

  it('have the last value of an option that is given twice, and all of them', () => {
    const read = readArguments(accepted, ['a', '--name', 'Al', '--name=Bo'])
    assert.deepEqual([...read.texts], [['name', 'Bo']])
    assert.deepEqual([...read.all], [['name', ['Al', 'Bo']]])
  })
})
