import type { Announcer } from '../shell/announcer.ts'
import { linkTo } from '../shell/routes.ts'
import type { View } from '../shell/view.ts'
import { strings } from '../strings.ts'
import type { Edit, LocalTask, NewTask, Place, Sync, TaskChange } from '../sync/types.ts'
import { type Value, value } from '../ui/value.ts'
import { byPosition, type Lingering, type Tasks } from './sections.ts'

/** How long a task stays in a list after it was completed or reopened there. */
const LINGER_MS = 1_500

/** The actions of a person on tasks. Each is shown at once, announced, and can be undone. */
export interface Actions {
  readonly lingering: Value<Lingering>
  /** @param other the view that shows the task, if the one in sight does not. */
  create(task: NewTask, other?: View): Promise<string | undefined>
  complete(tasks: readonly LocalTask[], completed: boolean): Promise<void>
  remove(tasks: readonly LocalTask[]): Promise<void>
  /** @param seen the values at which the person began to edit, if others may have arrived since. */
  update(tasks: readonly LocalTask[], change: TaskChange, seen?: TaskChange): Promise<void>
  /** Changes without a message, such as while a person types in the details. */
  updateQuietly(task: LocalTask, change: TaskChange, seen?: TaskChange): Promise<void>
  /** @param order the list in which the task moves, to announce its place. */
  move(tasks: readonly LocalTask[], place: Place, order: readonly LocalTask[]): Promise<void>
  moveQuietly(id: string, place: Place): Promise<void>
  /** Says that a task cannot move further, in place of an older message. @param by as in `moveBy`. */
  sayEdge(task: LocalTask, by: -1 | 1): void
  /** Copies the address of a task. Where the browser permits no copy, the message has it. */
  copyLink(task: LocalTask): Promise<void>
  undo(): Promise<void>
}

export function createActions(sync: Sync, announcer: Announcer): Actions {
  const lingering = value<Lingering>(new Map())
  const undone: (readonly Edit[])[] = []

  /** Applies edits, and says nothing unless that fails. */
  async function applyQuietly(edits: readonly Edit[], task?: LocalTask): Promise<void> {
    try {
      const { undo } = await sync.apply(edits)
      if (undo.length > 0) undone.push(undo)
    } catch (error) {
      fail(error, edits, task)
    }
  }

  async function apply(
    edits: readonly Edit[],
    text: string,
    show?: View,
  ): Promise<string | undefined> {
    if (edits.length === 0) return undefined
    try {
      const { ids, undo } = await sync.apply(edits)
      if (undo.length > 0) undone.push(undo)
      announcer.announce(text, undo.length > 0, { show })
      return ids[0]
    } catch (error) {
      fail(error, edits)
      return undefined
    }
  }

  function fail(error: unknown, edits: readonly Edit[], task?: LocalTask): void {
    const { failed, deletedElsewhere } = strings.announce
    const typed = textOf(edits)
    // Another device has deleted the task meanwhile. A text that was typed for it stays in the message.
    if (error instanceof TypeError)
      announcer.announce(deletedElsewhere(typed && task?.title), false, { typed })
    else announcer.announce(error instanceof Error ? `${failed}: ${error.message}` : failed, false)
  }

  function linger(tasks: readonly LocalTask[]): void {
    const next = new Map(lingering.get())
    for (const task of tasks) next.set(task.id, task.completed)
    lingering.set(next)
    setTimeout(() => {
      const rest = new Map(lingering.get())
      for (const task of tasks) rest.delete(task.id)
      lingering.set(rest)
    }, LINGER_MS)
  }

  const first = (tasks: readonly LocalTask[]) => tasks[0]?.title ?? ''

  return {
    lingering,
    create: (task, other) => apply([{ edit: 'create', task }], sayAdded(task.title, other), other),
    async complete(tasks, completed) {
      const changed = tasks.filter((task) => task.completed !== completed)
      linger(changed)
      const say = completed ? strings.announce.completed : strings.announce.reopened
      await apply(
        changed.map(({ id }) => ({ edit: 'complete', id, completed })),
        say(changed.length, first(changed)),
      )
    },
    async remove(tasks) {
      await apply(
        tasks.map(({ id }) => ({ edit: 'delete', id })),
        strings.announce.deleted(tasks.length, first(tasks)),
      )
    },
    async update(tasks, change, seen) {
      await apply(
        tasks.map(({ id }) => ({ edit: 'update', id, change, ...(seen && { seen }) })),
        strings.announce.changed(tasks.length, first(tasks)),
      )
    },
    async updateQuietly(task, change, seen) {
      await applyQuietly([{ edit: 'update', id: task.id, change, ...(seen && { seen }) }], task)
    },
    async moveQuietly(id, place) {
      await applyQuietly([{ edit: 'move', id, place }])
    },
    async move(tasks, place, order) {
      const sorted = [...tasks].sort(byPosition)
      const edits = movesTo(sorted, place)
      const at = placeIn(sorted, place, order)
      await apply(edits, strings.announce.moved(tasks.length, first(tasks), at, order.length))
    },
    sayEdge({ title }, by) {
      const { isFirst, isLast } = strings.announce
      announcer.announce(by < 0 ? isFirst(title) : isLast(title), false)
    },
    async copyLink({ id, title }) {
      const link = linkTo(id)
      try {
        await navigator.clipboard.writeText(link)
        announcer.announce(strings.announce.linkCopied(title), false)
      } catch {
        announcer.announce(strings.announce.link(title), false, { typed: link })
      }
    },
    async undo() {
      const edits = undone.pop()
      if (edits === undefined) return
      try {
        const possible = withTasks(edits, sync.tasks.get())
        await sync.apply(possible)
        const { undone: said, deletedElsewhere } = strings.announce
        announcer.announce(possible.length > 0 ? said : deletedElsewhere(), false)
      } catch (error) {
        fail(error, [])
      }
    },
  }
}

function sayAdded(title: string, view?: View): string {
  const { added, addedTo } = strings.add
  if (view === undefined || view.name === 'tag') return added(title)
  return addedTo(title, strings.views[view.name])
}

/** @returns the edits but those of tasks that another device has deleted meanwhile. */
function withTasks(edits: readonly Edit[], tasks: Tasks): Edit[] {
  const back = new Set(edits.flatMap((edit) => (edit.edit === 'restore' ? [edit.id] : [])))
  return edits.filter((edit) => edit.edit === 'create' || tasks.has(edit.id) || back.has(edit.id))
}

/** @returns the text that a person has typed, if the edit is one of a text. */
function textOf(edits: readonly Edit[]): string | undefined {
  const [edit] = edits
  if (edit?.edit !== 'update') return undefined
  return edit.change.title ?? edit.change.description ?? undefined
}

/** Several tasks keep their order: each one goes behind the one before it. */
function movesTo(tasks: readonly LocalTask[], place: Place): Edit[] {
  return tasks.map((task, index) => {
    const previous = tasks[index - 1]
    return {
      edit: 'move',
      id: task.id,
      place: previous === undefined ? place : { after: previous.id },
    }
  })
}

function placeIn(tasks: readonly LocalTask[], place: Place, order: readonly LocalTask[]): number {
  const others = order.filter(({ id }) => !tasks.some((task) => task.id === id))
  const index = (id: string) => others.findIndex((task) => task.id === id)
  if ('before' in place) return index(place.before) + 1
  if ('after' in place) return index(place.after) + 2
  return place.to === 'top' ? 1 : order.length
}
