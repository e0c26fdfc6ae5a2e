import { addDays } from '../dates/day.ts'
import { useTasks } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { CalendarIcon, ChecklistIcon, ClockIcon, FlagIcon, RepeatIcon } from '../ui/icons.tsx'
import { childrenOf } from './children.ts'
import { sayDay } from './days.ts'
import { sayRecurrence } from './say-recurrence.ts'
import styles from './task-row.module.css'
import { useToday } from './today.ts'

interface TaskMetaProps {
  readonly task: LocalTask
  readonly isDayShown: boolean
}

/** The line below a title: date, priority, checklist, parent, tags. Renders nothing if the task has none of these. */
export function TaskMeta({ task, isDayShown }: TaskMetaProps) {
  const tasks = useTasks()
  const items = childrenOf(tasks, task.id)
  const parent = task.parent_id === null ? undefined : tasks.get(task.parent_id)
  const isEmpty =
    task.due_date === null &&
    task.priority === 'none' &&
    task.tags.length === 0 &&
    items.length === 0 &&
    !parent
  if (isEmpty) return null
  const done = items.filter((item) => item.completed).length
  return (
    <span className={styles.meta}>
      <DueDate task={task} isDayShown={isDayShown} />
      {task.priority !== 'none' && (
        <span className={styles.metaItem} data-priority={task.priority}>
          <FlagIcon size={14} />
          {strings.priorities[task.priority]}
          <span className="visually-hidden"> {strings.task.priority}</span>
        </span>
      )}
      {items.length > 0 && (
        <span className={styles.metaItem}>
          <ChecklistIcon size={14} />
          <span aria-hidden="true">{`${done}/${items.length}`}</span>
          <span className="visually-hidden">{strings.task.progress(done, items.length)}</span>
        </span>
      )}
      {parent && <span className={styles.metaItem}>{strings.task.partOf(parent.title)}</span>}
      {task.tags.map((tag) => (
        <span key={tag} className={styles.tag}>
          <span aria-hidden="true">#</span>
          {tag}
        </span>
      ))}
    </span>
  )
}

function DueDate({ task, isDayShown }: TaskMetaProps) {
  const today = useToday()
  if (task.due_date === null) return null
  if (!isDayShown && task.due_time === null && task.recurrence === null) return null
  const isOverdue = !task.completed && task.due_date < today
  const nearness = isOverdue
    ? 'overdue'
    : task.due_date === today
      ? 'today'
      : task.due_date === addDays(today, 1)
        ? 'tomorrow'
        : 'later'
  return (
    <span className={styles.metaItem} data-due={task.completed ? 'later' : nearness}>
      {isDayShown ? <CalendarIcon size={14} /> : task.due_time !== null && <ClockIcon size={14} />}
      {isOverdue && <span className="visually-hidden">{strings.task.overdue}: </span>}
      {[isDayShown && sayDay(task.due_date, today), task.due_time].filter(Boolean).join(' ')}
      {task.due_zone !== null && ` ${zoneName(task.due_zone)}`}
      {task.recurrence !== null && (
        <>
          <RepeatIcon size={14} />
          <span className="visually-hidden">{strings.task.repeats}: </span>
          {sayRecurrence(task.recurrence)}
        </>
      )}
    </span>
  )
}

/** @returns the city of a zone, or nothing in the zone of this device. */
function zoneName(zone: string): string {
  if (zone === Intl.DateTimeFormat().resolvedOptions().timeZone) return ''
  return (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ')
}
