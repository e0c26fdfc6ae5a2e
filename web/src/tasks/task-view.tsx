import { useMemo } from 'react'
import type { View } from '../shell/routes.ts'
import { useCounts, useTasks, useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import { useObservable } from '../ui/value.ts'
import { AddTask } from './add-task.tsx'
import { sayLongDay } from './days.ts'
import { Empty } from './empty.tsx'
import { LostProblems } from './lost-problems.tsx'
import { sectionsOf } from './sections.ts'
import { TaskList } from './task-list.tsx'
import { useToday } from './today.ts'
import { ViewHead } from './view-head.tsx'

type ListName = 'inbox' | 'today' | 'upcoming' | 'all' | 'completed' | 'tag'

export function TaskView({ view }: { view: View }) {
  const { sync, actions } = useWorkspace()
  const tasks = useTasks()
  const today = useToday()
  const lingering = useObservable(actions.lingering)
  const { loaded, state } = useObservable(sync.status)
  const { doneToday } = useCounts(today)
  const sections = useMemo(
    () => sectionsOf(view, tasks, lingering, today),
    [view, tasks, lingering, today],
  )
  const title = view.name === 'tag' ? `#${view.tag}` : strings.views[view.name]
  const count = sections.reduce((sum, section) => sum + section.tasks.length, 0)
  const notes = [
    view.name === 'today' ? sayLongDay(today) : count > 0 ? strings.task.count(count) : null,
    view.name === 'today' && doneToday > 0 ? strings.task.doneToday(doneToday) : null,
  ]
  const isWaiting = !loaded && tasks.size === 0
  return (
    <>
      <ViewHead title={title} notes={notes} />
      {view.name !== 'completed' && <AddTask view={view} />}
      <LostProblems />
      {isWaiting ? (
        <Empty look={state === 'offline' ? 'offline' : 'loading'} />
      ) : (
        <TaskList
          label={strings.task.list(title)}
          sections={sections}
          ordered={view.name !== 'completed'}
          empty={
            <Empty look={listName(view)} doneToday={doneToday}>
              {view.name === 'inbox' && <p>{strings.add.hint}</p>}
            </Empty>
          }
        />
      )}
    </>
  )
}

function listName({ name }: View): ListName {
  return name === 'trash' || name === 'settings' ? 'inbox' : name
}
