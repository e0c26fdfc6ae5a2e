import type { Observable } from '../observable.ts'
import type { Task } from '../task.ts'
import { Draft } from './draft.ts'
import type { Conflict, LocalTask, Refusal } from './local-task.ts'
import { isEqual } from './merge.ts'
import type { Operation } from './operation.ts'
import { type Contents, type Meta, NEW_META, type Row, type TaskIds } from './store.ts'

/** Deleted tasks of which this tab keeps the text, to show them at once if they are restored. */
const REMEMBERED = 100

/**
 * The store in memory, and what a page shows of it.
 *
 * A transaction costs one fold for each of its tasks. If it makes tasks appear or disappear, it also costs one pass over
 * all tasks. `tasks.get()` copies the map once after a transaction: 10 000 tasks take about a millisecond.
 */
export class Mirror {
  meta: Meta = NEW_META
  readonly rows = new Map<string, Row>()
  readonly #operations = new Map<string, readonly Operation[]>()
  /** Each task by itself, also if its parent is hidden. */
  readonly #folded = new Map<string, LocalTask>()
  readonly #shown = new Map<string, LocalTask>()
  readonly #deleted = new Map<string, Task>()
  #ordered: readonly Operation[] | null = null

  readonly tasks = new Changing(() => new Map(this.#shown) as ReadonlyMap<string, LocalTask>)
  readonly refusals = new Changing<readonly Refusal[]>(
    () => this.operations.flatMap(toRefusal),
    isEqual,
  )
  readonly conflicts = new Changing<readonly Conflict[]>(() => this.meta.conflicts, isEqual)

  /** All operations, in their order. */
  get operations(): readonly Operation[] {
    this.#ordered ??= [...this.#operations.values()].flat().sort((a, b) => a.order - b.order)
    return this.#ordered
  }

  shown(id: string): LocalTask | undefined {
    return this.#shown.get(id)
  }

  get all(): Iterable<LocalTask> {
    return this.#shown.values()
  }

  /** @returns a task that was deleted a while ago. */
  deleted(id: string): Task | undefined {
    return this.#deleted.get(id)
  }

  /** @returns the ids of the tasks below a task, as the server has them. */
  childrenOf(id: string): string[] {
    return below(
      [...this.rows.values()].map(({ base }) => base),
      id,
    )
  }

  /** @returns the ids of the tasks that are shown below a task. */
  shownBelow(id: string): string[] {
    return below([...this.#shown.values()], id)
  }

  /** Takes over everything that the store has about some tasks. */
  replace(ids: TaskIds, contents: Contents): void {
    const { rows, operations } = contents
    const draft = new Draft(contents)
    const all = [...this.rows.keys(), ...this.#operations.keys()]
    const changed =
      ids === 'all'
        ? new Set([
            ...all,
            ...rows.map((row) => row.id),
            ...operations.map((operation) => operation.taskId),
          ])
        : new Set(ids)
    let isOutbox = false
    const turned = new Set<string>()
    const folded = new Set<string>()
    for (const id of changed) {
      const row = draft.row(id)
      const own = draft.operationsOf(id)
      const before = this.#operations.get(id)
      isOutbox ||= before !== undefined || own.length > 0
      const old = this.rows.get(id)
      const isSameRow = old?.base?.updated_at === row?.base?.updated_at && !old?.gone === !row?.gone
      const isSame = !before && own.length === 0 && isSameRow
      set(this.rows, id, row)
      set(this.#operations, id, own.length > 0 ? own : undefined)
      if (isSame) continue
      folded.add(id)
      const task = draft.shown(id)
      const known = this.#folded.get(id)
      if (known && !task) this.#remember(known)
      if (!known !== !task) turned.add(id)
      set(this.#folded, id, task)
    }
    if (turned.size > 0) {
      for (const [id, { parent_id: parent }] of this.#folded) {
        if (parent !== null && turned.has(parent)) folded.add(id)
      }
    }
    for (const id of folded) this.#show(id)
    this.meta = contents.meta
    if (isOutbox) {
      this.#ordered = null
      this.refusals.changed()
    }
    this.conflicts.changed()
    if (folded.size > 0) this.tasks.changed()
  }

  /** A task is shown with its parent, and disappears with it, unless nobody else has it. */
  #show(id: string): void {
    const task = this.#folded.get(id)
    const parent = task?.parent_id ?? null
    const isOwn = this.#operations.get(id)?.[0]?.edit === 'create'
    const isShown = parent === null || isOwn || this.#folded.has(parent)
    set(this.#shown, id, isShown ? task : undefined)
  }

  #remember({ saved: _, ...task }: LocalTask): void {
    this.#deleted.delete(task.id)
    this.#deleted.set(task.id, task)
    for (const oldest of this.#deleted.keys()) {
      if (this.#deleted.size > REMEMBERED) this.#deleted.delete(oldest)
    }
  }
}

/** An observable whose value is computed when someone asks for it after a change. */
export class Changing<Value> implements Observable<Value> {
  readonly #compute: () => Value
  readonly #isSame: (a: Value, b: Value) => boolean
  readonly #listeners = new Set<() => void>()
  #last: { readonly value: Value; isCurrent: boolean } | null = null

  /** @param isSame whether the last value stays, as the same object. */
  constructor(compute: () => Value, isSame: (a: Value, b: Value) => boolean = () => false) {
    this.#compute = compute
    this.#isSame = isSame
  }

  // React calls both without their object.
  readonly get = (): Value => {
    if (this.#last?.isCurrent) return this.#last.value
    const now = this.#compute()
    const value = this.#last && this.#isSame(this.#last.value, now) ? this.#last.value : now
    this.#last = { value, isCurrent: true }
    return value
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    // The same function may subscribe twice.
    const own = () => listener()
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  changed(): void {
    if (this.#last) this.#last.isCurrent = false
    for (const listener of this.#listeners) listener()
  }
}

function set<Value>(map: Map<string, Value>, id: string, value: Value | undefined): void {
  if (value === undefined) map.delete(id)
  else map.set(id, value)
}

function below(tasks: readonly (Task | null)[], id: string): string[] {
  return tasks.flatMap((task) => (task?.parent_id === id ? task.id : []))
}

function toRefusal(operation: Operation): Refusal[] {
  if (operation.state !== 'refused') return []
  const { id, taskId, title, edit, code, detail } = operation
  return [{ id, taskId, title, edit, code, detail }]
}
