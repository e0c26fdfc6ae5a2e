import { memo } from 'react'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { CompletionBox } from '../ui/completion-box.tsx'
import { GripIcon, MoreIcon, UnsentIcon } from '../ui/icons.tsx'
import { useIs } from '../ui/value.ts'
import { useCommands } from './list-context.ts'
import { RowProblems } from './row-problems.tsx'
import { TaskMeta } from './task-meta.tsx'
import styles from './task-row.module.css'
import { TitleInput } from './title-input.tsx'

interface TaskRowProps {
  readonly task: LocalTask
  /** False below a heading that says the day. */
  readonly isDayShown: boolean
  readonly isSelected: boolean
  /** Whether the Tab key stops at this row. */
  readonly isStop: boolean
  readonly isMenuOpen: boolean
  readonly isDraggable: boolean
}

export const TaskRow = memo(function TaskRow(props: TaskRowProps) {
  const { task, isDayShown, isSelected, isStop, isMenuOpen, isDraggable } = props
  const { editing, open } = useWorkspace()
  const commands = useCommands()
  const isEdited = useIs(editing, task.id)
  const isOpen = useIs(open, task.id)
  const tabIndex = isStop ? 0 : -1
  return (
    // biome-ignore lint/a11y/useSemanticElements: a row of a grid, not of a table
    <div
      role="row"
      data-key={task.id}
      tabIndex={tabIndex}
      aria-label={task.title}
      aria-selected={isSelected}
      className={styles.row}
      draggable={isDraggable && !isEdited}
      data-open={isOpen || undefined}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the row has the focus, or a control in it */}
      <div role="gridcell" className={styles.content} data-completed={task.completed || undefined}>
        {isDraggable && (
          <span className={styles.grip}>
            <GripIcon size={16} />
          </span>
        )}
        <CompletionBox
          task={task}
          label={task.title}
          tabIndex={tabIndex}
          onChange={() => commands.current.toggleCompleted(task.id)}
        />
        <div className={styles.text}>
          {isEdited ? (
            <TitleInput task={task} />
          ) : (
            <span className={styles.title}>
              {/* People write in more languages than the page has. */}
              <bdi>{task.title}</bdi>
            </span>
          )}
          {task.description && !isEdited && (
            <span className={styles.excerpt}>
              <bdi>{excerpt(task.description)}</bdi>
            </span>
          )}
          <TaskMeta task={task} isDayShown={isDayShown} />
          <RowProblems task={task} />
        </div>
        {task.saved === 'unsent' && (
          <span className={styles.unsent} title={strings.task.unsent}>
            <UnsentIcon size={16} />
            <span className="visually-hidden">{strings.task.unsent}</span>
          </span>
        )}
        <button
          type="button"
          className={styles.menu}
          tabIndex={tabIndex}
          aria-label={strings.task.actions(task.title)}
          aria-haspopup="menu"
          aria-expanded={isMenuOpen}
          onClick={() => commands.current.openMenu(task.id)}
        >
          <MoreIcon />
        </button>
      </div>
    </div>
  )
})

function excerpt(description: string): string {
  return description.slice(0, 160).split('\n', 1)[0] ?? ''
}
