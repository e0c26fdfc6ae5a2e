import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compilePglite } from '../../src/database/pglite/compile.ts'
import { embeddedFolder } from '../support/databases.ts'
import { outputOf, startProcess } from '../support/started.ts'

const PARSE_OFTEN = fileURLToPath(new URL('../support/parse-often.ts', import.meta.url))

/** How V8 reports a function that it has optimized, with the most memory that this took. */
const OPTIMIZED = /using TurboFan, took \d+ ms and (\d+) \//g
const MOST_BYTES = 25 * 1024 * 1024
/** Of the process. With an optimized parser it would be 750. */
const MOST_MIB = 400

describe('the code of the embedded database', () => {
  it('is optimized, but for the parser and others for which V8 takes much memory', async () => {
    // V8 then optimizes in the thread that executes the function, and reports it.
    const flags = ['--wasm-sync-tier-up', '--trace-wasm-compilation-times']
    const folder = await embeddedFolder('migrated')
    const program = startProcess(process.execPath, [...flags, PARSE_OFTEN, folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { output } = await outputOf(program).ended
    const taken = Array.from(output.matchAll(OPTIMIZED), ([, bytes]) => Number(bytes))
    assert.ok(taken.length > 0)
    assert.ok(Math.max(...taken) < MOST_BYTES, String(taken))
    const [, most] = /most (\d+) MiB/.exec(output) ?? []
    assert.ok(Number(most) < MOST_MIB, `${most} MiB`)
  })

  it('is compiled even if that takes longer, while the process waits for nothing else', async () => {
    const folder = await embeddedFolder('migrated')
    // V8 then compiles all functions at once.
    const flags = ['--no-wasm-lazy-compilation', '--liftoff-only']
    const { stdout } = await execute(process.execPath, [...flags, PARSE_OFTEN, folder, '1'])
    assert.match(stdout, /most \d+ MiB/)
  })

  it('does not make a folder a damaged one when it cannot be compiled', async () => {
    const folder = await embeddedFolder('migrated')
    await assert.rejects(
      execute(process.execPath, ['--wasm-max-mem-pages=1024', PARSE_OFTEN, folder]),
      (error: { stderr?: string }) => {
        assert.match(error.stderr ?? '', /WebAssembly\.Memory\(\)/)
        assert.doesNotMatch(error.stderr ?? '', /DamagedFolderError/)
        return true
      },
    )
  })

  it('is compiled once for all threads', async () => {
    assert.equal(await compilePglite(), await compilePglite())
  })
})
