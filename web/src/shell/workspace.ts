import type { TodoClient } from '@todo-backend/client'
import type { Accounts } from '@todo-backend/client/accounts'
import { createContext, useContext } from 'react'
import type { Day } from '../dates/day.ts'
import type { Sync } from '../sync/types.ts'
import type { Actions } from '../tasks/actions.ts'
import type { DetailsField } from '../tasks/commands.ts'
import { type Counts, countsOf, type Tasks } from '../tasks/sections.ts'
import { useObservable, type Value } from '../ui/value.ts'
import type { Announcer } from './announcer.ts'

/** The person who is signed in. */
export interface User {
  readonly id: string
  readonly name: string
  readonly email: string
}

/** The state that the views share while one person is signed in. */
export interface Workspace {
  readonly user: User
  readonly sync: Sync
  readonly client: TodoClient
  readonly accounts: Accounts
  readonly actions: Actions
  readonly announcer: Announcer
  /** The task whose details are open. */
  readonly open: Value<string | null>
  /** The field of the details that gets the focus next. */
  readonly openAt: Value<DetailsField | null>
  /** The task whose title is edited in its row. */
  readonly editing: Value<string | null>
  readonly query: Value<string>
  signOut(): Promise<void>
  /** The account is deleted: deletes its tasks on this device. */
  forget(): Promise<void>
}

export const WorkspaceContext = createContext<Workspace | null>(null)

export function useWorkspace(): Workspace {
  const workspace = useContext(WorkspaceContext)
  if (workspace === null) throw new Error('There is no workspace around this component')
  return workspace
}

export function useTasks(): Tasks {
  return useObservable(useWorkspace().sync.tasks)
}

let counted: { tasks: Tasks; today: Day; counts: Counts } | undefined

/** Counted once for all components, each time when the tasks change. */
export function useCounts(today: Day): Counts {
  const tasks = useTasks()
  if (counted?.tasks !== tasks || counted.today !== today) {
    counted = { tasks, today, counts: countsOf(tasks, today) }
  }
  return counted.counts
}
