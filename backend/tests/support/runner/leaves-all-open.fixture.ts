import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { before, beforeEach, describe, it } from 'node:test'
import { endWithTest } from '../started.ts'
import { startSleeping } from './sleeping.ts'

/** A shell that has started another program: both are to end. */
function sleep(): void {
  const pid = startSleeping('sh', '-c', 'sleep 1000; true')
  console.log(`sleeps: ${pid}`)
}

describe('a suite that ends nothing', () => {
  const ended: string[] = []
  before(sleep)
  beforeEach(() => {
    endWithTest('for each', () => void ended.push('for each'))
  })

  it('fails, with a process and a server', async () => {
    sleep()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    endWithTest('server', () => {
      ended.push('server')
      server.close()
    })
    throw new Error('on purpose')
  })

  it('finds them ended, and what is for the suite still there', () => {
    assert.deepEqual(ended.sort(), ['for each', 'server'])
    sleep()
  })
})
