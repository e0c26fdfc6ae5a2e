import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { testFolder } from '../../../backend/tests/support/databases.ts'
import { collectable, collectGarbage } from '../memory/collect-garbage.ts'

/** Has an object that nothing uses, and prints whether it is still there when a line arrives. */
const PROGRAM = `
  const unused = (() => new WeakRef({}))()
  process.stdin.on('data', () => console.log(unused.deref() === undefined ? 'freed' : 'there'))`

async function end(child: ChildProcess): Promise<NodeJS.Signals | null> {
  child.kill('SIGKILL')
  const [, signal] = await once(child, 'exit')
  return signal
}

describe('the garbage of a process', () => {
  it('is collected on request', async (test) => {
    const file = join(await testFolder(), 'collected')
    const env = { PATH: process.env.PATH, ...collectable(file) }
    const child = spawn(process.execPath, ['--eval', PROGRAM], { env })
    test.after(() => end(child))
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const asked = async () => {
      child.stdin.write('\n')
      return (await lines.next()).value
    }
    assert.equal(await asked(), 'there')
    await collectGarbage(child.pid ?? 0, file)
    assert.equal(await asked(), 'freed')
  })

  it('is left to a process that the signal would end', async () => {
    const child = spawn(process.execPath, ['--eval', PROGRAM])
    child.stdin.write('\n')
    await once(child.stdout, 'data')
    await collectGarbage(child.pid ?? 0, join(await testFolder(), 'collected'))
    assert.equal(await end(child), 'SIGKILL')
  })
})
