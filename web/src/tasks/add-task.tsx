import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react'
import { addDays, type Day } from '../dates/day.ts'
import { sameText } from '../dates/formats.ts'
import type { Chip } from '../quick-add/parse-quick-add.ts'
import { ADD_TASK } from '../shell/global-keys.tsx'
import type { View } from '../shell/routes.ts'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { NewTask } from '../sync/types.ts'
import { Button } from '../ui/button.tsx'
import { PlusIcon } from '../ui/icons.tsx'
import { FOR_LONG_HINTS, useMedia } from '../ui/media.ts'
import styles from './add-task.module.css'
import { Marks } from './marks.tsx'
import { useToday } from './today.ts'
import { Chips, useUnderstood } from './understand.tsx'

const NONE: ReadonlySet<string> = new Set()

/** The field in which a person writes a new task, with the parts that the page understands as chips below. */
export function AddTask({ view }: { view: View }) {
  const { actions } = useWorkspace()
  const today = useToday()
  const [text, setText] = useState('')
  /** The chips that the person has turned back into text. */
  const [ignored, setIgnored] = useState(NONE)
  const [hasFocus, setFocus] = useState(false)
  const isWide = useMedia(FOR_LONG_HINTS)
  const field = useRef<HTMLInputElement>(null)
  const { chips, read } = useUnderstood(text, ignored)

  function keepAsText({ key }: Chip): void {
    setIgnored(new Set([...ignored, key]))
    field.current?.focus()
  }

  async function add(event: FormEvent): Promise<void> {
    event.preventDefault()
    if (text.trim() === '') return
    setText('')
    setIgnored(NONE)
    field.current?.focus()
    const { title, task } = await read()
    // A text of chips alone is the title.
    const wanted = inView(title === '' ? { title: text.trim() } : task, view, today)
    await actions.create(wanted, elsewhere(wanted, view, today))
  }

  /** Backspace at the end of a part that was understood turns it into text, before it deletes a letter. */
  function onKeyDown(event: KeyboardEvent<HTMLInputElement>): void {
    if (event.key === 'Escape') event.currentTarget.blur()
    if (event.key !== 'Backspace') return
    const { selectionStart, selectionEnd } = event.currentTarget
    const chip = chips.find(({ end }) => end === selectionStart)
    if (chip === undefined || selectionStart !== selectionEnd) return
    event.preventDefault()
    keepAsText(chip)
  }

  return (
    <form className={styles.form} onSubmit={(event) => void add(event)}>
      <div className={styles.field}>
        <PlusIcon />
        <div className={styles.text}>
          <Marks text={text} chips={chips} field={field} />
          <input
            ref={field}
            id={ADD_TASK}
            type="text"
            aria-label={strings.add.label}
            placeholder={hasFocus && isWide ? strings.add.hint : strings.add.placeholder}
            value={text}
            maxLength={1000}
            autoComplete="off"
            enterKeyHint="done"
            onChange={(event) => setText(event.target.value)}
            onKeyDown={onKeyDown}
            onFocus={() => setFocus(true)}
            onBlur={() => setFocus(false)}
          />
        </div>
        {text.trim() !== '' && (
          <Button look="primary" type="submit">
            {strings.add.submit}
          </Button>
        )}
      </div>
      <Chips chips={chips} onKeepAsText={keepAsText} />
    </form>
  )
}

/** @returns the view in which a new task appears, if this one does not show it. */
function elsewhere({ due_date: date }: NewTask, { name }: View, today: Day): View | undefined {
  const own = !date ? 'inbox' : date <= today ? 'today' : 'upcoming'
  const isByDate = name === 'inbox' || name === 'today' || name === 'upcoming'
  return isByDate && name !== own ? { name: own } : undefined
}

/** A task that is added in a view appears there: it gets the day or the tag of the view, unless the text says another. */
function inView(task: NewTask, view: View, today: Day): NewTask {
  if (view.name === 'today' && !task.due_date) return { ...task, due_date: today }
  if (view.name === 'upcoming' && !task.due_date) return { ...task, due_date: addDays(today, 1) }
  if (view.name !== 'tag') return task
  const tags = task.tags ?? []
  return tags.some((tag) => sameText(tag, view.tag)) ? task : { ...task, tags: [...tags, view.tag] }
}
