import { useTasks, useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import { useObservable } from '../ui/value.ts'
import styles from './problems.module.css'
import { RefusalNote } from './row-problems.tsx'

/** Refused changes of tasks that no list shows, such as of one that another device has deleted. */
export function LostProblems() {
  const { sync } = useWorkspace()
  const tasks = useTasks()
  const refusals = useObservable(sync.refusals).filter(({ taskId }) => !tasks.has(taskId))
  if (refusals.length === 0) return null
  return (
    <section className={styles.panel}>
      <h2>{strings.problems.title}</h2>
      {refusals.map((refusal) => (
        <div key={refusal.id}>
          <span className={styles.panelTitle}>{refusal.title}</span>
          <RefusalNote refusal={refusal} />
        </div>
      ))}
    </section>
  )
}
