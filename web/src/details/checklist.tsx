import { type FormEvent, useRef, useState } from 'react'
import { useTasks, useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { childrenOf, doneOf } from '../tasks/children.ts'
import { Button } from '../ui/button.tsx'
import { CompletionBox } from '../ui/completion-box.tsx'
import field from '../ui/field.module.css'
import { CloseIcon } from '../ui/icons.tsx'
import styles from './details.module.css'
import { useDraft } from './use-draft.ts'

const texts = strings.details

/** The tasks below this one. */
export function Checklist({ parent }: { parent: LocalTask }) {
  const { actions } = useWorkspace()
  const items = childrenOf(useTasks(), parent.id)
  const [text, setText] = useState('')
  const input = useRef<HTMLInputElement>(null)

  function add(event: FormEvent): void {
    event.preventDefault()
    const title = text.trim()
    if (title === '') return
    setText('')
    void addLast(title)
  }

  /** New tasks are first in the order, and a checklist grows at its end. */
  async function addLast(title: string): Promise<void> {
    const last = items.at(-1)
    const id = await actions.create({ title, parent_id: parent.id })
    if (id !== undefined && last !== undefined) {
      await actions.moveQuietly(id, { after: last.id })
    }
    input.current?.focus()
  }

  const done = doneOf(items)
  return (
    <fieldset className={styles.group}>
      <legend>
        {texts.checklist}
        {items.length > 0 && (
          <span className={styles.progress}>{strings.task.progress(done, items.length)}</span>
        )}
      </legend>
      {items.length > 0 && (
        <ul>
          {items.map((item) => (
            <Item key={item.id} item={item} onRemoved={() => input.current?.focus()} />
          ))}
        </ul>
      )}
      <form onSubmit={add}>
        <input
          ref={input}
          type="text"
          className={field.input}
          aria-label={texts.addItem}
          placeholder={texts.addItem}
          value={text}
          maxLength={500}
          enterKeyHint="done"
          onChange={(event) => setText(event.target.value)}
        />
      </form>
    </fieldset>
  )
}

function Item({ item, onRemoved }: { item: LocalTask; onRemoved(): void }) {
  const { actions } = useWorkspace()
  const draft = useDraft(item.title, (text, seen) => {
    const title = text.trim()
    if (title === '') return item.title
    if (title !== item.title) void actions.updateQuietly(item, { title }, { title: seen })
    return title
  })
  return (
    <li className={styles.item} data-completed={item.completed || undefined}>
      <CompletionBox
        task={item}
        label={item.title}
        onChange={(completed) => void actions.complete([item], completed)}
      />
      <textarea
        {...draft}
        className={styles.itemTitle}
        aria-label={texts.itemTitle(item.title)}
        rows={1}
        maxLength={500}
      />
      <Button
        look="icon"
        aria-label={texts.removeItem(item.title)}
        onPress={() => {
          onRemoved()
          void actions.remove([item])
        }}
      >
        <CloseIcon size={16} />
      </Button>
    </li>
  )
}
