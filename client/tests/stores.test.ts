import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, describe, it } from 'node:test'
import { Dexie } from 'dexie'
import { dexieStore } from '../src/stores/dexie.ts'
import type { Operation } from '../src/sync/operation.ts'
import { type Changes, NEW_META, type Row, type Store, type TaskIds } from '../src/sync/store.ts'
import { KINDS } from './support/kinds.ts'

const NOTHING: Changes = { meta: null, rows: new Map(), operations: new Map() }
const row = (id: string): Row => ({ id, base: null, gone: null, generation: 1 })
const operation = (id: string, taskId: string, order: number): Operation => ({
  ...{ id, taskId, order, edit: 'delete', seen: [], state: 'queued', names: [], title: '', at: '' },
})
const puts = (...rows: Row[]): Changes => ({
  ...NOTHING,
  rows: new Map(rows.map((each) => [each.id, each])),
})

for (const [kind, newUser] of Object.entries(KINDS)) {
  describe(`the store over ${kind}`, { timeout: 30_000 }, () => {
    const opened: Store[] = []
    after(() => Promise.all(opened.map((store) => store.close())))
    const openTabs = async (count: number) => {
      const open = newUser()
      const tabs = await Promise.all(Array.from({ length: count }, open))
      opened.push(...tabs)
      return tabs as [Store, Store, Store]
    }

    it('is empty at first, and keeps what transactions write, for all tabs', async () => {
      const [one, other] = await openTabs(2)
      assert.deepEqual(await one.read('all'), { meta: NEW_META, rows: [], operations: [] })
      await one.transact([], () => ({
        meta: { ...NEW_META, token: 'abc' },
        rows: puts(row('a'), row('b')).rows,
        operations: new Map([['1', operation('1', 'a', 1)]]),
      }))
      const all = await other.read('all')
      assert.equal(all.meta.token, 'abc')
      assert.deepEqual(all.rows, [row('a'), row('b')])
      const onlyA = { meta: all.meta, rows: [row('a')], operations: [operation('1', 'a', 1)] }
      assert.deepEqual(await other.read(['a', 'c']), onlyA)
      assert.deepEqual((await other.read(['b'])).operations, [])
      await other.transact(['a'], () => ({
        ...NOTHING,
        rows: new Map([['a', null]]),
        operations: new Map([['1', null]]),
      }))
      assert.deepEqual(await one.read('all'), { ...all, rows: [row('b')], operations: [] })
    })

    it('writes nothing if the step throws, and rejects with its error', async () => {
      const [store] = await openTabs(1)
      const wrong = new TypeError('wrong')
      await assert.rejects(
        store.transact('all', () => {
          throw wrong
        }),
        (error) => error === wrong,
      )
      assert.deepEqual((await store.read('all')).rows, [])
      await store.transact('all', () => puts(row('a')))
      assert.deepEqual((await store.read('all')).rows, [row('a')])
    })

    it('runs transactions of all tabs one after the other', async () => {
      const tabs = await openTabs(2)
      const count = (store: Store) =>
        store.transact([], ({ meta }) => ({
          ...NOTHING,
          meta: { ...meta, nextOrder: meta.nextOrder + 1 },
        }))
      await Promise.all(Array.from({ length: 20 }, (_, n) => count(tabs[n % 2 === 0 ? 0 : 1])))
      assert.equal((await tabs[0].read([])).meta.nextOrder, 21)
    })

    it('tells the other tabs which tasks changed, and not the own', async () => {
      const [one, other] = await openTabs(2)
      const heard: TaskIds[] = []
      const events = new EventTarget()
      one.subscribe(() => assert.fail('told the own tab'))
      const end = other.subscribe((ids) => {
        heard.push(ids)
        events.dispatchEvent(new Event('told'))
      })
      const told = once(events, 'told')
      await one.transact(['a', 'b'], () => puts(row('a')))
      await told
      assert.deepEqual(heard, [['a', 'b']])
      end()
    })

    it('lets one tab lead, and another when that ends', async () => {
      const [one, other, third] = await openTabs(3)
      const { signal } = new AbortController()
      const release = await one.lead(signal, () => assert.fail('nobody else leads'))
      const following = Promise.withResolvers<void>()
      const next = other.lead(signal, following.resolve)
      await following.promise
      const impatient = new AbortController()
      const waits = Promise.withResolvers<void>()
      const aborted = third.lead(impatient.signal, waits.resolve)
      await waits.promise
      impatient.abort(new Error('closed'))
      await assert.rejects(aborted, { message: 'closed' })
      release()
      ;(await next)()
      ;(await third.lead(signal, () => {}))()
    })

    it('refuses everything when it is closed', async () => {
      const [store] = await openTabs(1)
      await store.close()
      await assert.rejects(store.read('all'))
      await assert.rejects(store.transact([], () => NOTHING))
    })

    it('is empty again after destroy', async () => {
      const open = newUser()
      const store = await open()
      await store.transact([], () => puts(row('a')))
      await store.destroy()
      const again = await open()
      opened.push(again)
      assert.deepEqual((await again.read('all')).rows, [])
    })
  })
}

describe('the store over Dexie', () => {
  it('drops the rows of another form, and keeps the operations', async () => {
    const name = 'todo-test-form'
    const store = await dexieStore({ name })
    await store.transact([], () => ({
      meta: { ...NEW_META, token: 'abc', loaded: true, nextOrder: 7 },
      rows: puts(row('a')).rows,
      operations: new Map([['1', operation('1', 'a', 1)]]),
    }))
    await store.close()
    await setForm(name, 0)
    const again = await dexieStore({ name })
    assert.deepEqual(await again.read('all'), {
      meta: { ...NEW_META, nextOrder: 7 },
      rows: [],
      operations: [operation('1', 'a', 1)],
    })
    await again.close()
    await setForm(name, 99)
    await assert.rejects(dexieStore({ name }), /later version/)
  })

  it('rejects if the browser blocks IndexedDB', async () => {
    const { indexedDB } = Dexie.dependencies
    Dexie.dependencies.indexedDB = {
      open() {
        throw new DOMException('denied', 'SecurityError')
      },
    } as unknown as typeof indexedDB // all that it is asked for
    try {
      await assert.rejects(dexieStore({ name: 'todo-test-blocked' }))
    } finally {
      Dexie.dependencies.indexedDB = indexedDB
    }
  })
})

async function setForm(name: string, form: number): Promise<void> {
  const db = await new Dexie(name).open()
  await db.table('meta').update('meta', { form })
  db.close()
}
