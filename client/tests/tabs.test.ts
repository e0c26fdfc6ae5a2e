import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Store } from '../src/sync/store.ts'
import type { Device } from './support/device.ts'
import { SOON, useDevices } from './support/devices.ts'
import { KINDS } from './support/kinds.ts'

for (const [kind, newUser] of Object.entries(KINDS)) {
  describe(`two tabs over ${kind}`, { timeout: 60_000 }, () => {
    const devices = useDevices()

    /** The first of them leads. */
    async function openTabs(): Promise<[Device, Device, () => Promise<Store>]> {
      const open = newUser()
      const leader = await devices.open({ store: await open() })
      const options = { user: leader.user, store: await open(), state: 'follower' } as const
      const follower = await devices.open(options)
      return [leader, follower, open]
    }
    const close = async (device: Device) => {
      await device.stop()
      await device.store.close()
    }

    it('show the edits of each other, and one of them sends', async () => {
      const [leader, follower] = await openTabs()
      assert.equal(follower.sync.status.get().loaded, true)
      const [id = ''] = await follower.apply({ edit: 'create', task: { title: 'Milk' } })
      assert.equal(follower.task(id)?.title, 'Milk')
      await leader.until(leader.sync.tasks, () => leader.task(id)?.saved === 'saved')
      await leader.agrees()
      await follower.agrees()
      assert.equal(follower.task(id)?.saved, 'saved')
      await leader.apply({ edit: 'update', id, change: { title: 'Oat milk' } })
      await follower.until(follower.sync.tasks, () => follower.task(id)?.title === 'Oat milk')
      await follower.agrees()
      assert.deepEqual(follower.seen, [])
      await Promise.all([close(leader), close(follower)])
    })

    it('edit offline, and send when the leader is online', async () => {
      const [leader, follower] = await openTabs()
      leader.goOffline()
      await leader.is('offline')
      const [id = ''] = await follower.apply({ edit: 'create', task: { title: 'Milk' } })
      await leader.apply({ edit: 'create', task: { title: 'Bread' } })
      await leader.until(leader.sync.tasks, () => leader.task(id) !== undefined)
      await leader.apply({ edit: 'update', id, change: { priority: 'high' } })
      await follower.until(follower.sync.tasks, () => follower.task(id)?.priority === 'high')
      await follower.unsent(2)
      leader.goOnline()
      await leader.agrees()
      await follower.agrees()
      assert.deepEqual(follower.titles(), ['Bread', 'Milk'])
      await Promise.all([close(leader), close(follower)])
    })

    it('the other one takes over when the leader is closed in the middle of a request', async () => {
      const [leader, follower, open] = await openTabs()
      const held = leader.hold(/^create/, 'response')
      const [id = ''] = await leader.apply({ edit: 'create', task: { title: 'Milk' } })
      await held.reached
      await follower.until(follower.sync.tasks, () => follower.task(id) !== undefined)
      await follower.apply({ edit: 'update', id, change: { title: 'Oat milk' } })
      await follower.unsent(2)
      await close(leader)
      await follower.is('live')
      await follower.agrees()
      assert.deepEqual(follower.titles(), ['Oat milk'])
      const third = await devices.open({
        user: leader.user,
        store: await open(),
        state: 'follower',
      })
      await third.agrees()
      await Promise.all([close(follower), close(third)])
    })

    it('that both lead, such as on a page without https, execute each edit once', async () => {
      const open = newUser()
      const leads = { lead: async () => () => {} }
      // The server refuses a request while it executes the same one of the other tab (409).
      const one = await devices.open({ ...SOON, store: { ...(await open()), ...leads } })
      const { user } = one
      const other = await devices.open({ ...SOON, user, store: { ...(await open()), ...leads } })
      const recurrence = { rule: 'FREQ=DAILY', from: 'due' } as const
      const task = { title: 'Milk', due_date: '2026-12-01', recurrence }
      const [id = ''] = await one.apply({ edit: 'create', task })
      await other.until(other.sync.tasks, () => other.task(id) !== undefined)
      await other.apply({ edit: 'update', id, change: { title: 'Oat milk' } })
      await one.apply({ edit: 'complete', id, completed: true })
      await Promise.all([one.agrees(), other.agrees()])
      await one.apply({ edit: 'update', id, change: { title: 'Rice milk' } })
      await other.apply({ edit: 'update', id, change: { priority: 'high' } })
      await Promise.all([one.agrees(), other.agrees()])
      assert.deepEqual(one.titles(), ['Oat milk', 'Rice milk'])
      for (const { sync } of [one, other]) {
        assert.deepEqual([...sync.refusals.get(), ...sync.conflicts.get()], [])
      }
      await Promise.all([close(one), close(other)])
    })

    it('the leader tries again when the person signs in in the other one', async () => {
      const open = newUser()
      let isSignedIn = true
      const { app } = devices
      const user = `tabs-${kind}`
      const token = () => (isSignedIn ? app.token(user) : 'bad')
      const leader = await devices.open({ user, token, store: await open() })
      const follower = await devices.open({ user, store: await open(), state: 'follower' })
      isSignedIn = false
      await leader.apply({ edit: 'create', task: { title: 'Milk' } })
      await leader.is('signed-out')
      isSignedIn = true
      follower.sync.poke()
      await leader.agrees()
      await Promise.all([close(leader), close(follower)])
    })

    it('a store that is opened again has everything', async () => {
      const [leader, follower, open] = await openTabs()
      const [id = ''] = await leader.apply({ edit: 'create', task: { title: 'Milk', tags: ['a'] } })
      await leader.agrees()
      leader.goOffline()
      await leader.is('offline')
      await leader.apply({ edit: 'complete', id, completed: true })
      await Promise.all([close(leader), close(follower)])
      const again = await devices.open({ user: leader.user, store: await open() })
      await again.agrees()
      assert.equal(again.task(id)?.completed, true)
      await close(again)
    })
  })
}
