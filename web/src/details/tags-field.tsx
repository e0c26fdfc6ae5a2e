import { type KeyboardEvent, useId, useState } from 'react'
import { sameText } from '../dates/formats.ts'
import { useCounts, useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { useToday } from '../tasks/today.ts'
import { Button } from '../ui/button.tsx'
import field from '../ui/field.module.css'
import { CloseIcon } from '../ui/icons.tsx'
import styles from './details.module.css'

const texts = strings.details

export function TagsField({ task }: { task: LocalTask }) {
  const { actions } = useWorkspace()
  const { tags: known } = useCounts(useToday())
  const [text, setText] = useState('')
  const id = useId()
  const set = (tags: string[]) => void actions.updateQuietly(task, { tags })

  function add(): void {
    const tag = text.trim().replace(/^#/, '').slice(0, 50)
    setText('')
    if (tag !== '' && !task.tags.some((other) => sameText(other, tag))) set([...task.tags, tag])
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Enter' || event.key === ',') {
      event.preventDefault()
      add()
    }
    if (event.key === 'Backspace' && text === '') set(task.tags.slice(0, -1))
  }

  return (
    <fieldset className={styles.group}>
      <legend>{texts.tags}</legend>
      {task.tags.length > 0 && (
        <ul className={styles.tags}>
          {task.tags.map((tag) => (
            <li key={tag} className={styles.tag}>
              {tag}
              <Button
                look="chip"
                aria-label={texts.removeTag(tag)}
                onPress={() => {
                  set(task.tags.filter((other) => other !== tag))
                  document.getElementById(id)?.focus()
                }}
              >
                <CloseIcon size={14} />
              </Button>
            </li>
          ))}
        </ul>
      )}
      <input
        id={id}
        data-field="tags"
        type="text"
        className={field.input}
        aria-label={texts.addTag}
        placeholder={texts.addTag}
        list={`${id}-known`}
        value={text}
        maxLength={51}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={add}
      />
      <datalist id={`${id}-known`}>
        {known
          .filter(({ tag }) => !task.tags.some((other) => sameText(other, tag)))
          .map(({ tag }) => (
            <option key={tag} value={tag} />
          ))}
      </datalist>
    </fieldset>
  )
}
