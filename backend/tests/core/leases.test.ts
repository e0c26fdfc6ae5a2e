import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { AppError } from '../../src/core/errors.ts'
import { RequestWindows, type Turn } from '../../src/http/rate/request-windows.ts'
import type { LeaseLimits } from '../../src/processes/bounds.ts'
import type { FromPrimary, FromWorker } from '../../src/processes/lease-messages.ts'
import { LeasedLimit } from '../../src/processes/leased-limit.ts'
import { Lessor } from '../../src/processes/lessor.ts'

/** Messages between processes are waited for, on a slow machine too. */
const PATIENT_LEASES: LeaseLimits = { answerMs: 3_600_000, returnMs: 3_600_000 }

/** A primary and its workers; each wire keeps the order and takes some turns of the event loop. */
function processes(perWindow: number, delays: number[], windowMs = 60_000, lease = PATIENT_LEASES) {
  const wires: ((send: () => void) => void)[] = delays.flatMap((turns) => [
    wire(turns),
    wire(turns),
  ])
  const dead = new Set<number>()
  const workers: LeasedLimit[] = []
  const toWorker = (worker: number, parts: FromPrimary[]) =>
    wires[2 * worker]?.(() => deliver(worker, structuredClone(parts)))
  const lessor = new Lessor(new RequestWindows(perWindow, windowMs), toWorker, lease)
  const deliver = (worker: number, parts: FromPrimary[]) => {
    if (!dead.has(worker)) workers[worker]?.receive(parts)
  }
  for (const worker of delays.keys()) {
    const toPrimary = (parts: FromWorker[]) => {
      const sent = structuredClone(parts)
      wires[2 * worker + 1]?.(() => dead.has(worker) || lessor.receive(worker, sent))
    }
    const limit = new LeasedLimit(perWindow, toPrimary, lease)
    workers.push(limit)
  }
  return { workers, lessor, silence: (worker: number) => dead.add(worker) }
}

function wire(turns: number): (send: () => void) => void {
  let last = Promise.resolve()
  return (send) => {
    last = last.then(async () => {
      for (let turn = 0; turn < turns; turn += 1) await nextTurn()
      send()
    })
  }
}

const admitted = (turns: Turn[]) => turns.filter((turn) => turn.admitted).length
const times = <Value>(count: number, make: () => Value) => Array.from({ length: count }, make)

describe('a limit that processes share', () => {
  it('admits exactly the limit, however requests and messages come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 30 }), fc.nat({ max: 2 })), { maxLength: 40 }),
        async (limit, delays, bursts) => {
          const { workers } = processes(limit, delays)
          const turns: (Turn | Promise<Turn>)[] = []
          for (const [worker, count, pause] of bursts) {
            const one = workers[worker % workers.length]
            for (let n = 0; one && n < count; n += 1) turns.push(one.take('alice'))
            for (let turn = 0; turn < pause; turn += 1) await nextTurn()
          }
          const told = await Promise.all(turns)
          assert.equal(admitted(told), Math.min(limit, told.length))
          for (const { admitted: passes, left } of told) assert.ok(passes || left === 0)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('a lease lasts to the end of its window, however slowly the first ask travelled', async () => {
    const asked: FromWorker[] = []
    const worker = new LeasedLimit(320, (parts) => asked.push(...parts), PATIENT_LEASES)
    const grant = { grant: 'alice', window: 1, units: 10, exhausted: false }
    const first = worker.take('alice')
    await nextTurn()
    // When the answer is there, the window has ended by the worker's reckoning.
    worker.receive([
      { ...grant, left: 310, askedMs: performance.now() - 60_000, renewedMs: 60_000 },
    ])
    assert.ok((await first).admitted)
    const second = worker.take('alice')
    await nextTurn()
    worker.receive([{ ...grant, left: 300, askedMs: performance.now(), renewedMs: 10_000 }])
    assert.ok((await second).admitted)
    for (let n = 0; n < 18; n += 1) assert.ok(!(worker.take('alice') instanceof Promise))
    assert.equal(asked.length, 2)
  })

  it('asks nobody while there is a lease, nor once all is used up', async () => {
    const { workers } = processes(64, [1])
    const [worker] = workers
    assert.ok(worker)
    assert.deepEqual([(await worker.take('alice')).left], [63])
    const next = worker.take('alice')
    assert.ok(!(next instanceof Promise))
    assert.equal(next.left, 62)
    for (let n = 0; n < 62; n += 1) assert.ok((await worker.take('alice')).admitted)
    assert.ok(!(await worker.take('alice')).admitted)
    const refused = worker.take('alice')
    assert.ok(!(refused instanceof Promise))
    assert.deepEqual([refused.admitted, refused.left], [false, 0])
    assert.ok((await worker.take('bob')).admitted)
  })

  it('what an ended process had leased counts as used, and holds up nobody', async () => {
    const { workers, lessor, silence } = processes(64, [1, 1])
    const [one, two] = workers
    assert.ok(one && two)
    assert.ok((await one.take('alice')).admitted)
    silence(0)
    const asked = Promise.all(times(64, () => two.take('alice')))
    await nextTurn()
    lessor.forget(0)
    // A silent one would be waited for for an hour.
    assert.equal(admitted(await asked), 62)
  })

  it('a process that does not answer is waited for no longer than returnMs', async () => {
    const { workers, silence } = processes(64, [1, 1], 60_000, { ...PATIENT_LEASES, returnMs: 20 })
    const [one, two] = workers
    assert.ok(one && two)
    assert.ok((await one.take('alice')).admitted)
    silence(0)
    assert.equal(admitted(await Promise.all(times(64, () => two.take('alice')))), 62)
  })

  it('503 where the primary does not answer within answerMs', async () => {
    const limit = new LeasedLimit(5, () => {}, { ...PATIENT_LEASES, answerMs: 20 })
    await assert.rejects(
      async () => limit.take('alice'),
      (error) => error instanceof AppError && error.code === 'service_unavailable',
    )
  })

  it('a process whose primary is gone counts for itself', async () => {
    const limit = new LeasedLimit(5, () => {}, PATIENT_LEASES)
    const asked = Promise.all(times(4, () => limit.take('alice')))
    limit.countAlone()
    const later = await Promise.all(times(4, () => limit.take('alice')))
    assert.deepEqual([admitted(await asked), admitted(later)], [4, 1])
  })

  it('all of it is there again in the next window', async (context) => {
    let nowMs = 0
    context.mock.method(performance, 'now', () => nowMs)
    const { workers } = processes(40, [0, 2], 2_000)
    const all = () =>
      Promise.all(workers.flatMap((worker) => times(30, () => worker.take('alice'))))
    const first = await all()
    assert.equal(admitted(first), 40)
    const renewedMs = Math.max(...first.map((turn) => turn.renewedMs))
    nowMs += renewedMs + 20
    assert.equal(admitted(await all()), 40)
  })
})
