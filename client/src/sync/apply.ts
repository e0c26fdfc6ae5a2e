import type { NewTask, Place, Task, TaskChange, TaskMember } from '../task.ts'
import type { Draft, NewOperation } from './draft.ts'
import type { Applied, Edit } from './edit.ts'
import { fold } from './fold.ts'
import type { LocalTask } from './local-task.ts'
import { normalized, pick, toNewTask } from './members.ts'
import { mend } from './mend.ts'
import { isEqual, membersOf } from './merge.ts'
import { isGround, type Operation, queued, type Work } from './operation.ts'
import { Places } from './places.ts'

/** Facts of this device beside the tasks of the transaction. */
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
 * @throws TypeError if an edit names a task that this device has never had.
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
        return this.#update(edit.id, normalized(edit.change), edit.seen ?? {})
      case 'restore':
        return this.#restore(edit.id, edit.tasks)
    }
    const task = this.#find(edit.id)
    if (task === undefined) return []
    switch (edit.edit) {
      case 'complete':
        return this.#complete(task, edit.completed)
      case 'delete':
        return this.#delete(task)
      case 'move':
        return this.#move(task, edit.place)
    }
  }

  #create(given: NewTask): Edit[] {
    const id = given.id ?? ''
    if (this.#shown(id)) throw new TypeError(`This device has a task with the id ${id}`)
    if (given.parent_id) this.#find(given.parent_id)
    const task = { ...given, ...normalized(given), id, title: given.title.trim() }
    const position = task.position ?? this.#places.put(id, { to: 'top' })
    this.#append({ title: task.title, id, parent_id: task.parent_id ?? null }, [], {
      edit: 'create',
      task,
      position,
    })
    return [{ edit: 'delete', id }]
  }

  #update(id: string, asked: TaskChange, seen: TaskChange): Edit[] {
    const shown = this.#find(id)
    const parent = asked.parent_id ? this.#find(asked.parent_id) : undefined
    const task = shown ?? this.#deleted(id)
    const saw: TaskChange = pick(asked, () => true, { ...task, ...seen })
    const change = pick(
      asked,
      (member) => !isEqual(asked[member], saw[member]) && !isEqual(asked[member], task[member]),
    )
    if (membersOf(change).length === 0) return []
    if (shown === undefined) {
      // The server refuses it, and a person may then restore the task.
      this.#keep(task)
      this.#append(task, [], { edit: 'update', change, from: saw })
      return []
    }
    const before: TaskChange = pick(change, () => true, task)
    const undo: Edit[] = [{ edit: 'update', id, change: before, seen: change }]
    // A parent that is not sent comes before this edit, and after what this would be folded into.
    const canFold = parent === undefined || parent.saved === 'saved'
    const operations = this.#draft.operationsOf(id)
    const [first] = operations
    const last = operations.at(-1)
    const create = first?.state === 'refused' ? first : last
    if (canFold && create?.edit === 'create' && create.state !== 'sending') {
      // This also mends a task that the server refused to create. Other updates wait for it.
      mend(this.#draft, id, change, 'queued')
      const names = parent ? [parent.id, ...create.names] : create.names
      this.#draft.put({ ...queued(create), names, task: { ...create.task, ...change } })
      return undo
    }
    const from = { ...saw, ...mend(this.#draft, id, change, 'refused') }
    if (canFold && last?.edit === 'update' && last.state === 'queued') {
      const all = { ...last.change, ...change }
      // A value that the task has without it by now, such as by another device, counts as one that the person saw.
      const others: TaskChange = fold(this.#draft.row(id), operations.slice(0, -1)) ?? {}
      const isOpen = (member: TaskMember) => !isEqual(last.change[member], others[member])
      const known = { ...others, ...from, ...pick(last.change, isOpen, last.from) }
      const left = pick(all, (member) => !isEqual(all[member], known[member]))
      const names = parent ? [parent.id, ...last.names] : last.names
      if (membersOf(left).length === 0) this.#draft.remove(last)
      else this.#draft.put({ ...last, names, change: left, from: pick(left, () => true, known) })
      return undo
    }
    const left = pick(change, (member) => !isEqual(change[member], from[member]))
    if (membersOf(left).length > 0) {
      const names = parent ? [parent.id] : []
      this.#append(task, names, { edit: 'update', change: left, from })
    }
    return undo
  }

  #complete(task: LocalTask, completed: boolean): Edit[] {
    this.#removeRefused(task.id, 'complete')
    if (task.completed === completed) return []
    const last = this.#last(task.id)
    const isFolded = last?.edit === 'complete' && last.state === 'queued'
    const isSaved = this.#draft.row(task.id)?.base?.completed === completed
    if (isFolded && isSaved) this.#draft.remove(last)
    else if (isFolded) this.#draft.put({ ...last, completed })
    else this.#append(task, [], { edit: 'complete', completed })
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
    const children = this.#childrenOf(id)
    // Children that the server does not have go first. The others go to the trash with their parent.
    const undo = children.map((child) => {
      const [own] = this.#draft.operationsOf(child.id)
      const isNew = own?.edit === 'create' && own.state !== 'sending'
      // It may have been moved below a task that the server will never have.
      return isNew || isUnknown ? this.#delete(child) : []
    })
    if (isUnknown) {
      for (const operation of operations) this.#draft.remove(operation)
      return [{ edit: 'create', task: toNewTask(task) }, ...undo.reverse().flat()]
    }
    const last = this.#last(id)
    if (last?.edit === 'restore' && last.state === 'queued') {
      this.#draft.remove(last)
    } else {
      // Of a task that is restored, the device may have no row.
      const known = first?.edit === 'restore' ? first.task : null
      const base = this.#draft.row(id)?.base ?? known
      undo.unshift(this.#detach(task))
      const seen = base ? [task, base] : [task]
      this.#append({ ...task, parent_id: base?.parent_id ?? null }, [], { edit: 'delete', seen })
    }
    const tasks = [task, ...children.filter((child) => !this.#gone.has(child.id))]
    return [{ edit: 'restore', id, tasks }, ...undo.reverse().flat()]
  }

  /** Takes what names other tasks out of what is not sent, so that a deletion waits for nothing else. */
  #detach({ id, parent_id }: LocalTask): Edit[] {
    const undo: Edit[] = []
    for (const operation of this.#draft.operationsOf(id)) {
      if (operation.state === 'sending' || isGround(operation)) continue
      if (operation.edit === 'move') {
        this.#draft.remove(operation)
      } else if (operation.edit === 'update' && 'parent_id' in operation.change) {
        const { parent_id: _, ...change } = operation.change
        if (membersOf(change).length === 0) this.#draft.remove(operation)
        else this.#draft.put({ ...operation, names: [], change })
        undo.push({ edit: 'update', id, change: { parent_id } })
      } else {
        this.#draft.put({ ...operation, names: [] })
      }
    }
    return undo
  }

  #restore(id: string, tasks: readonly Task[] = []): Edit[] {
    if (this.#shown(id)) return []
    this.#removeRefused(id, 'restore')
    const last = this.#last(id)
    if (last?.edit === 'delete' && last.state === 'queued') {
      this.#draft.remove(last)
    } else {
      const [given, ...children] = tasks
      const task = this.#draft.row(id)?.base ?? this.#device.deleted(id) ?? given ?? null
      const known = task ?? { id, title: '', parent_id: null }
      this.#append(known, [], { edit: 'restore', task, children })
    }
    return [{ edit: 'delete', id }]
  }

  #move(task: LocalTask, place: Place): Edit[] {
    const { id } = task
    const neighbour = 'before' in place ? place.before : 'after' in place ? place.after : undefined
    if (neighbour !== undefined && this.#find(neighbour) === undefined) return []
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

  #removeRefused(taskId: string, edit: Work['edit']): void {
    for (const operation of this.#draft.operationsOf(taskId)) {
      if (operation.edit === edit && operation.state === 'refused') this.#draft.remove(operation)
    }
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

  /** @returns a task that is shown, or undefined if it was deleted. @throws TypeError for an unknown one. */
  #find(id: string): LocalTask | undefined {
    const task = this.#shown(id)
    if (task === undefined) this.#deleted(id)
    return task
  }

  #deleted(id: string): Task {
    const task = this.#draft.row(id)?.base ?? this.#device.deleted(id)
    if (task === undefined) throw new TypeError(`This device has no task with the id ${id}`)
    return task
  }

  /** Keeps what is known of a deleted task as long as there are operations on it. */
  #keep(task: Task): void {
    const { id } = task
    if (this.#draft.row(id)) return
    const { generation } = this.#draft.meta
    this.#draft.putRow({ id, base: task, gone: { isConfirmed: true, at: null }, generation })
  }
}
