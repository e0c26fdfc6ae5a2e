import { addDays, type Day } from '../dates/day.ts'
import { sameText } from '../dates/formats.ts'
import type { View } from '../shell/view.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { dayOfInstant, instantsOf, sayDate, sayDay, sayLongDay } from './days.ts'

export type Tasks = ReadonlyMap<string, LocalTask>
/** Tasks that changed a moment ago, with the completion that they had: they stay in place until a person has seen it. */
export type Lingering = ReadonlyMap<string, boolean>

/** A part of a list with a heading of its own; without one if `heading` is null. */
export interface Section {
  readonly key: string
  readonly heading: string | null
  readonly note: string | null
  readonly tasks: readonly LocalTask[]
  /** False in a part of a section that begins further up. */
  readonly isBegin?: boolean
}

/** Sorts as the server sorts `position`: by bytes, then by id (contract §E). */
export function byPosition(one: LocalTask, other: LocalTask): number {
  if (one.position !== other.position) return one.position < other.position ? -1 : 1
  if (one.id === other.id) return 0
  return one.id < other.id ? -1 : 1
}

/** Sorts the latest completed task first, and one that the server has not completed yet before it. */
function latestFirst(one: LocalTask, other: LocalTask): number {
  const [a, b] = [one.completed_at ?? '9', other.completed_at ?? '9']
  if (a === b) return byPosition(one, other)
  return a < b ? 1 : -1
}

/** The sort is stable: tasks of one day keep the order that they have. */
function byDueDate({ due_date: one }: LocalTask, { due_date: other }: LocalTask): number {
  if (one === other) return 0
  return (one ?? '') < (other ?? '') ? -1 : 1
}

/** @returns whether a view shows a task. Items of a checklist stay with their parent unless they have a date. */
function shows(view: View, task: LocalTask, completed: boolean, tasks: Tasks, today: Day): boolean {
  switch (view.name) {
    case 'inbox': {
      if (completed || task.due_date !== null) return false
      const parent = task.parent_id === null ? undefined : tasks.get(task.parent_id)
      return parent === undefined || parent.completed
    }
    case 'today':
      return !completed && task.due_date !== null && task.due_date <= today
    case 'upcoming':
      return !completed && task.due_date !== null && task.due_date > today
    case 'all':
      return !completed
    case 'completed':
      return completed
    case 'tag':
      return !completed && task.tags.some((tag) => sameText(tag, view.tag))
    default:
      return false
  }
}

/** @returns the tasks of a view in its sections, in the order in which it shows them. */
export function sectionsOf(view: View, tasks: Tasks, lingering: Lingering, today: Day): Section[] {
  const shown: LocalTask[] = []
  for (const task of tasks.values()) {
    const completed = lingering.get(task.id) ?? task.completed
    if (shows(view, task, completed, tasks, today)) shown.push(task)
  }
  if (view.name === 'completed') return byDay(shown.sort(latestFirst), dayCompleted, today)
  shown.sort(byPosition)
  if (view.name === 'upcoming') {
    return byDay(shown.sort(byDueDate), (task) => task.due_date ?? today, today)
  }
  if (view.name === 'today') return overdueFirst(shown, today)
  return shown.length === 0 ? [] : [{ key: 'all', heading: null, note: null, tasks: shown }]
}

function dayCompleted(task: LocalTask): Day {
  return task.completed_at === null ? '9999-12-31' : dayOfInstant(task.completed_at)
}

function overdueFirst(shown: readonly LocalTask[], today: Day): Section[] {
  const overdue = shown.filter((task) => task.due_date !== today)
  const due = shown.filter((task) => task.due_date === today)
  const sections = [
    { key: 'overdue', heading: strings.days.overdue, note: null, tasks: overdue },
    {
      key: 'today',
      heading: overdue.length > 0 ? strings.days.today : null,
      note: null,
      tasks: due,
    },
  ]
  return sections.filter((section) => section.tasks.length > 0)
}

/** @param sorted by the day of each task. */
function byDay(
  sorted: readonly LocalTask[],
  dayOfTask: (task: LocalTask) => Day,
  today: Day,
): Section[] {
  const days = new Map<Day, LocalTask[]>()
  for (const task of sorted) {
    const day = dayOfTask(task)
    const list = days.get(day)
    if (list === undefined) days.set(day, [task])
    else list.push(task)
  }
  return [...days].map(([day, list]) => {
    if (day === '9999-12-31')
      return { key: day, heading: strings.days.today, note: null, tasks: list }
    return { key: day, heading: sayDay(day, today), note: noteOf(day, today), tasks: list }
  })
}

/** @returns a note beside the heading of a day. */
function noteOf(day: Day, today: Day): string | null {
  if (day < addDays(today, -1) || day > addDays(today, 6)) return null
  return day <= addDays(today, 1) ? sayLongDay(day) : sayDate(day)
}

/** Numbers beside the links of the views, and the tags in use. */
export interface Counts {
  readonly inbox: number
  readonly today: number
  readonly upcoming: number
  readonly overdue: number
  readonly doneToday: number
  readonly tags: readonly { readonly tag: string; readonly open: number }[]
}

export function countsOf(tasks: Tasks, today: Day): Counts {
  const { begin, end } = instantsOf(today)
  const counts = { inbox: 0, today: 0, upcoming: 0, overdue: 0, doneToday: 0 }
  const tags = new Map<string, { tag: string; open: number }>()
  for (const task of tasks.values()) {
    if (task.completed) {
      const at = task.completed_at ?? ''
      if (at >= begin && at < end) counts.doneToday += 1
      continue
    }
    if (task.due_date === null && task.parent_id === null) counts.inbox += 1
    if (task.due_date !== null && task.due_date <= today) counts.today += 1
    if (task.due_date !== null && task.due_date > today) counts.upcoming += 1
    if (task.due_date !== null && task.due_date < today) counts.overdue += 1
    for (const tag of task.tags) {
      const key = tag.toLocaleLowerCase()
      const known = tags.get(key)
      if (known === undefined) tags.set(key, { tag, open: 1 })
      else known.open += 1
    }
  }
  const sorted = [...tags.values()].sort((one, other) => one.tag.localeCompare(other.tag))
  return { ...counts, tags: sorted }
}
