import type { Draft } from './draft.ts'
import type { TaskIds } from './store.ts'

/** Runs a transaction of the store over everything about some tasks, and shows its result. */
export type Transact = <Result>(ids: TaskIds, step: (draft: Draft) => Result) => Promise<Result>
