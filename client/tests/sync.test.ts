import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useDevices } from './support/devices.ts'

describe('the sync', { timeout: 60_000 }, () => {
  const devices = useDevices()

  it('brings the tasks of one device to another', async () => {
    const one = await devices.open()
    const other = await devices.another(one)
    const [id = ''] = await one.apply({ edit: 'create', task: { title: ' Milk ' } })
    assert.equal(one.task(id)?.title, 'Milk')
    assert.equal(one.task(id)?.saved, 'unsent')
    await one.agrees()
    assert.equal(one.task(id)?.saved, 'saved')
    await other.agrees()
    await one.apply(
      { edit: 'update', id, change: { priority: 'high', tags: ['a', 'A '] } },
      { edit: 'complete', id, completed: true },
      { edit: 'create', task: { title: 'Child', parent_id: id } },
    )
    await one.agrees()
    await other.until(other.sync.tasks, (tasks) => tasks.size === 2)
    await other.agrees()
    assert.deepEqual(one.sync.status.get(), {
      ...{ state: 'live', loaded: true, unsent: 0, durable: false },
    })
  })
})
