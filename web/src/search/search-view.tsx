import { useMemo } from 'react'
import { useTasks, useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import { Empty } from '../tasks/empty.tsx'
import type { Section } from '../tasks/sections.ts'
import { TaskList } from '../tasks/task-list.tsx'
import { ViewHead } from '../tasks/view-head.tsx'
import { useObservable } from '../ui/value.ts'
import { findTasks } from './find-tasks.ts'

/** The tasks that have every word of the query, found on this device, with each letter that is typed. */
export function SearchView({ query }: { query: string }) {
  const { actions } = useWorkspace()
  const tasks = useTasks()
  const lingering = useObservable(actions.lingering)
  const found = useMemo(() => findTasks(tasks, query), [tasks, query])
  const sections = useMemo(() => {
    const isDone = (id: string, completed: boolean) => lingering.get(id) ?? completed
    const open = found.filter((task) => !isDone(task.id, task.completed))
    const done = found.filter((task) => isDone(task.id, task.completed))
    const all: Section[] = [
      {
        key: 'open',
        heading: done.length > 0 ? strings.search.open : null,
        note: null,
        tasks: open,
      },
      { key: 'done', heading: strings.search.done, note: null, tasks: done },
    ]
    return all.filter((section) => section.tasks.length > 0)
  }, [found, lingering])
  return (
    <>
      <ViewHead title={strings.search.title} />
      <p role="status" className="visually-hidden">
        {strings.search.results(found.length)}
      </p>
      <TaskList
        label={strings.search.results(found.length)}
        sections={sections}
        ordered={false}
        empty={<Empty look="search" />}
      />
    </>
  )
}
