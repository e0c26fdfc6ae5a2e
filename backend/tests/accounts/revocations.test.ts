import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { RevocationList, type RevocationTimes } from '../../src/accounts/revocations.ts'
import { LONG_MS } from '../support/app.ts'

const TIMES = { intervalMs: 1, idlePauses: 2, waitMs: LONG_MS }

/** A list whose reads the test sees, and decides. */
function listOf(times: Partial<RevocationTimes> = {}) {
  const reads = new EventEmitter()
  const stored = new Map<string, number>()
  const lines: string[] = []
  const state = { failing: false, held: undefined as Promise<void> | undefined }
  const read = async () => {
    queueMicrotask(() => reads.emit('read'))
    await state.held
    if (state.failing) throw new Error('the database is unreachable')
    return new Map(stored)
  }
  const log = pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) })
  const list = new RevocationList(read, log, { ...TIMES, ...times })
  return { list, reads, stored, lines, state }
}

describe('the list of revocations', () => {
  it('is read before the first request, and then by itself while requests come', async () => {
    const { list, reads, stored } = listOf()
    stored.set('alice', 100)
    assert.equal(list.refuses('alice', 99), false)
    await list.ready()
    assert.deepEqual([list.refuses('alice', 99), list.refuses('alice', 100)], [true, false])
    assert.equal(list.refuses('alice', Number.NaN), true)
    stored.set('bob', 100)
    while (!list.refuses('bob', 99)) {
      list.ready()
      await once(reads, 'read')
      await new Promise(setImmediate)
    }
    list.close()
  })

  it('is not read while no request comes, and the next one waits for a read', async (context) => {
    const { timers } = context.mock
    timers.enable({ apis: ['setTimeout'] })
    const { list, reads, stored } = listOf()
    await list.ready()
    let count = 0
    reads.on('read', () => {
      count += 1
    })
    for (let pause = 0; pause < 10 * TIMES.idlePauses; pause += 1) {
      timers.tick(TIMES.intervalMs)
      await new Promise(setImmediate)
    }
    assert.equal(count, TIMES.idlePauses)
    stored.set('carol', 100)
    await list.ready()
    assert.equal(list.refuses('carol', 99), true)
    list.close()
  })

  it('a refresh reads again after the read in progress', async () => {
    const { list, stored, state } = listOf({ intervalMs: LONG_MS })
    const gate = Promise.withResolvers<void>()
    state.held = gate.promise
    const first = list.refresh()
    const second = list.refresh().then(() => list.refresh())
    stored.set('alice', 100)
    gate.resolve()
    await first
    await second
    assert.equal(list.refuses('alice', 99), true)
    list.close()
  })

  it('keeps what it has while the database fails, and logs once when that begins and ends', async () => {
    const { list, stored, lines, state } = listOf({ intervalMs: LONG_MS })
    stored.set('alice', 100)
    await list.ready()
    state.failing = true
    for (let time = 0; time < 3; time += 1) await list.refresh()
    assert.equal(list.ready(), undefined)
    assert.equal(list.refuses('alice', 99), true)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /the revoked tokens cannot be read/)
    state.failing = false
    await list.refresh()
    assert.match(lines[1] ?? '', /can be read again/)
    list.close()
  })

  it('does not keep requests waiting for a read that does not end', async () => {
    const { list, state } = listOf({ intervalMs: LONG_MS, waitMs: 1 })
    state.held = new Promise(() => {})
    await list.ready()
    assert.equal(list.ready(), undefined)
    list.close()
  })
})
