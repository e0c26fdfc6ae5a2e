import { useEffect, useRef } from 'react'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import styles from './task-row.module.css'

/** The title in place. Enter and leaving the field save it, Escape does not. */
export function TitleInput({ task }: { task: LocalTask }) {
  const { editing, actions } = useWorkspace()
  const field = useRef<HTMLInputElement>(null)
  /** A menu that was open gives the focus back in the next frame, and then the field takes it again. */
  const isSettled = useRef(false)

  useEffect(() => {
    const input = field.current
    input?.focus()
    input?.select()
    let request = requestAnimationFrame(() => {
      request = requestAnimationFrame(() => {
        if (document.activeElement !== input) input?.focus()
        isSettled.current = true
      })
    })
    return () => cancelAnimationFrame(request)
  }, [])

  function end(save: boolean, focusRow: boolean): void {
    const input = field.current
    if (input === null || editing.get() !== task.id) return
    const title = input.value.trim()
    if (focusRow) input.closest<HTMLElement>('[role=row]')?.focus()
    editing.set(null)
    if (save && title !== '' && title !== task.title) void actions.update([task], { title })
  }

  return (
    <input
      ref={field}
      className={styles.titleInput}
      aria-label={strings.task.title}
      defaultValue={task.title}
      maxLength={500}
      enterKeyHint="done"
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return
        if (event.key === 'Enter') end(true, true)
        if (event.key === 'Escape') end(false, true)
      }}
      onBlur={() => isSettled.current && end(true, false)}
    />
  )
}
