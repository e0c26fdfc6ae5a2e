import { useId } from 'react'
import { type Day, partsOf, WEEKDAY_CODES, weekdayOf } from '../dates/day.ts'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { sayRecurrence } from '../tasks/say-recurrence.ts'
import field from '../ui/field.module.css'
import { useWanted } from '../ui/wanted.ts'

const texts = strings.details

interface Choice {
  readonly rule: string
  readonly text: string
}

/** The rules (RFC 5545) that people choose most. The quick add field knows more. */
function choicesFor(day: Day): readonly Choice[] {
  const weekday = WEEKDAY_CODES[weekdayOf(day)] ?? 'MO'
  const { rules } = texts
  return [
    { rule: 'FREQ=DAILY', text: rules.daily },
    { rule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', text: rules.weekdays },
    { rule: `FREQ=WEEKLY;BYDAY=${weekday}`, text: rules.weekly },
    { rule: `FREQ=WEEKLY;INTERVAL=2;BYDAY=${weekday}`, text: rules.biweekly },
    {
      rule: `RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=${partsOf(day).date}`,
      text: rules.monthly,
    },
    { rule: 'FREQ=MONTHLY;BYMONTHDAY=-1', text: rules.lastDay },
    { rule: 'FREQ=YEARLY', text: rules.yearly },
  ]
}

export function RepeatFields({ task, dueDate }: { task: LocalTask; dueDate: Day }) {
  const { actions } = useWorkspace()
  const id = useId()
  const choices = choicesFor(dueDate)
  const [recurrence, setRecurrence] = useWanted(task.recurrence)
  function change(to: LocalTask['recurrence']): void {
    setRecurrence(to)
    void actions.updateQuietly(task, { recurrence: to })
  }
  const isCustom = recurrence !== null && !choices.some(({ rule }) => rule === recurrence.rule)

  return (
    <>
      <div className={field.field}>
        <label htmlFor={`${id}-repeat`}>{texts.repeat}</label>
        <select
          id={`${id}-repeat`}
          className={field.input}
          value={recurrence?.rule ?? ''}
          onChange={({ target }) => {
            const from = recurrence?.from ?? 'due'
            const next = target.value === '' ? null : { rule: target.value, from }
            change(next)
          }}
        >
          <option value="">{texts.never}</option>
          {choices.map(({ rule, text }) => (
            <option key={rule} value={rule}>
              {text}
            </option>
          ))}
          {isCustom && <option value={recurrence.rule}>{sayRecurrence(recurrence)}</option>}
        </select>
      </div>
      {recurrence !== null && (
        <div className={field.field}>
          <label htmlFor={`${id}-from`}>{texts.from}</label>
          <select
            id={`${id}-from`}
            className={field.input}
            value={recurrence.from}
            onChange={({ target }) => {
              const from = target.value === 'completion' ? 'completion' : 'due'
              change({ ...recurrence, from })
            }}
          >
            <option value="due">{texts.fromDue}</option>
            <option value="completion">{texts.fromCompletion}</option>
          </select>
        </div>
      )}
    </>
  )
}
