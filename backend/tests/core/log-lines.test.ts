import assert from 'node:assert/strict'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { LogLines } from '../../src/core/log/log-lines.ts'
import { testFolder } from '../support/databases.ts'
import { makeFifo } from '../support/fifo.ts'

const line = (n: number) => `${JSON.stringify({ n, text: 'x'.repeat(900) })}\n`
const numbers = (text: string) => [...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n))

/** Makes a pipe say when it is full, as Node does with standard output. */
const atOnce = (descriptor: number) =>
  openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK)

describe('lines of the log', () => {
  it('come in their order, whole, and all of them before the end', async () => {
    for (const shared of [false, true]) {
      const path = join(await testFolder(), 'log')
      const descriptor = openSync(path, 'a')
      const lines = new LogLines(descriptor, shared)
      for (let n = 0; n < 500; n += 1) lines.write(line(n))
      await lines.end(60_000)
      assert.deepEqual(
        numbers(readFileSync(path, 'utf8')),
        Array.from({ length: 500 }, (_, n) => n),
      )
      lines.write(line(500))
      lines.endNow()
      assert.equal(numbers(readFileSync(path, 'utf8')).at(-1), 500)
      closeSync(descriptor)
    }
  })

  it('wait for a reader that stands still, 1 MiB of them; how many were lost is told', async () => {
    const fifo = await makeFifo()
    const lines = new LogLines(atOnce(fifo.descriptor), false)
    fifo.stall()
    const written = 3_000
    let lost = 0
    lines.onRecovery = (more) => {
      lost += more
    }
    for (let n = 0; n < written; n += 1) lines.write(line(n))
    assert.equal(await lines.end(500), true)
    await fifo.flow(/"n":1000,/)
    lines.write(line(written))
    const kept = numbers(await fifo.until(new RegExp(`"n":${written},`)))
    assert.ok(lost > written / 2, `${lost} lost`)
    assert.deepEqual(kept, [...Array.from({ length: written - lost }, (_, n) => n), written])
  })

  it('whose write never comes back are given up, and that is told', async () => {
    const fifo = await makeFifo()
    const descriptor = openSync(`/proc/self/fd/${fifo.descriptor}`, 'w') // waits, where it is full
    const lines = new LogLines(descriptor, false)
    fifo.stall()
    for (let n = 0; n < 300; n += 1) lines.write(line(n))
    assert.equal(await lines.end(100), false)
    await fifo.flow(/"n":299,/)
  })

  it('that are left when the time is over are lost, and the process can exit', async () => {
    const descriptor = openSync('/dev/full', 'w')
    const lines = new LogLines(descriptor, true)
    for (let n = 0; n < 1_000; n += 1) lines.write(line(n))
    // Each write takes at least 3 ms, because its end is noticed between two of these.
    const spin = setInterval(() => {
      for (const untilMs = performance.now() + 3; performance.now() < untilMs; );
    }, 1)
    assert.equal(await lines.end(100), true)
    clearInterval(spin)
  })

  it('are not given up because the process stood still for longer than the limit', async () => {
    const path = join(await testFolder(), 'log')
    const descriptor = openSync(path, 'a')
    const lines = new LogLines(descriptor, false)
    lines.write(line(0))
    const ending = lines.end(50)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    assert.equal(await ending, true)
    assert.deepEqual(numbers(readFileSync(path, 'utf8')), [0])
    closeSync(descriptor)
  })

  it('are lost without a reader, and nothing else is', async () => {
    const fifo = await makeFifo()
    const lines = new LogLines(atOnce(fifo.descriptor), false)
    await fifo.leave()
    for (let n = 0; n < 100; n += 1) lines.write(line(n))
    assert.equal(await lines.end(60_000), true)
    lines.write(line(100))
    lines.endNow()
  })

  it('are lost on a full disk, and nothing else is', async () => {
    const descriptor = openSync('/dev/full', 'w')
    const lines = new LogLines(descriptor, false)
    let told = false
    lines.onRecovery = () => {
      told = true
    }
    for (let n = 0; n < 100; n += 1) lines.write(line(n))
    assert.equal(await lines.end(60_000), true)
    assert.equal(told, false)
    closeSync(descriptor)
  })
})
