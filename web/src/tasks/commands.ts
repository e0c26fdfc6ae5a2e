import type { LocalTask, Place, TaskChange } from '../sync/types.ts'
import type { Value } from '../ui/value.ts'
import type { Actions } from './actions.ts'
import type { Section } from './sections.ts'

/** A field of the details to which a key leads. */
export type DetailsField = 'date' | 'tags'

interface CommandsOptions {
  readonly actions: Actions
  readonly open: Value<string | null>
  readonly openAt: Value<DetailsField | null>
  readonly editing: Value<string | null>
  readonly sections: readonly Section[]
  /** The tasks of all sections, in order. */
  readonly order: readonly LocalTask[]
  readonly selected: ReadonlySet<string>
  readonly ordered: boolean
  setSelected(selected: ReadonlySet<string>): void
  openMenu(id: string): void
}

/**
 * The actions of one list. They are for the task that they name, or for all selected ones if it is one of them.
 * The keys, the menu of a row, the bar for selected tasks and dragging all call these.
 */
export interface Commands {
  readonly ordered: boolean
  readonly sections: readonly Section[]
  readonly hasSelection: boolean
  find(id: string): LocalTask | undefined
  /** The task, or the selected ones if it is one of them. */
  targetsOf(id: string): ReadonlySet<string>
  /** @param at the field of the details that gets the focus. */
  open(id: string, at?: DetailsField): void
  openMenu(id: string): void
  edit(id: string): void
  copyLink(id: string): void
  toggleSelected(id: string): void
  /** Selects from the latest selected task to this one. */
  extendTo(id: string): void
  /** Selects both, as the Shift key does with an arrow key. */
  extendFrom(id: string, to: string): void
  selectAll(): void
  clearSelection(): void
  toggleCompleted(id: string): void
  completeSelected(): void
  remove(id: string): void
  removeSelected(): void
  update(id: string, change: TaskChange): void
  updateSelected(change: TaskChange): void
  /** @param by -1 is up, 1 is down. */
  moveBy(id: string, by: -1 | 1): void
  moveToTop(id: string): void
  /** Puts tasks beside another one, as dragging does. In another day they get its date. */
  drop(ids: ReadonlySet<string>, target: string, side: 'before' | 'after'): void
}

export function createCommands(options: CommandsOptions): Commands {
  const { actions, sections, order, selected, setSelected, ordered } = options
  const chosen = () => order.filter(({ id }) => selected.has(id))
  const find = (id: string) => order.find((task) => task.id === id)
  const sectionOf = (id: string) =>
    sections.find(({ tasks }) => tasks.some((task) => task.id === id))

  /** The task, or the selected ones if it is one of them. */
  function targets(id: string): readonly LocalTask[] {
    if (selected.has(id)) return chosen()
    const task = find(id)
    return task === undefined ? [] : [task]
  }

  function move(tasks: readonly LocalTask[], place: Place): void {
    if (ordered) void actions.move(tasks, place, order)
  }

  return {
    ...{ ordered, sections, find },
    hasSelection: selected.size > 0,
    targetsOf: (id) => new Set(targets(id).map((task) => task.id)),
    open(id, at) {
      options.openAt.set(at ?? null)
      options.open.set(id)
    },
    openMenu: options.openMenu,
    copyLink(id) {
      const task = find(id)
      if (task !== undefined) void actions.copyLink(task)
    },
    edit: (id) => options.editing.set(id),
    toggleSelected(id) {
      const next = new Set(selected)
      if (!next.delete(id)) next.add(id)
      setSelected(next)
    },
    extendTo(id) {
      const anchor = [...selected].at(-1) ?? id
      const ends = [
        order.findIndex((task) => task.id === anchor),
        order.findIndex((task) => task.id === id),
      ]
      const range = order.slice(Math.min(...ends), Math.max(...ends) + 1)
      setSelected(new Set([...selected, ...range.map((task) => task.id)]))
    },
    extendFrom: (id, to) => setSelected(new Set([...selected, id, to])),
    selectAll: () => setSelected(new Set(order.map(({ id }) => id))),
    clearSelection: () => setSelected(new Set()),
    toggleCompleted(id) {
      const task = find(id)
      if (task !== undefined) void actions.complete(targets(id), !task.completed)
    },
    completeSelected() {
      const tasks = chosen()
      void actions.complete(tasks, !tasks.every((task) => task.completed))
      setSelected(new Set())
    },
    remove: (id) => void actions.remove(targets(id)),
    removeSelected: () => void actions.remove(chosen()),
    update: (id, change) => void actions.update(targets(id), change),
    updateSelected: (change) => void actions.update(chosen(), change),
    moveBy(id, by) {
      const tasks = targets(id)
      const siblings = sectionOf(id)?.tasks ?? []
      const edge = by < 0 ? tasks[0] : tasks.at(-1)
      const neighbour = siblings[siblings.findIndex((task) => task.id === edge?.id) + by]
      if (edge === undefined || !ordered) return
      if (neighbour === undefined) {
        actions.sayEdge(edge, by)
        return
      }
      move(tasks, by < 0 ? { before: neighbour.id } : { after: neighbour.id })
    },
    moveToTop(id) {
      const first = sectionOf(id)?.tasks[0]
      const tasks = targets(id)
      if (first === undefined || tasks.some((task) => task.id === first.id)) return
      // Before all other tasks, also those of other views.
      move(tasks, { to: 'top' })
    },
    drop(ids, target, side) {
      const tasks = order.filter(({ id }) => ids.has(id) && id !== target)
      const section = sectionOf(target)
      const day = section?.key ?? ''
      const date = day === 'today' ? find(target)?.due_date : day
      const other = tasks.filter((task) => sectionOf(task.id) !== section)
      if (other.length > 0 && date && /^\d{4}-/.test(date))
        void actions.update(other, { due_date: date })
      move(tasks, side === 'before' ? { before: target } : { after: target })
    },
  }
}
