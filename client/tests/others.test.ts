import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Device, problem } from './support/device.ts'
import { title, useDevices } from './support/devices.ts'

describe('an edit of what someone else changes', { timeout: 60_000 }, () => {
  const devices = useDevices()
  const { openWithTask } = devices

  const change = (device: Device, id: string, body: object) =>
    devices.elsewhere(device, 'PATCH', `/${id}`, { body })
  const conflicts = ({ sync }: Device) =>
    sync.conflicts.get().map(({ theirs, ours }) => ({ theirs, ours }))

  it('is compared with what the person saw, not with what came while they typed', async () => {
    const [device, id] = await openWithTask()
    await change(device, id, { title: 'Theirs' })
    await device.until(device.sync.tasks, () => device.task(id)?.title === 'Theirs')
    await device.apply(title(id, 'Milk', 'Milk'))
    assert.equal(device.task(id)?.title, 'Theirs')
    await device.apply(title(id, 'Ours', 'Milk'))
    await device.agrees()
    assert.deepEqual(conflicts(device), [{ theirs: 'Theirs', ours: 'Ours' }])
  })

  it('is a conflict if its undo finds a later value', async () => {
    const [device, id] = await openWithTask()
    const { undo } = await device.sync.apply([title(id, 'Ours')])
    await device.agrees()
    await change(device, id, { title: 'Theirs' })
    await device.until(device.sync.tasks, () => device.task(id)?.title === 'Theirs')
    await device.apply(...undo)
    await device.agrees()
    assert.deepEqual(conflicts(device), [{ theirs: 'Theirs', ours: 'Milk' }])
  })

  it('waits for the person if it deletes what someone edited, and its retry deletes', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^delete/)
    await device.apply({ edit: 'delete', id })
    await held.reached
    await change(device, id, { description: 'Important' })
    held.release()
    const refusal = await device.refusal()
    assert.deepEqual([refusal.edit, refusal.code], ['delete', 'changed'])
    assert.equal(device.task(id)?.description, 'Important')
    await device.sync.retry(refusal.id)
    await device.agrees()
    assert.equal(device.task(id), undefined)
  })

  it('is sent if it takes back a completion that someone else made as well', async () => {
    const [device, id] = await openWithTask()
    device.wire = async ({ line }, send) =>
      line.startsWith('update') ? problem(429, 'too_many_requests', { 'retry-after': '9' }) : send()
    await device.apply(title(id, 'Oat milk'))
    await device.apply({ edit: 'complete', id, completed: true })
    await change(device, id, { completed: true, priority: 'high' })
    await device.until(device.sync.tasks, () => device.task(id)?.priority === 'high')
    await device.apply({ edit: 'complete', id, completed: false })
    device.wire = (_, send) => send()
    device.sync.poke()
    await device.agrees()
    assert.equal(device.task(id)?.completed, false)
  })

  it('of a task that someone deleted is kept as a refusal, whose retry restores it', async () => {
    const [device, id] = await openWithTask()
    const { undo } = await device.sync.apply([{ edit: 'complete', id, completed: true }])
    await device.agrees()
    await devices.elsewhere(device, 'DELETE', `/${id}`)
    await device.until(device.sync.tasks, (tasks) => tasks.size === 0)
    await device.apply(...undo)
    await device.apply({ edit: 'delete', id }, { edit: 'move', id, place: { to: 'top' } })
    await device.unsent(0)
    await device.apply(title(id, 'A long text', 'Milk'))
    const refusal = await device.refusal()
    assert.equal(refusal.code, 'not_found')
    await device.sync.retry(refusal.id)
    await device.agrees()
    assert.deepEqual(device.titles(), ['A long text'])
  })

  it('is deleted without waiting for the refused parent that it was moved below', async () => {
    const [device, id] = await openWithTask()
    const [parent = ''] = await device.apply({
      edit: 'create',
      task: { title: 'x'.repeat(501) },
    })
    await device.refusal()
    await device.apply({ edit: 'update', id, change: { parent_id: parent } })
    await device.apply({ edit: 'delete', id })
    await device.unsent(0)
    assert.deepEqual((await devices.elsewhere(device, 'GET', '')).json, [])
    await device.sync.discard((await device.refusal()).id)
    await device.agrees()
  })
})
