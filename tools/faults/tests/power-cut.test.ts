import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { embeddedFolder } from '../../../backend/tests/support/databases.ts'
import { cutPower } from '../power-cut/power-cut.ts'

/** A fraction of what `npm run test:faults` does. */
const cutAFewTimes = async (syncs: boolean) =>
  cutPower({
    ...{ cuts: 3, seed: 1, clients: 4, tasksOfClient: 10, syncs },
    from: await embeddedFolder('migrated'),
  })

describe('a power cut', () => {
  it('loses no change that the embedded database has acknowledged', async () => {
    const { expected, violations } = await cutAFewTimes(true)
    assert.deepEqual(violations, [])
    assert.ok(expected > 0, `no change was acknowledged before a cut`)
  })

  it('loses changes on a disk that does not do what it reports as done', async () => {
    const { violations } = await cutAFewTimes(false)
    assert.match(violations.join('\n'), /is lost|does not start/)
  })
})
