import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { embeddedFolder } from '../../../backend/tests/support/databases.ts'
import { cutPower, type RecordedLoad, recordLoad } from '../power-cut/power-cut.ts'

describe('a power cut', () => {
  let load: RecordedLoad
  before(async () => {
    const from = await embeddedFolder('migrated')
    load = await recordLoad({ from, clients: 4, tasksOfClient: 10 })
  })
  after(() => load.remove())

  /** A fraction of what `npm run test:faults` does. */
  it('loses no change that the embedded database has acknowledged', async () => {
    const { expected, violations } = await cutPower(load, { cuts: 3, seed: 1 })
    assert.deepEqual(violations, [])
    assert.ok(expected > 0, `no change was acknowledged before a cut`)
  })

  it('loses changes on a disk that does not do what it reports as done', async () => {
    // With this seed the disk of the first cut has written nearly nothing by itself.
    const { violations } = await cutPower(load, { cuts: 1, seed: 1, syncs: false })
    assert.match(violations.join('\n'), /is lost|does not start/)
  })
})
