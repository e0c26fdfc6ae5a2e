import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AppError } from '../../src/core/errors.ts'
import { Turnstile } from '../../src/http/rate/turnstile.ts'

/** Work that ends when it is told to. */
function work() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { end: resolve, run: () => promise }
}

const refused = (error: unknown) => (error as AppError).headers['retry-after']

describe('a turnstile', () => {
  it('lets in a few, keeps a few waiting in order, and refuses the others', async () => {
    const turnstile = new Turnstile({ atOnce: 2, waiting: 2, ofOneClient: 9 })
    const done: number[] = []
    const works = Array.from({ length: 5 }, work)
    const passes = works.map(({ run }, at) =>
      turnstile.pass('x', run).then(
        () => done.push(at),
        () => done.push(-at),
      ),
    )
    await passes[4]
    assert.deepEqual(done, [-4])
    for (const at of [1, 0, 2, 3]) {
      works[at]?.end()
      await passes[at]
    }
    assert.deepEqual(done, [-4, 1, 0, 2, 3])
  })

  it('goes on after work that fails', async () => {
    const turnstile = new Turnstile({ atOnce: 1, waiting: 0, ofOneClient: 1 })
    const failing = () => turnstile.pass('x', () => Promise.reject(new Error('failed')))
    for (let time = 0; time < 3; time += 1) await assert.rejects(failing(), /failed/)
    assert.equal(await turnstile.pass('x', async () => 'done'), 'done')
  })

  it('has room for others while one client has its share', async () => {
    const turnstile = new Turnstile({ atOnce: 1, waiting: 3, ofOneClient: 2 })
    const works = Array.from({ length: 2 }, work)
    const passes = works.map(({ run }) => turnstile.pass('one', run))
    await assert.rejects(
      turnstile.pass('one', async () => {}),
      { code: 'service_unavailable' },
    )
    const other = turnstile.pass('other', async () => 'done')
    for (const { end } of works) end()
    await Promise.all(passes)
    assert.equal(await other, 'done')
    await turnstile.pass('one', async () => {})
  })

  it('tells those it refuses to come back one after the other', async () => {
    const turnstile = new Turnstile({ atOnce: 1, waiting: 9, ofOneClient: 99 })
    const held = Array.from({ length: 10 }, work)
    const passes = held.map(({ run }) => turnstile.pass('x', run))
    const waits: number[] = []
    for (let time = 0; time < 100; time += 1) {
      const refusal = turnstile.pass('x', async () => {}).catch(refused)
      waits.push(Number(await refusal))
    }
    assert.equal(waits[0], 1)
    assert.deepEqual(
      waits,
      waits.toSorted((one, other) => one - other),
    )
    // A guess of ten turns a second: nine wait, a hundred will come back.
    assert.ok(Number(waits.at(-1)) >= 9 && Number(waits.at(-1)) <= 12, String(waits.at(-1)))
    for (const { end } of held) end()
    await Promise.all(passes)
  })
})
