import fc from 'fast-check'
import type { TestApp } from '../../../backend/tests/support/app.ts'
import type { Edit } from '../../src/sync/edit.ts'
import type { LocalTask } from '../../src/sync/local-task.ts'
import { isEqual } from '../../src/sync/merge.ts'
import { nextOperations } from '../../src/sync/operation.ts'
import type { Task, TaskChange, TaskMember } from '../../src/task.ts'
import { Device, memoryStore, plain, problem, SharedMemory, sorted, until } from './device.ts'
import { FragileStore } from './fragile-store.ts'
import { judge, judgeQuestions, newRecord, noteEditor, noteReturn, type Record } from './record.ts'

/** Longer than anything takes. */
const PATIENCE_MS = 20_000

/** Is no device. */
const LATER = -1

/** What happens to a request: it is cut, its response is lost, or the program ends when the response arrives. */
type Fate = 'pass' | 'before' | 'after' | 'crash' | 'expired'

type Action =
  | { readonly act: 'create'; readonly below: number | null }
  | {
      readonly act: 'title' | 'bad' | 'description' | 'date' | 'complete' | 'recur'
      readonly at: number
    }
  | { readonly act: 'delete'; readonly at: number }
  | { readonly act: 'move' | 'nest'; readonly at: number; readonly by: number }
  | { readonly act: 'undo'; readonly at: number }
  | { readonly act: 'retry' | 'discard'; readonly at: number }
  | { readonly act: 'offline' | 'online' | 'restart' | 'settle' }
  | { readonly act: 'cut'; readonly fates: readonly Fate[] }
  | { readonly act: 'wait'; readonly ticks: number }

export interface Step {
  readonly device: number
  readonly action: Action
}

type Update = Extract<Edit, { edit: 'update' }>

/** The same few tasks are edited often. */
const index = fc.nat(3)
const fate = fc.constantFrom<Fate>('pass', 'before', 'after', 'crash', 'expired')
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ act: fc.constant('create'), below: fc.option(index) }) },
  {
    weight: 14,
    arbitrary: fc.record({
      act: fc.constantFrom('title', 'title', 'bad', 'description', 'date', 'complete', 'recur'),
      at: index,
    }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('delete'), at: index }) },
  {
    weight: 4,
    arbitrary: fc.record({ act: fc.constantFrom('move', 'nest'), at: index, by: index }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('undo'), at: index }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('retry', 'discard'), at: index }) },
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constantFrom('offline', 'online', 'online', 'restart', 'settle'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ act: fc.constant('cut'), fates: fc.array(fate, { maxLength: 4 }) }),
  },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('wait'), ticks: fc.nat(30) }) },
) as fc.Arbitrary<Action> // the records have the members of their actions

/** @returns random histories of the devices of one user. */
export const histories = (devices: number, maxLength: number): fc.Arbitrary<Step[]> =>
  fc.array(fc.record({ device: fc.nat(devices - 1), action }), {
    ...{ minLength: 1, maxLength, size: 'max' },
  })

/** Plays a history against the server. @throws if a device or the server differs, or an edit is lost. */
export async function play(
  app: TestApp,
  user: string,
  count: number,
  steps: readonly Step[],
): Promise<void> {
  const record = newRecord()
  const actors = Array.from({ length: count }, (_, n) => new Actor(app, user, n, record))
  const list = async () => sorted((await app.send('GET', `/api/${user}/tasks`)).json)
  const settle = async () => {
    for (const actor of actors) await actor.heal()
    for (const actor of actors) await actor.idle()
    const tasks = await list()
    for (const actor of actors) await actor.agree(tasks)
  }
  try {
    for (const { device, action } of steps) {
      if (action.act === 'settle') await settle()
      else await actors[device]?.act(action)
    }
    await settle()
    // What waits behind a refused operation may be refused as well.
    for (const _ of [1, 2, 3, 4, 5]) {
      for (const actor of actors) await actor.discardAll()
      await settle()
    }
    for (const actor of actors) actor.finish()
    const rows = await app.admin('select id from todo.tasks where user_id = $1', [user])
    judge(record, await list(), new Set(rows.map(({ id }) => String(id))))
  } finally {
    await Promise.all(actors.map((actor) => actor.end()))
  }
}

/** A person with a device, whose program may end at any time. */
class Actor {
  device: Device
  readonly #app: TestApp
  readonly #user: string
  readonly #number: number
  readonly #record: Record
  readonly #memory = new SharedMemory()
  readonly #undos: (readonly Edit[])[] = []
  #store: FragileStore
  #fates: Fate[] = []
  #isOnline = true
  #isHealed = false
  #online = Promise.withResolvers<void>()
  #edits = 0

  constructor(app: TestApp, user: string, number: number, record: Record) {
    this.#app = app
    this.#user = user
    this.#number = number
    this.#record = record
    this.#store = new FragileStore(memoryStore(this.#memory))
    this.device = this.#start()
  }

  #start(): Device {
    const store = new FragileStore(memoryStore(this.#memory))
    this.#store = store
    const device = new Device(this.#app, {
      user: this.#user,
      store,
      // The clocks are days apart, and go backwards.
      now: () => 1_700_000_000_000 + this.#number * 86_400_000 - this.#edits * 1_000,
      sleep: () => this.#sleep(store),
    })
    device.wire = async ({ line }, send) => {
      const fate = this.#fates.shift() ?? 'pass'
      if (fate === 'before') throw new TypeError('The request is cut')
      if (fate === 'expired' && line.includes('since=')) return problem(410, 'sync_expired')
      const response = await send()
      if (this.#isHealed) return response
      if (fate === 'crash') store.break()
      if (fate === 'crash' || fate === 'after') throw new TypeError('The response is cut')
      return response
    }
    if (!this.#isOnline) device.goOffline()
    return device
  }

  /** Time passes at once, unless nothing can happen. */
  #sleep(store: FragileStore): Promise<void> {
    if (store.isBroken) return new Promise(() => {})
    return this.#isOnline ? ticks(1) : this.#online.promise
  }

  async act(action: Exclude<Action, { act: 'settle' }>): Promise<void> {
    if (this.#store.isBroken) await this.#restart()
    this.#isHealed = false
    const unique = `<${this.#number}-${this.#edits}>`
    switch (action.act) {
      case 'create': {
        const below = action.below === null ? undefined : this.#pick(action.below, true)
        const task = { title: `new ${unique}`, ...(below && { parent_id: below.id }) }
        return this.#edit([{ edit: 'create', task }])
      }
      case 'title':
        return this.#update(action.at, { title: unique })
      case 'bad':
        return this.#update(action.at, { title: unique + 'x'.repeat(500) })
      case 'description':
        return this.#update(action.at, { description: unique })
      case 'date':
        return this.#update(action.at, { due_date: this.#edits % 3 ? '2026-12-01' : null })
      case 'recur': {
        const recurrence = { rule: 'FREQ=WEEKLY', from: 'due' } as const
        return this.#update(action.at, { due_date: '2026-12-01', recurrence })
      }
      case 'complete': {
        const task = this.#pick(action.at)
        if (!task) return
        return this.#edit([{ edit: 'complete', id: task.id, completed: !task.completed }])
      }
      case 'delete': {
        const task = this.#pick(action.at)
        if (task) await this.#edit([{ edit: 'delete', id: task.id }])
        return
      }
      case 'move': {
        const [task, other] = [this.#pick(action.at), this.#pick(action.at + 1 + action.by)]
        if (!task || !other) return
        const place = task === other ? ({ to: 'bottom' } as const) : { after: other.id }
        return this.#edit([{ edit: 'move', id: task.id, place }])
      }
      case 'nest': {
        const parent = this.#pick(action.by, true)
        return this.#update(action.at, { parent_id: parent?.id ?? null })
      }
      case 'undo': {
        const undo = this.#undos[action.at % this.#undos.length]
        if (undo) await this.#edit(undo)
        return
      }
      case 'retry':
      case 'discard':
        return this.#decide(action.act, action.at)
      case 'offline':
        this.#isOnline = false
        this.#online = Promise.withResolvers()
        return this.device.goOffline()
      case 'online':
        return this.#goOnline()
      case 'restart':
        return this.#restart()
      case 'cut':
        this.#fates.push(...action.fates)
        return
      case 'wait':
        return ticks(action.ticks)
    }
  }

  #pick(at: number, isParent = false): LocalTask | undefined {
    const tasks = [...this.device.sync.tasks.get().values()]
      .filter((task) => !isParent || task.parent_id === null)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    return tasks[at % tasks.length]
  }

  async #update(at: number, change: TaskChange): Promise<void> {
    const task = this.#pick(at)
    if (task) await this.#edit([{ edit: 'update', id: task.id, change }])
  }

  async #edit(edits: readonly Edit[]): Promise<void> {
    this.#edits += 1
    for (const edit of edits) this.#noteLater(edit)
    const saw = edits.map((edit) => (edit.edit === 'update' ? this.#saw(edit) : {}))
    try {
      const { ids, undo } = await this.device.sync.apply(edits)
      if (undo.length > 0) this.#undos.push(undo)
      edits.forEach((edit, at) => {
        const taskId = ids[at] ?? ''
        if (edit.edit === 'update') this.#noteUpdate(edit, undo, saw[at] ?? {})
        else if (undo.length > 0) this.#note(edit, taskId, undo)
      })
    } catch (error) {
      // An undo may name a task that is deleted by now.
      if (!(error instanceof TypeError) && !this.#store.isBroken) throw error
    }
  }

  /** The undo of an edit also undoes what came after it, which counts as someone else's. */
  #noteLater(edit: Edit): void {
    if (edit.edit !== 'update' || edit.seen === undefined) return
    const task = this.device.task(edit.id)
    const later = Object.entries(edit.seen).filter(
      ([member, value]) => !isEqual(value, task?.[member as TaskMember]),
    )
    noteEditor(this.#record, edit.id, Object.fromEntries(later), LATER)
  }

  #note(edit: Edit, taskId: string, undo: readonly Edit[]): void {
    const { created, deleted, restored } = this.#record
    if (edit.edit === 'create') {
      created.add(taskId)
      restored.add(taskId)
      if (edit.task.id !== undefined) noteReturn(this.#record, taskId, edit.task)
    }
    if (edit.edit === 'delete') {
      deleted.add(taskId)
      // Children that were never sent disappear with it.
      for (const back of undo) if (back.edit === 'create') deleted.add(back.task.id ?? '')
    }
    if (edit.edit === 'restore') restored.add(taskId)
  }

  #saw({ id, seen }: Update): TaskChange {
    return { ...this.device.task(id), ...seen }
  }

  /** @param saw what the person saw. An update of a deleted task has no undo, and is sent if someone restores it. */
  #noteUpdate({ id, change }: Update, undo: readonly Edit[], saw: TaskChange): void {
    const back = undo.find((other) => other.edit === 'update' && other.id === id)
    if (back === undefined && this.device.task(id)) return
    noteEditor(this.#record, id, change, this.#number)
    const before = back?.edit === 'update' ? back.change : saw
    for (const member of ['title', 'description'] as const) {
      const { [member]: value = null } = change
      const isEdited = member in change && member in before && before[member] !== value
      if (isEdited) this.#record.written.push({ taskId: id, member, value, seen: before[member] })
    }
  }

  async #decide(what: 'retry' | 'discard', at: number): Promise<void> {
    const refusals = this.device.sync.refusals.get()
    const refusal = refusals[at % refusals.length]
    if (refusal === undefined) return
    this.#see()
    if (what === 'retry') this.#record.restored.add(refusal.taskId)
    try {
      await this.device.sync[what](refusal.id)
    } catch (error) {
      if (!this.#store.isBroken) throw error
    }
  }

  /** A person looks at what was refused, and at conflicts. */
  #see(): void {
    judgeQuestions(this.#record, this.#number, this.#memory)
    const { shown, restored, refusedTasks } = this.#record
    for (const operation of this.#memory.operations.values()) {
      if (operation.state !== 'refused') continue
      shown.add(JSON.stringify(operation))
      if (operation.edit === 'create') refusedTasks.add(operation.taskId)
      // The person who discards it keeps the task.
      if (operation.edit === 'delete') restored.add(operation.taskId)
    }
    for (const { theirs, ours } of this.#memory.meta.conflicts) shown.add(theirs).add(ours)
  }

  async discardAll(): Promise<void> {
    this.#see()
    for (const { id } of this.device.sync.refusals.get()) await this.device.sync.discard(id)
  }

  #goOnline(): void {
    this.#isOnline = true
    this.#online.resolve()
    this.device.goOnline()
  }

  async #restart(): Promise<void> {
    this.#store.break()
    await this.device.sync.stop()
    this.device = this.#start()
  }

  /** No more cuts. */
  async heal(): Promise<void> {
    this.#fates = []
    this.#isHealed = true
    this.#goOnline()
    if (this.#store.isBroken) await this.#restart()
  }

  /** Waits until nothing can be sent: what is left waits for a person. */
  async idle(): Promise<void> {
    await this.#within('to send everything', (device) =>
      until(
        device.sync.status,
        ({ loaded }) => loaded && nextOperations([...this.#operations()], new Set()).length === 0,
      ),
    )
  }

  #operations() {
    return [...this.#memory.operations.values()].sort((a, b) => a.order - b.order)
  }

  /** Waits until the device shows what the server has, but for edits that wait for a person. */
  async agree(list: readonly Task[]): Promise<void> {
    await this.#within(`to show ${JSON.stringify(list)}`, ({ sync }) =>
      until(sync.tasks, (tasks) => {
        const open = new Set(this.#operations().map(({ taskId }) => taskId))
        const own = [...tasks].filter(([id]) => !open.has(id))
        const theirs = list.filter(({ id }) => !open.has(id))
        return JSON.stringify(plain(new Map(own))) === JSON.stringify(theirs)
      }),
    )
    if (this.device.errors.length > 0) throw this.device.errors[0]
  }

  /** Nothing may be left. */
  finish(): void {
    const left = this.#operations()
    if (left.length > 0) throw new Error(`Never sent: ${JSON.stringify(left)}`)
    const { rows } = this.#memory
    const gone = [...rows.values()].filter((row) => row.gone)
    if (gone.some((row) => row.gone?.isConfirmed)) throw new Error(`Kept: ${JSON.stringify(gone)}`)
  }

  /** Fails where something that must happen has not happened long after it should have. */
  async #within<Value>(what: string, wait: (device: Device) => Promise<Value>): Promise<Value> {
    const { device } = this
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      const shows = plain(device.sync.tasks.get())
      const state = { number: this.#number, status: device.sync.status.get(), shows }
      const all = { ...state, rows: [...this.#memory.rows.values()], outbox: this.#operations() }
      reject(new Error(`Waits ${what}: ${JSON.stringify(all, null, 1)}`))
    }, PATIENCE_MS)
    return Promise.race([wait(device), promise]).finally(() => clearTimeout(timer))
  }

  async end(): Promise<void> {
    await this.device.sync.stop()
  }
}

async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) await new Promise(setImmediate)
}
