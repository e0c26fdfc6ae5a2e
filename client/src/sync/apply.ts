import type { NewTask, Place, Task, TaskChange } from '../task.ts'
import type { Draft, NewOperation } from './draft.ts'
import type { Applied, Edit } from './edit.ts'
import type { LocalTask } from './local-task.ts'
import { isEqual, membersOf } from './merge.ts'
import type { Operation, OperationOf, Work } from './operation.ts'
import { Places } from './places.ts'

/** What this device knows beside the tasks of the transaction. */
export interface Device {
  shown(id: string): LocalTask | undefined
  /** All tasks that are shown. */
  readonly tasks: Iterable<LocalTask>
  /** A task that was deleted a while ago. */
  deleted(id: string): Task | undefined
  now(): number
  newId(): string
}

/** @returns the edits, with an id for each new task. */
export function withIds(edits: readonly Edit[], device: Pick<Device, 'newId'>): Edit[] {
  return edits.map((edit) =>
    edit.edit === 'create'
      ? { ...edit, task: { ...edit.task, id: edit.task.id?.toLowerCase() ?? device.newId() } }
      : edit,
  )
}

export function taskOf(edit: Edit): string {
  return edit.edit === 'create' ? (edit.task.id ?? '') : edit.id
}

/**
 * Appends edits to the outbox, or folds them into operations that have not been sent.
 *
 * @param edits with ids of new tasks. The draft has their tasks, and the children of those that they delete.
 * @throws TypeError if an edit names a task that this device does not have.
 */
export function applyEdits(draft: Draft, edits: readonly Edit[], device: Device): Applied {
  const applying = new Applying(draft, device, new Set(edits.map(taskOf)))
  const undo = edits.map((edit) => applying.apply(edit))
  return { ids: edits.map(taskOf), undo: undo.reverse().flat() }
}

class Applying {
  readonly #draft: Draft
  readonly #device: Device
  readonly #own: Set<string>
  /** Tasks that the present edit has deleted. Tasks may be below each other until the server refuses that. */
  readonly #gone = new Set<string>()
  #allPlaces: Places | undefined

  constructor(draft: Draft, device: Device, own: Set<string>) {
    this.#draft = draft
    this.#device = device
    this.#own = own
  }

  /** @returns the edits that take this one back. */
  apply(edit: Edit): Edit[] {
    this.#gone.clear()
    switch (edit.edit) {
      case 'create':
        return this.#create(edit.task)
      case 'update':
        return this.#update(this.#need(edit.id), normalized(edit.change))
      case 'complete':
        return this.#complete(this.#need(edit.id), edit.completed)
      case 'delete':
        return this.#delete(this.#need(edit.id))
      case 'restore':
        return this.#restore(edit.id)
      case 'move':
        return this.#move(this.#need(edit.id), edit.place)
    }
  }

  #create(given: NewTask): Edit[] {
    const id = given.id ?? ''
    if (this.#shown(id)) throw new TypeError(`There is a task with the id ${id} already`)
    if (given.parent_id) this.#need(given.parent_id)
    const task = { ...given, ...normalized(given), id, title: given.title.trim() }
    const position = task.position ?? this.#places.put(id, { to: 'top' })
    this.#append({ title: task.title, id, parent_id: task.parent_id ?? null }, [], {
      ...{ edit: 'create', task, position },
    })
    return [{ edit: 'delete', id }]
  }

  #update(task: LocalTask, asked: TaskChange): Edit[] {
    const parent = asked.parent_id ? this.#need(asked.parent_id) : undefined
    const change: TaskChange = pick(asked, (member) => !isEqual(asked[member], task[member]))
    if (membersOf(change).length === 0) return []
    const before: TaskChange = pick(change, () => true, task)
    const undo: Edit[] = [{ edit: 'update', id: task.id, change: before }]
    // A parent that is not sent comes before this edit, and after what this would be folded into.
    const canFold = parent === undefined || parent.saved === 'saved'
    const [first] = this.#draft.operationsOf(task.id)
    const last = this.#last(task.id)
    const create = first?.state === 'refused' ? first : last
    if (canFold && create?.edit === 'create' && create.state !== 'sending') {
      // This also mends a task that the server refused to create.
      const names = parent ? [parent.id, ...create.names] : create.names
      this.#draft.put({ ...queued(create), names, task: { ...create.task, ...change } })
      return undo
    }
    const from = { ...before, ...mend(this.#draft, task.id, change) }
    if (canFold && last?.edit === 'update' && last.state === 'queued') {
      const all = { ...last.change, ...change }
      const seen = { ...from, ...last.from }
      const left = pick(all, (member) => !isEqual(all[member], seen[member]))
      const names = parent ? [parent.id, ...last.names] : last.names
      if (membersOf(left).length === 0) this.#draft.remove(last)
      else this.#draft.put({ ...last, names, change: left, from: pick(left, () => true, seen) })
      return undo
    }
    const left = pick(change, (member) => !isEqual(change[member], from[member]))
    if (membersOf(left).length > 0) {
      const names = change.parent_id ? [change.parent_id] : []
      this.#append(task, names, { edit: 'update', change: left, from })
    }
    return undo
  }

  #complete(task: LocalTask, completed: boolean): Edit[] {
    const refused = this.#removeRefused(task.id, 'complete')
    if (task.completed === completed) return []
    const last = this.#last(task.id)
    const isFolded = last?.edit === 'complete' && last.state === 'queued'
    const from = refused?.from ?? task.completed
    if (isFolded && last.from === completed) this.#draft.remove(last)
    else if (isFolded) this.#draft.put({ ...last, completed })
    else if (from !== completed) this.#append(task, [], { edit: 'complete', completed, from })
    return [{ edit: 'complete', id: task.id, completed: !completed }]
  }

  #delete(task: LocalTask): Edit[] {
    const { id } = task
    this.#gone.add(id)
    this.#places.remove(id)
    this.#removeRefused(id, 'delete')
    const operations = this.#draft.operationsOf(id)
    const [first] = operations
    const isUnknown = first?.edit === 'create' && first.state !== 'sending'
    // Children that the server does not have go first. The others go to the trash with their parent.
    const undo = this.#childrenOf(id).map((child) => this.#deleteChild(child, isUnknown))
    if (isUnknown) {
      for (const operation of operations) this.#draft.remove(operation)
      return [{ edit: 'create', task: toNewTask(task) }, ...undo.reverse().flat()]
    }
    const last = this.#last(id)
    if (last?.edit === 'restore' && last.state === 'queued') this.#draft.remove(last)
    else this.#append(task, [], { edit: 'delete' })
    return [{ edit: 'restore', id }, ...undo.reverse().flat()]
  }

  #deleteChild(child: LocalTask, isParentUnknown: boolean): Edit[] {
    const operations = this.#draft.operationsOf(child.id)
    if (operations[0]?.edit === 'create' && operations[0].state !== 'sending') {
      return this.#delete(child)
    }
    if (!isParentUnknown) return []
    // It was moved below a task that the server will never have.
    const change = { parent_id: child.parent_id }
    for (const operation of operations) {
      if (operation.edit !== 'update' || operation.state === 'sending') continue
      const { parent_id: parent, ...left } = operation.change
      if (parent !== child.parent_id) continue
      const names = operation.names.filter((name) => name !== parent)
      if (membersOf(left).length === 0) this.#draft.remove(operation)
      else this.#draft.put({ ...operation, names, change: left })
    }
    return [...this.#delete(child), { edit: 'update', id: child.id, change }]
  }

  #restore(id: string): Edit[] {
    if (this.#draft.shown(id)) return []
    this.#removeRefused(id, 'restore')
    const last = this.#last(id)
    if (last?.edit === 'delete' && last.state === 'queued') {
      this.#draft.remove(last)
    } else {
      const task = this.#draft.row(id)?.base ?? this.#device.deleted(id) ?? null
      const known = task ?? { id, title: '', parent_id: null }
      this.#append(known, [], { edit: 'restore', task })
    }
    return [{ edit: 'delete', id }]
  }

  #move(task: LocalTask, place: Place): Edit[] {
    const { id } = task
    const neighbour = 'before' in place ? place.before : 'after' in place ? place.after : undefined
    if (neighbour !== undefined) this.#need(neighbour)
    const back = this.#places.of(id)
    this.#removeRefused(id, 'move')
    const last = this.#last(id)
    if (last?.edit === 'move' && last.state === 'queued') this.#draft.remove(last)
    const names = neighbour === undefined ? [] : [neighbour]
    const position = this.#places.put(id, place)
    this.#append(task, names, { edit: 'move', place, position })
    return [{ edit: 'move', id, place: back }]
  }

  get #places(): Places {
    this.#allPlaces ??= new Places(this.#device.tasks)
    return this.#allPlaces
  }

  #childrenOf(id: string): LocalTask[] {
    const candidates = [...this.#device.tasks].map((task) => task.id)
    return [...new Set([...candidates, ...this.#own])]
      .map((child) => this.#shown(child))
      .filter((child) => child !== undefined)
      .filter((child) => child.parent_id === id && !this.#gone.has(child.id))
  }

  #removeRefused<E extends Work['edit']>(taskId: string, edit: E): OperationOf<E> | undefined {
    const refused = this.#draft
      .operationsOf(taskId)
      .find((operation) => operation.edit === edit && operation.state === 'refused')
    if (refused !== undefined) this.#draft.remove(refused)
    return refused as OperationOf<E> | undefined // by its edit
  }

  #append(
    task: Pick<Task, 'id' | 'title' | 'parent_id'>,
    names: readonly string[],
    work: Work & Pick<Operation, 'position'>,
  ): void {
    const all = task.parent_id === null ? names : [task.parent_id, ...names]
    const operation: NewOperation = {
      ...work,
      id: this.#device.newId(),
      taskId: task.id,
      names: [...new Set(all)],
      title: task.title,
      at: new Date(this.#device.now()).toISOString(),
    }
    this.#draft.append(operation)
  }

  #last(id: string): Operation | undefined {
    return this.#draft.operationsOf(id).at(-1)
  }

  #shown(id: string): LocalTask | undefined {
    const isOwn = this.#own.has(id) || this.#draft.operationsOf(id).length > 0
    return isOwn || this.#draft.row(id) ? this.#draft.shown(id) : this.#device.shown(id)
  }

  #need(id: string): LocalTask {
    const task = this.#shown(id)
    if (task === undefined) throw new TypeError(`This device has no task with the id ${id}`)
    return task
  }
}

/**
 * Takes members out of refused updates, because a later edit sets them.
 *
 * @returns the values that these members had before.
 */
export function mend(draft: Draft, taskId: string, change: TaskChange): TaskChange {
  let before: TaskChange = {}
  for (const operation of draft.operationsOf(taskId)) {
    if (operation.edit !== 'update' || operation.state !== 'refused') continue
    const left = pick(operation.change, (member) => !(member in change))
    const mended = pick(operation.change, (member) => member in change, operation.from)
    before = { ...mended, ...before }
    if (membersOf(left).length === 0) draft.remove(operation)
    else draft.put({ ...operation, change: left })
  }
  return before
}

/** @returns the operation as one that waits to be sent. */
export function queued<O extends Operation>(operation: O): O {
  const { code: _, detail: __, ...rest } = operation as O & { code?: string; detail?: string }
  return { ...rest, state: 'queued' } as unknown as O // only the state changes
}

/** @returns the members of a change that pass, with the values that they have in `values`. */
function pick(
  change: TaskChange,
  passes: (member: keyof TaskChange) => boolean,
  values: TaskChange = change,
): TaskChange {
  return Object.fromEntries(
    membersOf(change)
      .filter(passes)
      .map((member) => [member, values[member]]),
  )
}

/** Text as the server stores it, so that its response is no change. */
function normalized(change: TaskChange): TaskChange {
  const { title, tags } = change
  return {
    ...change,
    ...(title !== undefined && { title: title.trim() }),
    ...(tags !== undefined && { tags: distinct(tags) }),
  }
}

function distinct(tags: readonly string[]): string[] {
  const trimmed = tags.map((tag) => tag.trim().normalize('NFC'))
  const folded = trimmed.map((tag) => tag.toLowerCase())
  return trimmed.filter((_, at) => folded.indexOf(folded[at] ?? '') === at)
}

/** @returns a new task that is the same, but for its place. */
export function toNewTask(task: Task): NewTask {
  const { id, title, description, completed, priority, tags, due_date, due_time, due_zone } = task
  const { recurrence, parent_id } = task
  return {
    ...{ id, title, description, completed, priority, tags, due_date, due_time, due_zone },
    ...{ recurrence, parent_id },
  }
}
