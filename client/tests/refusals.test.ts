import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Edit } from '../src/sync/edit.ts'
import { type Device, problem } from './support/device.ts'
import { title, useDevices } from './support/devices.ts'

const LONG = 'x'.repeat(501)
describe('a refused edit', { timeout: 60_000 }, () => {
  const devices = useDevices()
  const { openWithTask } = devices

  it('is shown with its task, and is sent again when the person wants it', async () => {
    const [device, id] = await openWithTask()
    await device.apply(title(id, LONG))
    const refusal = await device.refusal()
    const { detail: _, id: __, ...shown } = refusal
    assert.deepEqual(shown, { taskId: id, title: 'Milk', edit: 'update', code: 'validation_error' })
    const alone = await devices.app.send('PATCH', `/api/${device.user}/tasks/${id}`, {
      body: { title: LONG },
    })
    assert.equal(refusal.detail, alone.json.detail)
    assert.equal(device.task(id)?.saved, 'refused')
    assert.equal(device.task(id)?.title, LONG)
    await device.unsent(0)
    await device.sync.retry(refusal.id)
    await device.unsent(0)
    assert.equal((await device.refusal()).code, 'validation_error')
    assert.equal(device.writes.length, 2)
  })

  const INVALID: Record<string, (id: string) => Edit> = {
    'title must be': () => ({ edit: 'create', task: { title: LONG } }),
    'due_time must be null': (id) => ({ edit: 'update', id, change: { due_time: '09:30' } }),
    'parent_id must be': (id) => ({ edit: 'update', id, change: { parent_id: id } }),
    'before must be': (id) => ({ edit: 'move', id, place: { before: id } }),
  }
  for (const [detail, edit] of Object.entries(INVALID)) {
    it(`names the member as if it were sent alone: ${detail}`, async () => {
      const [device, id] = await openWithTask()
      await device.apply(edit(id))
      const refusal = await device.refusal()
      assert.equal(refusal.detail.slice(0, detail.length), detail)
      assert.equal(refusal.code, 'validation_error')
    })
  }

  it('is taken back by discard', async () => {
    const [device, id] = await openWithTask()
    await device.apply(title(id, LONG))
    await device.sync.discard((await device.refusal()).id)
    await device.agrees()
    assert.equal(device.task(id)?.title, 'Milk')
    assert.deepEqual(device.sync.refusals.get(), [])
  })

  it('is mended by later edits that set all its members', async () => {
    const [device, id] = await openWithTask()
    await device.apply({ edit: 'update', id, change: { title: LONG, priority: 'high' } })
    await device.refusal()
    await device.apply(title(id, 'Oat milk'))
    await device.unsent(0)
    assert.equal(device.sync.refusals.get().length, 1)
    assert.equal(device.task(id)?.priority, 'high')
    await device.apply({ edit: 'update', id, change: { priority: 'low' } })
    await device.agrees()
    assert.deepEqual(device.sync.refusals.get(), [])
    assert.deepEqual(device.sync.conflicts.get(), [])
    const { title: text, priority } = device.task(id) ?? {}
    assert.deepEqual({ text, priority }, { text: 'Oat milk', priority: 'low' })
  })

  it('is no conflict with the edit that mended a part of it', async () => {
    const [device, id] = await openWithTask()
    await device.apply({ edit: 'update', id, change: { title: LONG, priority: 'high' } })
    const refusal = await device.refusal()
    const held = device.hold(/^update/)
    await device.apply(title(id, 'Oat milk'))
    await held.reached
    await device.sync.retry(refusal.id)
    await device.apply(title(id, 'Bread'))
    held.release()
    await device.agrees()
    assert.deepEqual([device.titles(), device.task(id)?.priority], [['Bread'], 'high'])
    assert.deepEqual(device.sync.conflicts.get(), [])
  })

  it('is mended by an edit that was made before the person could see it', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^update/)
    await device.apply(title(id, LONG))
    await held.reached
    await device.apply(title(id, 'Oat milk'))
    held.release()
    await device.agrees()
    assert.deepEqual(device.sync.refusals.get(), [])
    assert.deepEqual(device.sync.conflicts.get(), [])
  })

  it('is shown with its task when that is deleted and restored', async () => {
    const [device, id] = await openWithTask()
    await device.apply(title(id, LONG))
    const refusal = await device.refusal()
    const { undo } = await device.sync.apply([{ edit: 'delete', id }])
    await device.unsent(0)
    await device.apply(...undo)
    assert.equal(device.task(id)?.title, LONG)
    await device.unsent(0)
    assert.deepEqual([device.task(id)?.title, device.task(id)?.saved], [LONG, 'refused'])
    assert.deepEqual(device.sync.refusals.get(), [refusal])
    await device.apply(title(id, 'Oat milk', LONG))
    await device.agrees()
    assert.deepEqual(device.titles(), ['Oat milk'])
    assert.deepEqual(device.sync.refusals.get(), [])
  })

  it('of a new task lets later edits and children wait, and is mended by one', async () => {
    const device = await devices.open()
    const [id = ''] = await device.apply({ edit: 'create', task: { title: LONG } })
    await device.refusal()
    await device.apply(
      { edit: 'complete', id, completed: true },
      { edit: 'create', task: { title: 'Child', parent_id: id } },
      { edit: 'create', task: { title: 'Other' } },
    )
    await device.unsent(2)
    await device.apply(title(id, 'Trip'))
    await device.agrees()
    assert.deepEqual(device.titles(), ['Child', 'Other', 'Trip'])
    assert.equal(device.task(id)?.completed, true)
    assert.deepEqual(device.sync.refusals.get(), [])
  })

  it('of a new task is taken back with everything that was done to it', async () => {
    const device = await devices.open()
    const [id = ''] = await device.apply({ edit: 'create', task: { title: LONG } })
    const refusal = await device.refusal()
    await device.apply({ edit: 'complete', id, completed: true })
    await device.sync.discard(refusal.id)
    await device.agrees()
    assert.deepEqual(device.titles(), [])
  })

  it('of a new task is mended by the next update', async () => {
    const device = await devices.open()
    const [id = ''] = await device.apply({ edit: 'create', task: { title: LONG } })
    await device.refusal()
    await device.apply(title(id, 'Trip'))
    await device.agrees()
    assert.deepEqual(device.titles(), ['Trip'])
    assert.deepEqual(device.sync.refusals.get(), [])
  })

  it('of a new task is mended by the last of its updates', async () => {
    const device = await devices.open()
    const held = device.hold(/^create/)
    const [id = ''] = await device.apply({ edit: 'create', task: { title: LONG } })
    await held.reached
    await device.apply(title(id, 'Trip'))
    held.release()
    await device.refusal()
    await device.apply(title(id, 'Journey'))
    await device.agrees()
    assert.deepEqual(device.titles(), ['Journey'])
    assert.deepEqual(device.sync.conflicts.get(), [])
  })

  it('of a task that was deleted elsewhere restores it before it is sent again', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^update/)
    await device.apply(title(id, 'Oat milk'))
    await held.reached
    await devices.elsewhere(device, 'DELETE', `/${id}`)
    await device.until(device.sync.tasks, (tasks) => tasks.size === 0)
    held.release()
    const refusal = await device.refusal()
    assert.deepEqual([refusal.code, refusal.title], ['not_found', 'Milk'])
    await device.sync.retry(refusal.id)
    assert.equal(device.task(id)?.title, 'Oat milk')
    await device.agrees()
    assert.deepEqual(device.titles(), ['Oat milk'])
  })

  /** How a device learns that a task was deleted of which it has an edit. It never knows when that was. */
  const DELETIONS: Record<string, (device: Device, id: string) => Promise<void>> = {
    'by the feed, before the edit': async (device, id) => {
      await devices.elsewhere(device, 'DELETE', `/${id}`)
      await device.until(device.sync.tasks, (tasks) => tasks.size === 0)
      await device.apply(title(id, 'Oat milk', 'Milk'))
      await device.refusal()
    },
    'by reading the whole feed, after the edit': async (device, id) => {
      device.goOffline()
      await device.apply(title(id, 'Oat milk'))
      await devices.elsewhere(device, 'DELETE', `/${id}`)
      device.expireOnce()
      device.goOnline()
      await device.refusal()
      device.sync.poke()
      await device.until(device.sync.tasks, (tasks) => tasks.size === 0)
    },
  }
  for (const [how, learn] of Object.entries(DELETIONS)) {
    it(`of a task that is gone is sent once after the restoration, without the feed: gone ${how}`, async () => {
      const [device, id] = await openWithTask()
      await learn(device, id)
      device.goOffline()
      await device.is('offline')
      const feed = device.hold(/changes/)
      device.goOnline()
      await feed.reached
      device.seen.length = 0
      await device.sync.retry((await device.refusal()).id)
      await device.agrees()
      assert.deepEqual(device.writes, [`restore ${id}`, `update ${id}`])
      assert.deepEqual(device.titles(), ['Oat milk'])
      feed.release()
      await device.is('live')
      await device.agrees()
    })
  }

  it('of a child whose parent was deleted elsewhere is shown with its title', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^create/)
    await device.apply({ edit: 'create', task: { title: 'Child', parent_id: id } })
    await held.reached
    await devices.elsewhere(device, 'DELETE', `/${id}`)
    held.release()
    const refusal = await device.refusal()
    assert.deepEqual([refusal.edit, refusal.title], ['create', 'Child'])
    await device.sync.discard(refusal.id)
    await device.agrees()
    assert.deepEqual(device.titles(), [])
  })

  const ANSWERS = [
    [403, 'insufficient_scope'],
    [409, 'conflict'],
    [413, 'payload_too_large'],
    [418, 'another_code'],
  ] as const
  for (const [status, code] of ANSWERS) {
    it(`is set aside after ${status}, and others are sent`, async () => {
      const [device, id] = await openWithTask()
      device.wire = async ({ line }, send) =>
        line.startsWith('update') ? problem(status, code) : send()
      await device.apply(title(id, 'Oat milk'), { edit: 'create', task: { title: 'Bread' } })
      assert.equal((await device.refusal()).code, code)
      await device.unsent(0)
      device.wire = (_, send) => send()
      await device.sync.retry((await device.refusal()).id)
      await device.agrees()
      assert.deepEqual(device.titles(), ['Bread', 'Oat milk'])
    })
  }

  it('is set aside after the third 500', async () => {
    const device = await devices.open({ sleep: () => Promise.resolve() })
    let attempts = 0
    device.wire = async ({ line }, send) => {
      if (!line.startsWith('create')) return send()
      attempts += 1
      return problem(500, 'internal_error')
    }
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    assert.equal((await device.refusal()).code, 'internal_error')
    assert.equal(attempts, 3)
  })

  it('keeps everything if someone else has signed in: 403 user_id_mismatch', async () => {
    const [device, id] = await openWithTask()
    device.wire = async () => problem(403, 'user_id_mismatch')
    await device.apply(title(id, 'Oat milk'))
    await device.is('signed-out')
    assert.deepEqual(device.sync.refusals.get(), [])
    device.wire = (_, send) => send()
    device.sync.poke()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Oat milk'])
  })
})

describe('without a trash', { timeout: 60_000 }, () => {
  const devices = useDevices({ TRASH_DAYS: '0' })

  it('a restored task is refused, and comes back as a new one', async () => {
    const device = await devices.open()
    const [id = ''] = await device.apply({
      ...{ edit: 'create', task: { title: 'Milk', description: 'Two', tags: ['a'] } },
    })
    await device.agrees()
    const { undo } = await device.sync.apply([{ edit: 'delete', id }])
    await device.agrees()
    await device.apply(...undo)
    assert.equal(device.task(id)?.title, 'Milk')
    const refusal = await device.refusal()
    assert.deepEqual([refusal.edit, refusal.code, refusal.title], ['restore', 'not_found', 'Milk'])
    await device.sync.retry(refusal.id)
    await device.agrees()
    const [task] = [...device.sync.tasks.get().values()]
    assert.deepEqual([task?.title, task?.description, task?.tags], ['Milk', 'Two', ['a']])
    assert.notEqual(task?.id, id)
  })

  it('a task that was deleted before its creation was answered comes back as a new one', async () => {
    const device = await devices.open()
    device.wire = async ({ line }, send) =>
      line.startsWith('create') ? problem(409, 'conflict') : send()
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Milk' } })
    const refusal = await device.refusal()
    await device.apply({ edit: 'complete', id, completed: true })
    device.wire = (_, send) => send()
    await device.sync.retry(refusal.id)
    await device.agrees()
    const [task] = [...device.sync.tasks.get().values()]
    assert.deepEqual([task?.title, task?.completed], ['Milk', true])
    assert.notEqual(task?.id, id)
  })
})
