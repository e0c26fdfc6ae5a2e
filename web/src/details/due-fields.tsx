import { useId } from 'react'
import { addDays } from '../dates/day.ts'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask, TaskChange } from '../sync/types.ts'
import { NO_DATE } from '../tasks/choices.ts'
import { useToday, zoneHere } from '../tasks/today.ts'
import { Button } from '../ui/button.tsx'
import field from '../ui/field.module.css'
import { useWanted } from '../ui/wanted.ts'
import styles from './details.module.css'
import { RepeatFields } from './repeat-fields.tsx'

const texts = strings.details

type Due = Pick<LocalTask, 'due_date' | 'due_time' | 'due_zone' | 'recurrence'>

function dueOf({ due_date, due_time, due_zone, recurrence }: LocalTask): Due {
  return { due_date, due_time, due_zone, recurrence }
}

/** When the task is due: the day, the time of the day, the zone of that time, and how it repeats. */
export function DueFields({ task }: { task: LocalTask }) {
  const { actions } = useWorkspace()
  const today = useToday()
  const id = useId()
  const [due, setDue] = useWanted<Due>(dueOf(task))
  function change(to: TaskChange): void {
    setDue({ ...due, ...to })
    void actions.updateQuietly(task, to)
  }

  return (
    <fieldset className={styles.group}>
      <legend>{texts.date}</legend>
      <div className={styles.quick}>
        <Button look="small" onPress={() => change({ due_date: today })}>
          {strings.days.today}
        </Button>
        <Button look="small" onPress={() => change({ due_date: addDays(today, 1) })}>
          {strings.days.tomorrow}
        </Button>
        <Button look="small" onPress={() => change({ due_date: addDays(today, 7) })}>
          {texts.inAWeek}
        </Button>
        {due.due_date !== null && (
          <Button look="small" onPress={() => change(NO_DATE)}>
            {texts.clearDate}
          </Button>
        )}
      </div>
      <div className={styles.pair}>
        <input
          type="date"
          data-field="date"
          aria-label={texts.date}
          className={field.input}
          value={due.due_date ?? ''}
          min="0001-01-01"
          max="9999-12-31"
          onChange={({ target }) => {
            if (target.value !== '') change({ due_date: target.value })
            else if (target.validity.valid) change(NO_DATE)
          }}
        />
        {due.due_date !== null && (
          <input
            type="time"
            aria-label={texts.time}
            className={field.input}
            value={due.due_time ?? ''}
            onChange={({ target }) => {
              if (target.value !== '') change({ due_time: target.value.slice(0, 5) })
              else if (target.validity.valid) change({ due_time: null, due_zone: null })
            }}
          />
        )}
      </div>
      {due.due_time !== null && (
        <div className={field.field}>
          <label htmlFor={`${id}-zone`}>{texts.zone}</label>
          <select
            id={`${id}-zone`}
            className={field.input}
            value={due.due_zone ?? ''}
            onChange={({ target }) => change({ due_zone: target.value || null })}
          >
            <option value="">{texts.noZone}</option>
            {zones(due.due_zone).map((zone) => (
              <option key={zone} value={zone}>
                {zone.replaceAll('_', ' ')}
              </option>
            ))}
          </select>
        </div>
      )}
      {due.due_date !== null && <RepeatFields task={task} dueDate={due.due_date} />}
    </fieldset>
  )
}

/** @returns all zones, the one of this device first. */
function zones(own: string | null): readonly string[] {
  return [
    ...new Set([...(own ? [own] : []), zoneHere(), 'UTC', ...Intl.supportedValuesOf('timeZone')]),
  ]
}
