import { useId } from 'react'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { useWanted } from '../ui/wanted.ts'
import styles from './details.module.css'

const PRIORITIES = ['none', 'low', 'medium', 'high'] as const

export function PriorityField({ task }: { task: LocalTask }) {
  const { actions } = useWorkspace()
  const name = useId()
  const [chosen, setChosen] = useWanted(task.priority)
  return (
    <fieldset className={styles.group}>
      <legend>{strings.task.priority}</legend>
      <div className={styles.segments}>
        {PRIORITIES.map((priority) => (
          <label key={priority} className={styles.segment} data-priority={priority}>
            <input
              type="radio"
              name={name}
              value={priority}
              checked={chosen === priority}
              onChange={() => {
                setChosen(priority)
                void actions.updateQuietly(task, { priority })
              }}
            />
            {strings.priorities[priority]}
          </label>
        ))}
      </div>
    </fieldset>
  )
}
