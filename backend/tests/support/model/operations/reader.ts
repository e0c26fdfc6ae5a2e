import type { Answer } from '../../app.ts'
import type { Seen } from './state.ts'

type Change =
  | { readonly type: 'task'; readonly task: Seen }
  | {
      readonly type: 'task'
      readonly id: string
      readonly deleted: true
      readonly deleted_at: string
    }

/** A client that follows the feed of a user, and has nothing else to know the tasks from. */
export class Reader {
  /** Where it goes on; undefined at the beginning. */
  token: string | undefined
  readonly #tasks = new Map<string, string>()

  /** @returns the query of the next page. */
  query(limit: number): string {
    return `?limit=${limit}${this.token === undefined ? '' : `&since=${this.token}`}`
  }

  /** @returns what is wrong with the page. */
  apply(answer: Answer, limit: number): string | undefined {
    if (answer.status !== 200) return 'expected 200'
    const page: { changes: Change[]; token: string; more: boolean } = answer.json
    const ids = page.changes.map((change) => ('task' in change ? change.task.id : change.id))
    if (ids.length > limit) return `expected at most ${limit} changes`
    if (new Set(ids).size < ids.length) return 'expected each task once'
    if (this.token === undefined) this.#tasks.clear()
    for (const change of page.changes) {
      if ('task' in change) this.#tasks.set(change.task.id, JSON.stringify(change.task))
      else this.#tasks.delete(change.id)
    }
    this.token = page.token
    return undefined
  }

  /** @returns how its picture differs from the list. */
  differs(list: readonly Seen[]): string | undefined {
    const wanted = new Map(list.map((task) => [task.id, JSON.stringify(task)]))
    for (const [id, task] of wanted) {
      if (this.#tasks.get(id) !== task)
        return `the reader has ${this.#tasks.get(id)}, the list ${task}`
    }
    const more = [...this.#tasks.keys()].find((id) => !wanted.has(id))
    return more && `the reader still has ${more}`
  }
}
