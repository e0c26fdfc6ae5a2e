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

/** Runs the program of that name to its end. */
function parseOften(folder: string, flags: string[], ...parameters: string[]) {
  const program = [...flags, PARSE_OFTEN, folder, ...parameters]
  return outputOf(startProcess(process.execPath, program, { stdio: ['ignore', 'pipe', 'pipe'] }))
    .ended
}

describe('the code of the embedded database', () => {
  it('is optimized, but for the parser and others for which V8 takes much memory', async () => {
    // V8 then optimizes in the thread that executes the function, and reports it.
    const flags = ['--wasm-sync-tier-up', '--trace-wasm-compilation-times']
    const folder = await embeddedFolder('migrated')
    const { output } = await parseOften(folder, flags)
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
    const { output } = await parseOften(folder, flags, '1')
    assert.match(output, /most \d+ MiB/)
  })

  it('does not make a folder a damaged one when it cannot be compiled', async () => {
    const folder = await embeddedFolder('migrated')
    const { code, output } = await parseOften(folder, ['--wasm-max-mem-pages=1024'])
    assert.equal(code, 1)
    assert.match(output, /WebAssembly\.Memory\(\)/)
    assert.doesNotMatch(output, /DamagedFolderError/)
  })

  it('is compiled once for all threads', async () => {
    assert.equal(await compilePglite(), await compilePglite())
  })
})
