import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Edit } from '../src/sync/edit.ts'
import { problem } from './support/device.ts'
import { title, useDevices } from './support/devices.ts'

describe('an edit in the outbox', { timeout: 60_000 }, () => {
  const devices = useDevices()
  const { openWithTask } = devices

  it('is shown at once, waits without connection, and is sent when there is one', async () => {
    const device = await devices.open()
    device.goOffline()
    await device.is('offline')
    const [id = ''] = await device.apply({
      ...{ edit: 'create', task: { title: ' Milk ', tags: ['a', 'A '], priority: 'high' } },
    })
    const { title, saved, tags, priority, completed } = device.task(id) ?? {}
    assert.deepEqual(
      { title, saved, tags, priority, completed },
      { title: 'Milk', saved: 'unsent', tags: ['a'], priority: 'high', completed: false },
    )
    assert.equal(device.sync.status.get().unsent, 1)
    device.goOnline()
    await device.agrees()
    assert.equal(device.task(id)?.saved, 'saved')
  })

  it('may have the longest texts that a task can have', async () => {
    const device = await devices.open()
    const task = { title: '𝄞'.repeat(500), description: '\u0001𝄞'.repeat(8_192) }
    const [id = ''] = await device.apply({ edit: 'create', task })
    await device.apply({ edit: 'update', id, change: { description: '𝄞'.repeat(16_384) } })
    await device.agrees()
    assert.deepEqual(device.sync.refusals.get(), [])
  })

  it('is folded into an earlier one that was not sent', async () => {
    const [device, id] = await openWithTask()
    device.goOffline()
    await device.is('offline')
    await device.apply(title(id, 'Oat'), { edit: 'update', id, change: { priority: 'low' } })
    await device.apply(title(id, 'Oat milk'))
    await device.unsent(1)
    const [other = ''] = await device.apply({ edit: 'create', task: { title: 'Bread' } })
    await device.apply(title(other, 'Rye bread'))
    await device.unsent(2)
    await device.apply(
      { edit: 'complete', id, completed: true },
      { edit: 'complete', id, completed: false },
      { edit: 'move', id, place: { to: 'bottom' } },
      { edit: 'move', id, place: { to: 'top' } },
    )
    await device.unsent(3)
    device.goOnline()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Oat milk', 'Rye bread'])
    assert.deepEqual(
      device.writes.map((line) => line.replace(id, 'id').replace(other, 'other')).sort(),
      ['create other', 'move id', 'update id'],
    )
  })

  const takenBack: Record<string, (id: string) => Edit> = {
    'an update': (id) => title(id, 'Oat'),
    'a completion': (id) => ({ edit: 'complete', id, completed: true }),
    'a deletion': (id) => ({ edit: 'delete', id }),
    'a new task': () => ({ edit: 'create', task: { title: 'Bread' } }),
  }
  for (const [name, edit] of Object.entries(takenBack)) {
    it(`takes back ${name} that was not sent, by its undo`, async () => {
      const [device, id] = await openWithTask()
      const before = device.sync.tasks.get()
      device.goOffline()
      await device.is('offline')
      const { undo } = await device.sync.apply([edit(id)])
      await device.unsent(1)
      await device.apply(...undo)
      await device.unsent(0)
      assert.deepEqual(device.sync.tasks.get(), before)
      device.goOnline()
      await device.agrees()
      assert.deepEqual(device.writes, [])
    })

    it(`takes back ${name} that was sent, by its undo`, async () => {
      const [device, id] = await openWithTask()
      const { undo } = await device.sync.apply([edit(id)])
      await device.agrees()
      await device.apply(...undo)
      await device.agrees()
      assert.deepEqual(device.titles(), ['Milk'])
      assert.equal(device.task(id)?.completed, false)
    })

    it(`takes back ${name} whose request is in progress, by its undo`, async () => {
      const [device, id] = await openWithTask()
      const held = device.hold(/^(?!GET)/)
      const { undo } = await device.sync.apply([edit(id)])
      await held.reached
      await device.apply(...undo)
      await device.unsent(2)
      assert.deepEqual(device.titles(), ['Milk'])
      held.release()
      await device.agrees()
      assert.deepEqual(device.titles(), ['Milk'])
      assert.equal(device.task(id)?.completed, false)
      assert.equal(device.writes.length, 2)
    })
  }

  it('puts a new task back that was deleted before it was sent, with its children', async () => {
    const device = await devices.open()
    device.goOffline()
    await device.is('offline')
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Trip' } })
    await device.apply({ edit: 'create', task: { title: 'Tickets', parent_id: id } })
    const { undo } = await device.sync.apply([{ edit: 'delete', id }])
    assert.equal(device.sync.tasks.get().size, 0)
    await device.unsent(0)
    await device.apply(...undo)
    device.goOnline()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Tickets', 'Trip'])
  })

  it('is not sent if the server has its values already', async () => {
    const [device, id] = await openWithTask()
    device.goOffline()
    await device.is('offline')
    await device.apply(title(id, 'Oat'), { edit: 'complete', id, completed: true })
    const body = { title: 'Oat', completed: true }
    await devices.elsewhere(device, 'PATCH', `/${id}`, { body })
    const held = device.hold(/^update/)
    device.goOnline()
    // The feed or the response comes first.
    held.release()
    await device.agrees()
    assert.ok(device.writes.length <= 1, device.writes.join())
    assert.deepEqual(device.sync.conflicts.get(), [])
  })

  it('is merged with the change of another device, member by member', async () => {
    const [device, id] = await openWithTask({ description: 'Two' })
    device.goOffline()
    await device.is('offline')
    const change = {
      title: 'Ours',
      description: 'Ours too',
      priority: 'high',
      tags: ['a'],
    } as const
    await device.apply({ edit: 'update', id, change: { ...change, tags: ['a'] } })
    const theirs = {
      title: 'Theirs',
      description: 'Theirs too',
      priority: 'high',
      due_date: '2026-12-01',
    }
    await devices.elsewhere(device, 'PATCH', `/${id}`, { body: theirs })
    // The device does not know of it when it sends.
    const feed = device.hold(/changes/)
    device.goOnline()
    await device.unsent(0)
    assert.deepEqual(device.writes.length, 2)
    feed.release()
    await device.agrees()
    const { title, description, priority, tags, due_date } = device.task(id) ?? {}
    assert.deepEqual(
      { title, description, priority, tags, due_date },
      {
        ...{ title: 'Ours', description: 'Theirs too\n\nOurs too', priority: 'high', tags: ['a'] },
        due_date: '2026-12-01',
      },
    )
    const conflicts = device.sync.conflicts.get()
    assert.deepEqual(conflicts.map(({ member, ours, theirs }) => [member, ours, theirs]).sort(), [
      ['description', 'Ours too', 'Theirs too'],
      ['title', 'Ours', 'Theirs'],
    ])
    for (const conflict of conflicts) {
      assert.equal(conflict.taskId, id)
      await device.sync.dismiss(conflict.id)
    }
    assert.deepEqual(device.sync.conflicts.get(), [])
  })

  it('follows a description that was joined with the one of another device', async () => {
    const [device, id] = await openWithTask()
    device.goOffline()
    await device.is('offline')
    await device.apply({ edit: 'update', id, change: { description: 'Ours' } })
    await devices.elsewhere(device, 'PATCH', `/${id}`, { body: { description: 'Theirs' } })
    const held = device.hold(/^update/, 'response')
    device.goOnline()
    await held.reached
    await device.apply({ edit: 'update', id, change: { description: 'Ours, more' } })
    held.release()
    await device.agrees()
    assert.equal(device.task(id)?.description, 'Ours, more')
    assert.deepEqual(
      device.sync.conflicts.get().map(({ theirs }) => theirs),
      ['Theirs'],
    )
  })

  it('is merged in the same way if the feed tells of the other change first', async () => {
    const [device, id] = await openWithTask()
    device.goOffline()
    await device.is('offline')
    await device.apply(title(id, 'Ours'))
    await devices.elsewhere(device, 'PATCH', `/${id}`, { body: { title: 'Theirs' } })
    const held = device.hold(/^update/)
    device.goOnline()
    await device.is('live')
    held.release()
    await device.agrees()
    assert.equal(device.task(id)?.title, 'Ours')
    assert.equal(device.sync.conflicts.get()[0]?.theirs, 'Theirs')
  })

  it('is no conflict with an earlier edit of the same person', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^update/)
    await device.apply(title(id, 'Oat milk'))
    await held.reached
    await device.apply(title(id, 'Milk'))
    await device.apply(title(id, 'Bread'))
    held.release()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Bread'])
    assert.deepEqual(device.sync.conflicts.get(), [])
  })

  it('is done if a deletion finds the task deleted', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^delete/)
    await device.apply({ edit: 'delete', id })
    await held.reached
    await devices.elsewhere(device, 'DELETE', `/${id}`)
    held.release()
    await device.agrees()
    assert.deepEqual(device.sync.refusals.get(), [])
  })

  it('is done if a restored task is alive already', async () => {
    const [device, id] = await openWithTask()
    await device.apply({ edit: 'delete', id })
    await device.agrees()
    const held = device.hold(/^restore/)
    await device.apply({ edit: 'restore', id })
    assert.equal(device.task(id)?.title, 'Milk')
    await held.reached
    await devices.elsewhere(device, 'POST', `/trash/${id}/restore`)
    held.release()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Milk'])
  })

  it('of a deletion asks nothing because of an edit that was never sent', async () => {
    const [device, id] = await openWithTask()
    await device.apply({ edit: 'delete', id })
    while ((await device.store.read([id])).rows.length > 0) await setImmediate()
    const held = device.hold(/^restore/)
    await device.apply({ edit: 'restore', id })
    await held.reached
    await device.apply({ edit: 'update', id, change: { parent_id: id } }, { edit: 'delete', id })
    held.release()
    await device.agrees()
    assert.deepEqual(device.titles(), [])
    assert.deepEqual(device.sync.refusals.get(), [])
  })

  it('of a deletion keeps the restored task in the list when the feed tells of the deletion', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^restore/)
    await device.apply({ edit: 'delete', id })
    await device.apply({ edit: 'restore', id })
    await held.reached
    const isTold = async () => (await device.store.read([id])).rows[0]?.gone?.isConfirmed
    while (!(await isTold())) await setImmediate()
    const missing: unknown[] = []
    device.sync.tasks.subscribe(() => device.task(id) ?? missing.push(id))
    held.release()
    await device.agrees()
    assert.deepEqual([device.titles(), missing], [['Milk'], []])
  })

  it('is refused with TypeError for a task that the device does not have, and all with it', async () => {
    const [device, id] = await openWithTask()
    const unknown = crypto.randomUUID()
    const wrong: Edit[] = [
      title(unknown, 'Oat'),
      { edit: 'delete', id: unknown },
      { edit: 'move', id, place: { after: unknown } },
      { edit: 'create', task: { title: 'Child', parent_id: unknown } },
      { edit: 'create', task: { title: 'Twin', id } },
    ]
    for (const edit of wrong) {
      await assert.rejects(device.sync.apply([title(id, 'Oat'), edit]), TypeError)
    }
    assert.deepEqual(device.titles(), ['Milk'])
    assert.deepEqual(device.writes, [])
  })

  describe('that the server does not take now', () => {
    const temporary: Record<string, () => Response> = {
      '429': () => problem(429, 'too_many_requests', { 'retry-after': '7' }),
      '503': () => problem(503, 'service_unavailable', { 'retry-after': '7' }),
      '502 of a proxy': () => new Response('<html>', { status: 502 }),
      '408': () => problem(408, 'request_timeout'),
      '409 in progress': () => problem(409, 'conflict', { 'retry-after': '7' }),
      '500 once': () => problem(500, 'internal_error'),
    }
    for (const [name, response] of Object.entries(temporary)) {
      it(`is sent again, as it was: ${name}`, async () => {
        const slept: number[] = []
        const failed = Promise.withResolvers<void>()
        const device = await devices.open({
          sleep: (ms) => {
            slept.push(ms)
            failed.resolve()
            return new Promise(() => {})
          },
        })
        let isFirst = true
        device.wire = async ({ line }, send) => {
          if (!line.startsWith('create') || !isFirst) return send()
          isFirst = false
          return response()
        }
        const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Milk' } })
        await failed.promise
        await device.apply(title(id, 'Oat milk'))
        await device.unsent(2)
        device.sync.poke()
        await device.agrees()
        const posts = device.seen.filter(({ line }) => line.startsWith('create'))
        assert.equal(posts.length, 2)
        assert.deepEqual(posts[0]?.body, posts[1]?.body)
        const keys = posts.map(({ headers }) => headers.get('idempotency-key'))
        assert.equal(keys[0], keys[1])
        const retryAfter = response().headers.get('retry-after')
        const [least, most] = retryAfter ? [7_000, 10_500] : [1_000, 1_500]
        assert.ok(
          slept.every((ms) => ms >= least && ms <= most),
          slept.join(),
        )
        assert.deepEqual(device.titles(), ['Oat milk'])
      })
    }

    it('waits longer each time without a response, at most 90 s', async () => {
      const slept: number[] = []
      const device = await devices.open({
        sleep: async (ms) => {
          slept.push(ms)
          if (slept.length === 20) device.goOnline()
        },
      })
      device.goOffline()
      await device.apply({ edit: 'create', task: { title: 'Milk' } })
      await device.agrees()
      const [first = 0] = slept
      assert.ok(first >= 1_000 && first <= 1_500)
      assert.ok(slept.every((ms) => ms <= 90_000))
      assert.ok(slept.some((ms) => ms >= 60_000))
    })
  })
})
