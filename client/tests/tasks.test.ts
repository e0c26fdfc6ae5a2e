import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createAccounts, memorySession } from '../src/transport/accounts.ts'
import { useDevices } from './support/devices.ts'

const WEEKLY = { due_date: '2026-12-01', recurrence: { rule: 'FREQ=WEEKLY', from: 'due' } } as const

describe('tasks that depend on each other', { timeout: 60_000 }, () => {
  const devices = useDevices()

  it('a recurring one is completed, and opened again by undo', async () => {
    const device = await devices.open()
    const task = { title: 'Water', ...WEEKLY }
    const [id = ''] = await device.apply({ edit: 'create', task })
    const { undo } = await device.sync.apply([{ edit: 'complete', id, completed: true }])
    await device.until(device.sync.tasks, (tasks) => tasks.size === 2)
    await device.agrees()
    await device.apply(...undo)
    await device.until(device.sync.tasks, (tasks) => tasks.size === 1)
    await device.agrees()
    assert.equal(device.task(id)?.completed, false)
  })

  it('a recurring one is completed once if both devices complete it', async () => {
    const one = await devices.open()
    const other = await devices.another(one)
    const [id = ''] = await one.apply({ edit: 'create', task: { title: 'Water', ...WEEKLY } })
    await other.until(other.sync.tasks, (tasks) => tasks.has(id))
    for (const device of [one, other]) {
      device.goOffline()
      await device.apply({ edit: 'complete', id, completed: true })
    }
    for (const device of [one, other]) {
      device.goOnline()
      await device.unsent(0)
    }
    await one.agrees()
    await other.agrees()
    assert.equal(one.sync.tasks.get().size, 2)
  })

  it('children are created after their parent, and moves after their neighbours', async () => {
    const device = await devices.open()
    device.goOffline()
    await device.is('offline')
    const [parent = '', first = '', second = ''] = await device.apply(
      { edit: 'create', task: { title: 'Trip' } },
      { edit: 'create', task: { title: 'First' } },
      { edit: 'create', task: { title: 'Second' } },
    )
    await device.apply(
      { edit: 'create', task: { title: 'Tickets', parent_id: parent } },
      { edit: 'update', id: first, change: { parent_id: parent } },
      { edit: 'move', id: second, place: { after: parent } },
    )
    const shown = inOrder()
    assert.deepEqual(shown, ['Tickets', 'First', 'Trip', 'Second'])
    device.goOnline()
    await device.agrees()
    assert.deepEqual(inOrder(), shown)
    assert.equal(device.task(first)?.parent_id, parent)

    function inOrder(): string[] {
      const tasks = [...device.sync.tasks.get().values()]
      return tasks.sort((a, b) => (a.position < b.position ? -1 : 1)).map(({ title }) => title)
    }
  })

  it('moves come out as they are shown, and undo moves back', async () => {
    const device = await devices.open()
    const ids = await device.apply(
      ...['a', 'b', 'c', 'd'].map((title) => ({ edit: 'create', task: { title } }) as const),
    )
    await device.agrees()
    const [a = '', b = '', c = '', d = ''] = ids
    const shown = () =>
      [...device.sync.tasks.get().values()]
        .sort((x, y) => (x.position < y.position ? -1 : 1))
        .map(({ title }) => title)
        .join('')
    assert.equal(shown(), 'dcba')
    const moves = [
      [{ edit: 'move', id: a, place: { before: c } }, 'dacb'],
      [{ edit: 'move', id: d, place: { after: c } }, 'acdb'],
      [{ edit: 'move', id: c, place: { to: 'top' } }, 'cadb'],
      [{ edit: 'move', id: a, place: { to: 'bottom' } }, 'cdba'],
      [{ edit: 'move', id: b, place: { before: c } }, 'bcda'],
    ] as const
    for (const [move, expected] of moves) {
      const before = shown()
      const { undo } = await device.sync.apply([move])
      assert.equal(shown(), expected)
      await device.agrees()
      assert.equal(shown(), expected)
      await device.apply(...undo)
      assert.equal(shown(), before)
      await device.agrees()
      assert.equal(shown(), before)
      await device.apply(move)
    }
  })

  it('a parent takes its children to the trash and brings them back, also before the server', async () => {
    const device = await devices.open()
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Trip' } })
    const child = { edit: 'create', task: { title: 'Tickets', parent_id: id } } as const
    await device.apply(child)
    await device.agrees()
    const held = device.hold(/^delete/)
    const { undo } = await device.sync.apply([{ edit: 'delete', id }])
    assert.deepEqual(device.titles(), [])
    await held.reached
    held.release()
    await device.agrees()
    await device.apply(...undo)
    await device.agrees()
    assert.deepEqual(device.titles(), ['Tickets', 'Trip'])
  })

  it('a task below one that was never sent is deleted with it, and comes back by undo', async () => {
    const device = await devices.open()
    const [child = ''] = await device.apply({ edit: 'create', task: { title: 'Tickets' } })
    await device.agrees()
    device.goOffline()
    await device.is('offline')
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Trip' } })
    await device.apply({ edit: 'update', id: child, change: { parent_id: id, priority: 'low' } })
    const { undo } = await device.sync.apply([{ edit: 'delete', id }])
    assert.deepEqual(device.titles(), [])
    await device.apply(...undo)
    assert.deepEqual(device.titles(), ['Tickets', 'Trip'])
    device.goOnline()
    await device.agrees()
    const { parent_id: parent, priority } = device.task(child) ?? {}
    assert.deepEqual({ parent, priority }, { parent: id, priority: 'low' })
  })

  it('a task in the trash that this device has never seen can be restored', async () => {
    const one = await devices.open()
    const [id = ''] = await one.apply({ edit: 'create', task: { title: 'Milk' } })
    await one.apply({ edit: 'delete', id })
    await one.agrees()
    const other = await devices.another(one)
    await other.apply({ edit: 'restore', id })
    await other.agrees()
    assert.deepEqual(other.titles(), ['Milk'])
  })
})

describe('an account', { timeout: 60_000 }, () => {
  const devices = useDevices({ ACCOUNT_LIMITS: 'off' })

  it('that is deleted elsewhere signs the device out, and keeps its tasks', async () => {
    const baseUrl = `http://127.0.0.1:${devices.app.port}`
    const accounts = createAccounts({ baseUrl, session: memorySession() })
    const person = { name: 'Ann', email: 'ann@example.com', password: 'correct horse battery' }
    const { user } = await accounts.signUp(person)
    const device = await devices.open({ user: user.id, token: accounts.token })
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.agrees()
    await accounts.deleteAccount({ password: person.password })
    await device.apply({ edit: 'create', task: { title: 'Bread' } })
    await device.is('signed-out')
    assert.deepEqual(device.titles(), ['Bread', 'Milk'])
    await device.unsent(1)
  })
})
