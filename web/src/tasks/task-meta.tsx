import { addDays, type Day } from '../dates/day.ts'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { CalendarIcon, ChecklistIcon, ClockIcon, FlagIcon, RepeatIcon } from '../ui/icons.tsx'
import { useDerived } from '../ui/value.ts'
import { childrenOf, doneOf } from './children.ts'
import { sayDay, sayTime } from './days.ts'
import { sayRecurrence } from './say-recurrence.ts'
import styles from './task-row.module.css'
import { useToday, zoneHere } from './today.ts'

interface TaskMetaProps {
  readonly task: LocalTask
  readonly isDayShown: boolean
}

/** The line below a title: date, priority, checklist, parent, tags. Renders nothing if the task has none of these. */
export function TaskMeta({ task, isDayShown }: TaskMetaProps) {
  const { tasks } = useWorkspace().sync
  // Not all tasks: a row renders again only if a text in it changes.
  const count = useDerived(tasks, (all) => childrenOf(all, task.id).length)
  const done = useDerived(tasks, (all) => doneOf(childrenOf(all, task.id)))
  const parent = useDerived(tasks, (all) => all.get(task.parent_id ?? '')?.title ?? null)
  const isEmpty =
    task.due_date === null &&
    task.priority === 'none' &&
    task.tags.length === 0 &&
    count === 0 &&
    parent === null
  if (isEmpty) return null
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
      {count > 0 && (
        <span className={styles.metaItem}>
          <ChecklistIcon size={14} />
          <span aria-hidden="true">{`${done}/${count}`}</span>
          <span className="visually-hidden">{strings.task.progress(done, count)}</span>
        </span>
      )}
      {parent !== null && <span className={styles.metaItem}>{strings.task.partOf(parent)}</span>}
      {task.tags.map((tag) => (
        <bdi key={tag} className={styles.tag}>
          <span aria-hidden="true">#</span>
          {tag}
        </bdi>
      ))}
    </span>
  )
}

function DueDate({ task, isDayShown }: TaskMetaProps) {
  const today = useToday()
  if (task.due_date === null) return null
  if (!isDayShown && task.due_time === null && task.recurrence === null) return null
  const nearness = task.completed ? 'later' : nearnessOf(task.due_date, today)
  return (
    <span className={styles.metaItem} data-due={nearness}>
      {isDayShown ? <CalendarIcon size={14} /> : task.due_time !== null && <ClockIcon size={14} />}
      {nearness === 'overdue' && <span className="visually-hidden">{strings.task.overdue}: </span>}
      <bdi>
        {[
          isDayShown && sayDay(task.due_date, today),
          task.due_time !== null && sayTime(task.due_time),
        ]
          .filter(Boolean)
          .join(' ')}
      </bdi>
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

function nearnessOf(day: Day, today: Day): 'overdue' | 'today' | 'tomorrow' | 'later' {
  if (day < today) return 'overdue'
  if (day === today) return 'today'
  return day === addDays(today, 1) ? 'tomorrow' : 'later'
}

/** @returns the city of a zone, or nothing in the zone of this device. */
function zoneName(zone: string): string {
  if (zone === zoneHere()) return ''
  return (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ')
}
