import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Dexie } from 'dexie'
import { dexieStore } from '../src/stores/dexie.ts'
import { NEW_META } from '../src/sync/store.ts'
import { createClient, TodoError } from '../src/transport/client.ts'
import { memoryStore, SharedMemory } from './support/device.ts'
import { SOON, useDevices } from './support/devices.ts'
import { standIn } from './support/stand-in.ts'

const NOTHING = { meta: null, rows: new Map(), operations: new Map() }

describe('a proxy', { timeout: 60_000 }, () => {
  const devices = useDevices()

  it('neither acknowledges a deletion by its 404, nor refuses an edit', async () => {
    const device = await devices.open(SOON)
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.agrees()
    let pages = 0
    device.wire = async ({ line }, send) => {
      if (line.startsWith('GET') || pages === 2) return send()
      pages += 1
      return new Response('<html>', { status: pages === 1 ? 404 : 403 })
    }
    await device.apply({ edit: 'delete', id })
    await device.agrees()
    assert.equal(pages, 2)
    assert.deepEqual(device.sync.refusals.get(), [])
    assert.deepEqual((await devices.elsewhere(device, 'GET', '')).json, [])
  })

  it('refuses what is too long for it', async () => {
    const device = await devices.open()
    device.wire = async ({ line }, send) =>
      line.startsWith('create') ? new Response('<html>', { status: 413 }) : send()
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    assert.equal((await device.refusal()).code, 'unexpected_response')
  })
})

it('a response that is no stream ends the changes, which are then polled', async () => {
  const page = JSON.stringify({ changes: [], token: '1', more: false })
  const baseUrl = await standIn((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(page)
  })
  const items = []
  for await (const item of createClient({ baseUrl, token: () => 'x' }).changes()) items.push(item)
  assert.deepEqual(
    items.map(({ token, live }) => [token, live]),
    [['1', false]],
  )
})

describe('a pause', () => {
  const wanted: Record<string, number | null> = {
    '': null,
    ' ': null,
    SOON: null,
    '-5': 0,
    '0': 0,
    '7': 7_000,
    '1e9': 3_600_000,
    Infinity: 3_600_000,
    'Wed, 21 Oct 2015 07:28:00 GMT': 0,
  }
  for (const [value, ms] of Object.entries(wanted)) {
    it(`of Retry-After "${value}" is ${ms}`, () => {
      const headers = new Headers({ date: 'Wed, 21 Oct 2020 07:28:00 GMT', 'retry-after': value })
      assert.equal(new TodoError({ status: 503, headers }, {}).retryAfterMs, ms)
    })
  }
})

describe('a store', { timeout: 60_000 }, () => {
  const devices = useDevices()

  it('that is emptied under a sync is read again as a whole', async () => {
    const shared = new SharedMemory()
    const device = await devices.open({ store: memoryStore(shared) })
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.agrees()
    Object.assign(shared, { meta: NEW_META })
    shared.rows.clear()
    await devices.elsewhere(device, 'POST', '', { body: { title: 'Bread' } })
    await device.until(device.sync.tasks, () => device.titles().includes('Bread'))
    await device.agrees()
    assert.deepEqual(device.titles(), ['Bread', 'Milk'])
  })

  it('in IndexedDB stays closed after another tab has deleted it', async () => {
    const name = 'todo-wire-deleted'
    const [one, other] = [await dexieStore({ name }), await dexieStore({ name })]
    await other.destroy()
    await assert.rejects(one.transact([], () => NOTHING))
    assert.equal(await Dexie.exists(name), false)
    await one.close()
  })

  it('in IndexedDB of a later form is not written by a tab of an earlier one', async () => {
    const name = 'todo-wire-form'
    const store = await dexieStore({ name })
    await store.transact([], () => ({ ...NOTHING, meta: NEW_META }))
    const db = await new Dexie(name).open()
    await db.table('meta').update('meta', { form: 99 })
    db.close()
    await assert.rejects(
      store.transact([], () => NOTHING),
      /later version/,
    )
    await store.close()
  })

  it('that cannot be led at first is led later', async () => {
    const store = memoryStore()
    let isFirst = true
    const lead: typeof store.lead = async (signal, follow) => {
      if (!isFirst) return store.lead(signal, follow)
      isFirst = false
      throw new TypeError('The lock is refused')
    }
    const device = await devices.open({ ...SOON, store: { ...store, lead } })
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.unsent(0)
    assert.deepEqual(device.titles(), ['Milk'])
    assert.match(String(device.errors.splice(0)), /The lock is refused/)
  })

  it('of a user is not sent with the token of another one', async () => {
    const { app } = devices
    let user = 'store-ann'
    const device = await devices.open({ user, token: () => app.token(user) })
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.agrees()
    user = 'store-bob'
    await device.apply({ edit: 'create', task: { title: 'Bread' } })
    await device.is('signed-out')
    assert.deepEqual((await app.send('GET', '/api/store-bob/tasks')).json, [])
    user = 'store-ann'
    device.sync.poke()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Bread', 'Milk'])
  })
})

describe('without a trash', { timeout: 60_000 }, () => {
  const devices = useDevices({ TRASH_DAYS: '0' })

  it('undo of a deletion brings children and later edits back under new ids', async () => {
    const device = await devices.open()
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Trip' } })
    await device.apply({ edit: 'create', task: { title: 'Tickets', parent_id: id } })
    await device.agrees()
    const { undo } = await device.sync.apply([{ edit: 'delete', id }])
    await device.agrees()
    await device.apply(...undo)
    const refusal = await device.refusal()
    await device.apply({ edit: 'complete', id, completed: true })
    await device.apply({ edit: 'create', task: { title: 'Hotel', parent_id: id } })
    await device.sync.retry(refusal.id)
    await device.agrees()
    assert.deepEqual(device.titles(), ['Hotel', 'Tickets', 'Trip'])
    assert.deepEqual(device.sync.refusals.get(), [])
    const all = [...device.sync.tasks.get().values()]
    const trip = all.find((task) => task.title === 'Trip')
    assert.equal(trip?.completed, true)
    assert.deepEqual(
      all.filter((task) => task.parent_id === trip?.id).map((task) => task.title),
      all.filter((task) => task !== trip).map((task) => task.title),
    )
  })
})
