import { fold } from './fold.ts'
import type { LocalTask } from './local-task.ts'
import type { Operation, Work } from './operation.ts'
import type { Changes, Contents, Meta, Row } from './store.ts'

/** An operation that has no place in the outbox yet. */
export type NewOperation = Work &
  Pick<Operation, 'id' | 'taskId' | 'names' | 'title' | 'at' | 'position'>

/** The contents of a transaction, which its step changes. */
export class Draft implements Contents {
  #meta: Meta
  readonly #rows: Map<string, Row>
  readonly #operations = new Map<string, Operation[]>()
  readonly #changed = {
    meta: false,
    rows: new Map<string, Row | null>(),
    operations: new Map<string, Operation | null>(),
  }

  constructor({ meta, rows, operations }: Contents) {
    this.#meta = meta
    this.#rows = new Map(rows.map((row) => [row.id, row]))
    for (const operation of operations.toSorted((a, b) => a.order - b.order)) {
      this.operationsOf(operation.taskId).push(operation)
    }
  }

  get meta(): Meta {
    return this.#meta
  }

  setMeta(change: Partial<Meta>): void {
    this.#meta = { ...this.#meta, ...change }
    this.#changed.meta = true
  }

  row(id: string): Row | undefined {
    return this.#rows.get(id)
  }

  get rows(): readonly Row[] {
    return [...this.#rows.values()]
  }

  /** @returns the operations on a task, in their order. */
  operationsOf(taskId: string): Operation[] {
    const found = this.#operations.get(taskId) ?? []
    this.#operations.set(taskId, found)
    return found
  }

  shown(id: string): LocalTask | undefined {
    return fold(this.row(id), this.operationsOf(id))
  }

  get operations(): readonly Operation[] {
    return [...this.#operations.values()].flat()
  }

  find({ id, taskId }: Pick<Operation, 'id' | 'taskId'>): Operation | undefined {
    return this.operationsOf(taskId).find((operation) => operation.id === id)
  }

  /** Appends an operation to the outbox. */
  append(operation: NewOperation): void {
    const order = this.#meta.nextOrder
    this.setMeta({ nextOrder: order + 1 })
    this.put({ ...operation, order, state: 'queued' } as Operation) // the spread of a union is not one
  }

  /** Adds an operation, or replaces the one with its id. */
  put(operation: Operation): void {
    const { id, taskId } = operation
    const others = this.operationsOf(taskId).filter((other) => other.id !== id)
    const all = [...others, operation].sort((a, b) => a.order - b.order)
    this.#operations.set(taskId, all)
    this.#changed.operations.set(id, operation)
  }

  remove({ id, taskId }: Pick<Operation, 'id' | 'taskId'>): void {
    const others = this.operationsOf(taskId).filter((other) => other.id !== id)
    this.#operations.set(taskId, others)
    this.#changed.operations.set(id, null)
    if (others.length === 0 && this.row(taskId)?.gone?.isConfirmed) this.removeRow(taskId)
  }

  putRow(row: Row): void {
    this.#rows.set(row.id, row)
    this.#changed.rows.set(row.id, row)
  }

  removeRow(id: string): void {
    this.#rows.delete(id)
    this.#changed.rows.set(id, null)
  }

  /** @returns the writes of the transaction. */
  changes(): Changes {
    const { meta, rows, operations } = this.#changed
    return { meta: meta ? this.#meta : null, rows, operations }
  }
}
