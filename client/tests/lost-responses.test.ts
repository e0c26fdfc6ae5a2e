import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Edit } from '../src/sync/edit.ts'
import type { Device } from './support/device.ts'
import { title, useDevices } from './support/devices.ts'

const A_DAY_MS = 86_400_000

describe('an edit whose response is lost', { timeout: 60_000 }, () => {
  const devices = useDevices()
  const { openWithTask } = devices

  const change = (device: Device, id: string, body: object) =>
    devices.elsewhere(device, 'PATCH', `/${id}`, { body })
  interface Loss {
    readonly edit: (id: string) => Edit
    /** What someone else does before the device sends the edit again. */
    readonly later: (device: Device, id: string) => Promise<unknown>
    /** What the task is in the end; null if it is deleted. */
    readonly expected: object | null
  }

  interface Course {
    /** What is cut: the server has executed the edit, or not heard of it. */
    readonly at?: 'request' | 'response'
    /** What the device hears of first. */
    readonly first?: 'response' | 'feed'
    readonly now?: () => number
  }

  /** Cuts the request of an edit or its response, and lets the device send it again. */
  async function lose({ edit, later }: Omit<Loss, 'expected'>, course: Course) {
    const { at = 'response', first = 'feed', now } = course
    const [device, id] = await openWithTask({}, now && { now })
    await device.apply({ edit: 'create', task: { title: 'Bread' } })
    if (edit === restoration) await device.apply({ edit: 'delete', id })
    await device.agrees()
    const feed = device.hold(/changes/, 'response')
    const held = device.hold(/^(?!GET)/, at)
    await device.apply(edit(id))
    await held.reached
    device.goOffline()
    await later(device, id)
    held.cut()
    await device.is('offline')
    const again = device.hold(/^(?!GET)/)
    device.goOnline()
    if (first === 'feed') {
      feed.release()
      await device.is('live')
      again.release()
    } else {
      again.release()
      await device.until(device.sync.status, ({ unsent }) => unsent === 0)
      feed.release()
    }
    await device.unsent(0)
    return [device, id] as const
  }

  /** What a person is asked. */
  const asked = (device: Device) => [...device.sync.refusals.get(), ...device.sync.conflicts.get()]

  function assertTask(device: Device, id: string, expected: object | null): void {
    const task = device.task(id)
    assert.equal(task === undefined, expected === null)
    if (task === undefined) return
    const { title, priority, completed } = task
    const others = [...device.sync.tasks.get().values()].filter((other) => other !== task)
    const isFirst = others.every(({ position }) => position > task.position)
    const facts = { title, priority, completed, isFirst }
    assert.deepEqual({ ...facts, ...expected }, facts)
  }

  const update = (id: string) => title(id, 'Ours')
  const complete = (id: string): Edit => ({ edit: 'complete', id, completed: true })
  const move = (id: string): Edit => ({ edit: 'move', id, place: { to: 'top' } })
  const deletion = (id: string): Edit => ({ edit: 'delete', id })
  const restoration = (id: string): Edit => ({ edit: 'restore', id })

  const remove = (device: Device, id: string) => devices.elsewhere(device, 'DELETE', `/${id}`)
  const purge = async (device: Device, id: string) => {
    await remove(device, id)
    await devices.elsewhere(device, 'DELETE', `/trash/${id}`)
  }
  const restore = (device: Device, id: string) =>
    devices.elsewhere(device, 'POST', `/trash/${id}/restore`)
  const prioritize = (device: Device, id: string) => change(device, id, { priority: 'high' })

  const TAKEN_BACK: readonly Loss[] = [
    {
      edit: update,
      later: (device, id) => change(device, id, { title: 'Milk' }),
      expected: { title: 'Milk' },
    },
    {
      edit: complete,
      later: (device, id) => change(device, id, { completed: false }),
      expected: { completed: false },
    },
    {
      edit: move,
      later: (device, id) =>
        devices.elsewhere(device, 'POST', `/${id}/move`, { body: { to: 'bottom' } }),
      expected: { isFirst: false },
    },
    { edit: deletion, later: restore, expected: { title: 'Milk' } },
    { edit: restoration, later: remove, expected: null },
  ]
  const executed: Record<string, Loss> = {
    ...Object.fromEntries(TAKEN_BACK.map((loss) => [`${loss.edit('').edit} taken back`, loss])),
    'update of what changed': {
      ...{ edit: update, later: prioritize },
      expected: { title: 'Ours', priority: 'high' },
    },
    'update of what was deleted': { edit: update, later: remove, expected: null },
    'update of what was deleted permanently': { edit: update, later: purge, expected: null },
    'restore of what changed': {
      ...{ edit: restoration, later: prioritize },
      expected: { title: 'Milk', priority: 'high' },
    },
  }
  for (const [name, loss] of Object.entries(executed)) {
    for (const first of ['response', 'feed'] as const) {
      it(`is executed once: ${name}, and the ${first} comes first`, async () => {
        const [device, id] = await lose(loss, { first })
        await device.agrees()
        assert.deepEqual(asked(device), [])
        assertTask(device, id, loss.expected)
      })
    }
  }

  const CHANGED: readonly Loss[] = [
    { edit: update, later: prioritize, expected: { title: 'Ours', priority: 'high' } },
    { edit: complete, later: prioritize, expected: { completed: true, priority: 'high' } },
    { edit: move, later: prioritize, expected: { isFirst: true, priority: 'high' } },
  ]
  for (const loss of CHANGED) {
    it(`is executed later, after someone else’s: ${loss.edit('').edit}`, async () => {
      const [device, id] = await lose(loss, { at: 'request' })
      await device.agrees()
      assert.deepEqual(asked(device), [])
      assertTask(device, id, loss.expected)
    })
  }

  it('is a conflict if the server executes it after someone else’s of the same member', async () => {
    const later = (device: Device, id: string) => change(device, id, { title: 'Theirs' })
    const [device, id] = await lose({ edit: update, later }, { at: 'request' })
    await device.agrees()
    assert.equal(device.task(id)?.title, 'Ours')
    const [{ theirs, ours } = {}, ...others] = device.sync.conflicts.get()
    assert.deepEqual([theirs, ours, others], ['Theirs', 'Ours', []])
  })

  it('of a recurring task completes it once, and shows the next occurrence', async () => {
    const recurring = {
      ...{ due_date: '2026-12-01', recurrence: { rule: 'FREQ=WEEKLY', from: 'due' } },
    }
    const [device, id] = await openWithTask(recurring)
    const held = device.hold(/^complete/, 'response')
    await device.apply(complete(id))
    await held.reached
    held.cut()
    await device.is('offline')
    device.sync.poke()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Milk', 'Milk'])
    assert.deepEqual(asked(device), [])
  })

  it('does not hide what someone restored before the response to its deletion', async () => {
    const [device, id] = await openWithTask()
    const held = device.hold(/^delete/, 'response')
    await device.apply({ edit: 'delete', id })
    await held.reached
    await restore(device, id)
    await change(device, id, { priority: 'high' })
    await devices.elsewhere(device, 'POST', '', { body: { title: 'Last' } })
    await device.until(device.sync.tasks, () => device.titles().includes('Last'))
    held.release()
    await device.agrees()
    assert.equal(device.task(id)?.priority, 'high')
  })

  describe('and that is sent again after the server has forgotten its key', () => {
    const nothing = async () => {}

    function loseForLong(loss: Omit<Loss, 'expected'>, course: Course = {}, ms = A_DAY_MS) {
      let now = Date.now()
      const later = async (device: Device, id: string) => {
        await loss.later(device, id)
        const forget = 'delete from todo.idempotency_keys where user_id = $1'
        await devices.app.admin(forget, [device.user])
        now += ms
      }
      return lose({ ...loss, later }, { ...course, now: () => now })
    }

    for (const edit of [update, complete, deletion]) {
      for (const first of ['response', 'feed'] as const) {
        const { edit: name } = edit('')
        it(`is done if nobody changed the task: ${name}, and the ${first} comes first`, async () => {
          const [device] = await loseForLong({ edit, later: nothing }, { first })
          await device.agrees()
          assert.deepEqual(asked(device), [])
        })
      }
    }

    for (const loss of TAKEN_BACK) {
      for (const ms of [A_DAY_MS, -A_DAY_MS]) {
        const { edit: name } = loss.edit('')
        it(`waits for a person if someone took it back: ${name}, ${ms} ms later`, async () => {
          const [device, id] = await loseForLong(loss, {}, ms)
          const refusal = await device.refusal()
          assert.deepEqual([refusal.edit, refusal.code], [name, 'changed'])
          await device.sync.discard(refusal.id)
          await device.agrees()
          assertTask(device, id, loss.expected)
        })
      }
    }

    it('is sent if the person wants that', async () => {
      const later = (device: Device, id: string) => change(device, id, { title: 'Theirs' })
      const [device, id] = await loseForLong({ edit: update, later })
      await device.sync.retry((await device.refusal()).id)
      await device.agrees()
      assertTask(device, id, { title: 'Ours' })
      assert.equal(device.sync.conflicts.get()[0]?.theirs, 'Theirs')
    })

    it('waits for a person if it is a restoration, whose retry finds it done', async () => {
      const [device, id] = await loseForLong({ edit: restoration, later: nothing })
      await device.sync.retry((await device.refusal()).id)
      await device.agrees()
      assertTask(device, id, { title: 'Milk' })
    })
  })
})
