import type { LocalTask } from '../sync/types.ts'
import styles from './completion-box.module.css'
import { useWanted } from './wanted.ts'

interface CompletionBoxProps {
  readonly task: LocalTask
  readonly label: string
  readonly tabIndex?: number
  onChange(completed: boolean): void
}

/** The round checkbox of a task. It changes with the click, before this device has stored the change. */
export function CompletionBox({ task, label, tabIndex, onChange }: CompletionBoxProps) {
  const [completed, setCompleted] = useWanted(task.completed)
  return (
    <span className={styles.target}>
      <input
        type="checkbox"
        className={styles.box}
        tabIndex={tabIndex}
        data-priority={task.priority}
        aria-label={label}
        checked={completed}
        onChange={() => {
          setCompleted(!completed)
          onChange(!completed)
        }}
      />
    </span>
  )
}
