import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, constants, globSync, openSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ALONE, groupTests } from '../../scripts/test-groups.ts'
import { testFolder } from './support/databases.ts'
import { runProgram } from './support/process.ts'
import { type Output, outputOf, startProcess } from './support/started.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FIXTURES = 'backend/tests/support/runner'

interface TestRun extends Output {
  /** When every process of the file has ended. */
  gone(): Promise<unknown>
}

/** Runs `npm test` on a file that is no test of the server. */
function runTests(fixture: string, ...options: string[]): Promise<TestRun> {
  return runWith(...options, `${FIXTURES}/${fixture}.fixture.ts`)
}

async function runWith(...given: readonly string[]): Promise<TestRun> {
  const { PATH, TEST_DATABASE_URL, TEST_FOLDER, NODE_COMPILE_CACHE } = process.env
  const parameters = ['scripts/test.ts', ...given]
  const HELD = join(await testFolder(), 'held')
  await runProgram('mkfifo', [HELD], {})
  const held = openSync(HELD, constants.O_RDONLY | constants.O_NONBLOCK)
  const env = { PATH, TEST_DATABASE_URL, TEST_FOLDER, NODE_COMPILE_CACHE, HELD }
  const runner = outputOf(startProcess(process.execPath, parameters, { cwd: ROOT, env }))
  // A pipe is at its end when nobody has it open for writing any more. The id of a process that has ended stays
  // until the process is reaped, which takes a second where nobody waits for it.
  const gone = () => {
    closeSync(openSync(HELD, 'w')) // for a file that has started none
    return once(new Socket({ fd: held, writable: false }).resume(), 'end')
  }
  return { ...runner, gone }
}

async function sleepers(runner: Output, count: number): Promise<number[]> {
  const output = await runner.until(new RegExp(`(?:sleeps: \\d+[\\s\\S]*){${count}}`))
  const pids = [...output.matchAll(/sleeps: (\d+)/g)].map(([, pid]) => Number(pid))
  return [...new Set(pids)]
}

describe('npm test', { concurrency: 3 }, () => {
  it('names a test that never ends after the deadline of its file, and fails', async () => {
    const runner = await runTests('never-ends', '--file-seconds=1')
    const { code, output } = await runner.ended
    assert.equal(code, 1, output)
    assert.match(output, /never-ends\.fixture\.ts has not ended after 1 s\. Still open:\n/)
    await runner.gone()
  })

  it('names it after the deadline of the run, and fails', async () => {
    const runner = await runTests('never-ends', '--run-seconds=1')
    const { code, output } = await runner.ended
    assert.equal(code, 1, output)
    assert.match(output, /The tests have not ended after 1 s\. Still open:\n/)
  })

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`${signal} ends it, and names file, test, process and handles`, async () => {
      const runner = await runTests('never-ends')
      const [pid = 0] = await sleepers(runner, 1)
      runner.kill(signal)
      const { code, output } = await runner.ended
      assert.equal(code, 130, output)
      const fixture = `${FIXTURES}/never-ends.fixture.ts`
      assert.ok(output.includes(`interrupted by ${signal}. Still open:\n  ${fixture}\n`), output)
      assert.match(output, /^ {4}test: waits for ever, with a process$/m)
      assert.match(output, new RegExp(`^ {4}process ${pid}: sleep 1000$`, 'm'))
      assert.match(output, /^ {4}handles: .*Timeout/m)
      await runner.gone()
    })
  }

  it('Ctrl-C, which reaches the files as well, ends it and names the same', async () => {
    const runner = await runTests('never-ends')
    await sleepers(runner, 1)
    process.kill(-runner.pid, 'SIGINT')
    const { code, output } = await runner.ended
    assert.equal(code, 130, output)
    assert.match(output, /^ {4}test: waits for ever, with a process$/m)
    await runner.gone()
  })

  it('ends a file that never lets go, and its processes', async () => {
    const runner = await runTests('never-lets-go', '--answer-seconds=0.5')
    await sleepers(runner, 1)
    runner.kill('SIGINT')
    const { code, output } = await runner.ended
    assert.equal(code, 130, output)
    assert.match(output, /it does not say/)
    await runner.gone()
  })

  it('leaves nothing behind when it is killed itself', async () => {
    const runner = await runTests('never-ends')
    await sleepers(runner, 1)
    runner.kill('SIGKILL')
    await runner.ended
    await runner.gone()
  })

  it('runs every file once, and those alone that are to be', async () => {
    const files = globSync('{backend,tools/*}/tests/**/*.test.ts', { cwd: ROOT })
    const groups = groupTests(files, ROOT, await testFolder())
    assert.deepEqual(groups.flatMap((group) => group.files).sort(), files.sort())
    for (const [n, file] of ALONE.entries()) assert.deepEqual(groups[n]?.files, [file])
    assert.ok(groups.length < files.length / 3)
  })

  it('fails before it runs any file where one name matches none, and gives the name', async () => {
    for (const name of ['no-such-name', `${FIXTURES}/no-such-path.ts`, 'no-such/*.test.ts']) {
      const runner = await runWith(`${FIXTURES}/never-ends.fixture.ts`, name)
      const { code, output } = await runner.ended
      assert.equal(code, 1, output)
      assert.equal(
        output,
        `No test file matches ${name}. Give a path, a pattern or a part of a name.\n`,
      )
    }
  })

  for (const [what, text, reason] of [
    ['a syntax error', 'const = 1', /Unexpected token|Expression expected/],
    ['an import of a missing file', `import './no-such-file.ts'`, /Cannot find module/],
    ['an error when it is loaded', `throw new Error('not today')`, /not today/],
  ] as const) {
    it(`fails, and names the file, where one of several has ${what}`, async () => {
      const folder = await mkdtemp(join(await testFolder(), 'broken-'))
      const paths = ['a-passes', 'b-broken', 'c-passes'].map((name) => join(folder, `${name}.ts`))
      const passes = `import { it } from 'node:test'\nit('passes', () => {})\n`
      await Promise.all(paths.map((path) => writeFile(path, passes)))
      await writeFile(String(paths[1]), text)
      const runner = await runWith(...paths)
      const { code, output } = await runner.ended
      assert.equal(code, 1, output)
      assert.match(output, /✖ \S+b-broken\.ts cannot be loaded/)
      assert.match(output, reason)
      assert.doesNotMatch(output, /has not ended|Still open/)
    })
  }

  it('ends what a failed test and a suite left open, and says which test failed', async () => {
    const runner = await runTests('leaves-all-open')
    const { code, output } = await runner.ended
    assert.equal(code, 1, output)
    assert.match(output, /✖ fails, with a process and a server/)
    assert.match(output, /✔ finds them ended/)
    assert.equal((await sleepers(runner, 3)).length, 3)
    await runner.gone()
  })
})
