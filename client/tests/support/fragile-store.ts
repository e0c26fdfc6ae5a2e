import type { Changes, Contents, Store, TaskIds } from '../../src/sync/store.ts'

/** A store that fails from one moment on, as if the program had ended. */
export class FragileStore implements Store {
  readonly durable = false
  isBroken = false
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  break(): void {
    this.isBroken = true
  }

  #check(): void {
    if (this.isBroken) throw new Broken()
  }

  async read(ids: TaskIds): Promise<Contents> {
    this.#check()
    return this.#store.read(ids)
  }

  async transact(ids: TaskIds, step: (contents: Contents) => Changes): Promise<void> {
    this.#check()
    await this.#store.transact(ids, step)
  }

  subscribe(listener: (changed: TaskIds) => void): () => void {
    return this.#store.subscribe(listener)
  }

  lead(signal: AbortSignal, follow: () => void): Promise<() => void> {
    return this.#store.lead(signal, follow)
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  destroy(): Promise<void> {
    return this.#store.destroy()
  }
}

class Broken extends Error {
  override message = 'The program has ended'
}
