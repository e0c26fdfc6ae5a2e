import assert from 'node:assert/strict'
import { it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { endAll, mustExit, whatIsOpen } from './started.ts'

const LONG_MS = 3_600_000

/**
 * Runs test files in this process, one after the other: they share the packages that they load, and the code that
 * V8 has compiled. What one of them leaves open would reach the next one, so that fails. A file that cannot be loaded is
 * a failed test with its name, and the last one: Node's runner reports an error outside of tests, and goes on waiting.
 *
 * @param files absolute paths, by the names to print.
 */
export async function runTogether(files: Readonly<Record<string, string>>): Promise<void> {
  // Some tests wait for events of which no handle keeps a process running.
  const running = setInterval(() => {}, LONG_MS)
  for (const [name, path] of Object.entries(files)) {
    try {
      await import(pathToFileURL(path).href)
    } catch (error) {
      await it(`${name} cannot be loaded`, () => Promise.reject(error))
      await endAll()
      break
    }
    // The tests of a process run in their order, so this one waits for those of the file.
    await it(`${name} ends all that it starts`, () => assert.deepEqual(whatIsOpen().open, []))
    await endAll()
  }
  clearInterval(running)
  mustExit()
}
