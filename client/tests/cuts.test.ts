import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Edit } from '../src/sync/edit.ts'
import { changeOf, Device, memoryStore, problem, SharedMemory } from './support/device.ts'
import { SOON, title, useDevices } from './support/devices.ts'

describe('a cut', { timeout: 60_000 }, () => {
  const devices = useDevices()
  const { openWithTask } = devices

  const EDITS: Record<string, (id: string) => Edit> = {
    'a new task': () => ({ edit: 'create', task: { title: 'Bread' } }),
    'an update': (id) => title(id, 'Oat milk'),
    'a completion': (id) => ({ edit: 'complete', id, completed: true }),
    'a deletion': (id) => ({ edit: 'delete', id }),
    'a move': (id) => ({ edit: 'move', id, place: { to: 'bottom' } }),
  }
  for (const [name, edit] of Object.entries(EDITS)) {
    for (const at of ['request', 'response'] as const) {
      it(`of the ${at} of ${name} is healed by sending it again`, async () => {
        const [device, id] = await openWithTask()
        await device.apply({ edit: 'create', task: { title: 'Eggs' } })
        await device.agrees()
        device.seen.length = 0
        const held = device.hold(/^(?!GET)/, at)
        await device.apply(edit(id))
        await held.reached
        held.cut()
        await device.is('offline')
        await device.unsent(1)
        device.sync.poke()
        await device.agrees()
        assert.ok(device.writes.length >= 2)
        assert.deepEqual(device.sync.refusals.get(), [])
        assert.deepEqual(device.sync.conflicts.get(), [])
      })
    }
  }

  it('between response and transaction is healed by the next start of the program', async () => {
    const shared = new SharedMemory()
    const store = memoryStore(shared)
    const device = await devices.open({ store })
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.agrees()
    const held = device.hold(/^update/, 'response')
    await device.apply(title(id, 'Oat milk'))
    await device.apply({ edit: 'create', task: { title: 'Bread' } })
    await held.reached
    await store.close()
    held.release()
    await device.sync.stop()
    device.errors.length = 0
    const again = await devices.another(device, { store: memoryStore(shared) })
    await again.agrees()
    assert.deepEqual(again.titles(), ['Bread', 'Oat milk'])
    assert.deepEqual(again.sync.conflicts.get(), [])
    const list = await devices.elsewhere(device, 'GET', '')
    assert.equal(list.json.length, 2)
  })

  it('while the token is renewed neither loses nor repeats an edit', async () => {
    let current = 'bad'
    let refused = 0
    const { app } = devices
    const device = new Device(app, {
      user: 'renewed',
      token: async (old) => {
        if (old !== undefined) {
          refused += 1
          current = await app.token('renewed')
        }
        return current
      },
    })
    await device.is('live')
    current = 'bad'
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.agrees()
    assert.ok(refused >= 2)
    assert.deepEqual(device.titles(), ['Milk'])
    await device.stop()
  })

  it('by the end of the session keeps everything until the person signs in again', async () => {
    const { app } = devices
    let isSignedIn = true
    const device = new Device(app, {
      user: 'ended',
      token: () => (isSignedIn ? app.token('ended') : 'bad'),
    })
    await device.is('live')
    isSignedIn = false
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.is('signed-out')
    await device.apply(title(id, 'Oat milk'))
    await device.unsent(2)
    isSignedIn = true
    device.sync.poke()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Oat milk'])
    await device.stop()
  })

  it('queues an edit behind the one whose request is in progress, which does not change', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^update/, 'response')
    await device.apply(title(id, 'Oat'))
    await held.reached
    await device.apply(title(id, 'Oat milk'))
    await device.apply(title(id, 'Rice milk'))
    await device.unsent(2)
    held.cut()
    await device.is('offline')
    device.sync.poke()
    await device.agrees()
    const seen = device.seen.filter(({ line }) => /^update/.test(line))
    assert.deepEqual(seen.map(changeOf), [
      { title: 'Oat' },
      { title: 'Oat' },
      { title: 'Rice milk' },
    ])
    const [first, again, next] = seen
    assert.deepEqual(again?.body, first?.body)
    const keys = [first, again, next].map((one) => one?.headers.get('idempotency-key'))
    assert.equal(keys[0], keys[1])
    assert.notEqual(keys[0], keys[2])
    assert.deepEqual(device.sync.conflicts.get(), [])
  })

  it('deletes behind an update whose request is in progress', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^update/)
    await device.apply(title(id, 'Oat milk'))
    await held.reached
    const { undo } = await device.sync.apply([{ edit: 'delete', id }])
    assert.equal(device.task(id), undefined)
    held.release()
    await device.agrees()
    await device.apply(...undo)
    await device.agrees()
    assert.deepEqual(device.titles(), ['Oat milk'])
  })

  it('takes no older version from a feed that was read before the response', async () => {
    const [device, id] = await openWithTask()
    // The stream ends, and a page is read that the device gets late.
    device.goOffline()
    await device.is('offline')
    const page = device.hold(/changes/, 'response')
    await devices.elsewhere(device, 'PATCH', `/${id}`, { body: { priority: 'low' } })
    device.goOnline()
    await page.reached
    await device.apply(title(id, 'Oat milk'))
    await device.unsent(0)
    const before = device.task(id)
    page.release()
    await device.is('live')
    assert.deepEqual(device.task(id), before)
    await device.agrees()
    assert.equal(device.task(id)?.priority, 'low')
  })

  it('does not bring a deleted task back from a feed that was read before', async () => {
    const [device, id] = await openWithTask()
    device.goOffline()
    await device.is('offline')
    const page = device.hold(/changes/, 'response')
    await devices.elsewhere(device, 'PATCH', `/${id}`, { body: { priority: 'low' } })
    device.goOnline()
    await page.reached
    await device.apply(title(id, 'Oat milk'))
    await device.unsent(0)
    await device.apply({ edit: 'delete', id })
    await device.unsent(0)
    let shown = false
    device.sync.tasks.subscribe(() => {
      shown ||= device.sync.tasks.get().has(id)
    })
    page.release()
    await device.agrees()
    assert.equal(shown, false)
  })

  it('takes its own change from the feed before the response', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^update/, 'response')
    await device.apply(title(id, 'Oat milk'))
    await held.reached
    await devices.elsewhere(device, 'PATCH', `/${id}`, { body: { priority: 'high' } })
    await device.until(device.sync.tasks, () => device.task(id)?.priority === 'high')
    assert.equal(device.task(id)?.title, 'Oat milk')
    assert.equal(device.task(id)?.saved, 'unsent')
    held.release()
    await device.agrees()
    assert.equal(device.task(id)?.priority, 'high')
  })

  it('takes the end of a new task from the feed before the response to its creation', async () => {
    const device = await devices.open()
    const held = device.hold(/^create/, 'response')
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await held.reached
    await devices.elsewhere(device, 'DELETE', `/${id}`)
    await device.until(device.sync.tasks, (tasks) => tasks.size === 0)
    held.release()
    await device.agrees()
    assert.equal(device.task(id), undefined)
  })

  it('by 410 in the middle reads everything again, and keeps what is not sent', async () => {
    const [device, id] = await openWithTask({}, SOON)
    const [gone = ''] = await device.apply({ edit: 'create', task: { title: 'Eggs' } })
    await device.agrees()
    device.goOffline()
    await device.is('offline')
    await device.apply(title(id, 'Oat milk'))
    await devices.elsewhere(device, 'DELETE', `/${gone}`)
    await devices.elsewhere(device, 'POST', '', { body: { title: 'Bread' } })
    let pages = 0
    device.wire = async ({ line }, send) => {
      if (!line.includes('changes')) return send()
      pages += 1
      // The first attempt, and one while everything is read again.
      return pages === 1 || pages === 3 ? problem(410, 'sync_expired') : send()
    }
    device.goOnline()
    await device.is('live')
    await device.agrees()
    assert.ok(pages > 3)
    assert.deepEqual(device.titles(), ['Bread', 'Oat milk'])
  })

  it('by a backup that the operator restored takes the older versions', async () => {
    const [device, id] = await openWithTask({}, SOON)
    const older = device.task(id)?.updated_at
    await device.apply(title(id, 'Oat milk'))
    await device.agrees()
    await devices.app.admin(
      `with turn as (update todo.users set seq = seq + 1 where id = $1 returning seq)
       update todo.tasks set title = 'Old milk', updated_at = $3, seq = turn.seq from turn where id = $2`,
      [device.user, id, older],
    )
    // Within an epoch, versions only grow.
    const [next = ''] = await device.apply({ edit: 'create', task: { title: 'Bread' } })
    await device.until(device.sync.tasks, () => device.task(next)?.saved === 'saved')
    assert.equal(device.task(id)?.title, 'Oat milk')
    device.goOffline()
    await device.is('offline')
    device.expireOnce()
    device.goOnline()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Bread', 'Old milk'])
  })

  it('by stop ends everything, and keeps what is not sent', async () => {
    const shared = new SharedMemory()
    const device = await devices.open({ store: memoryStore(shared) })
    const held = device.hold(/^create/)
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await held.reached
    await device.stop()
    await device.is('stopped')
    await assert.rejects(device.apply({ edit: 'create', task: { title: 'Eggs' } }), /stopped/)
    const again = await devices.another(device, { store: memoryStore(shared) })
    await again.agrees()
    assert.deepEqual(again.titles(), ['Milk'])
  })

  it('by a store that is closed rejects edits, and ends by stop', async () => {
    const [device, id] = await openWithTask()
    await device.store.close()
    await assert.rejects(device.apply(title(id, 'Oat milk')), /closed/)
    await device.sync.stop()
    device.errors.length = 0
  })
})
