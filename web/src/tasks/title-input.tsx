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
  /** The title when the person began: if they leave it so, another device may have changed it meanwhile. */
  const began = useRef(task.title)
  const hasEnded = useRef(false)
  const latest = useRef({ task, actions })
  latest.current = { task, actions }

  /** @returns the title that was typed, if it differs from the one at the beginning. */
  function typed(input: HTMLInputElement): string | null {
    const title = input.value.trim()
    return title === '' || title === began.current ? null : title
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once
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
    return () => {
      cancelAnimationFrame(request)
      // The row has gone, such as by another device: the text is not lost.
      const title = input === null || hasEnded.current ? null : typed(input)
      if (title === null) return
      const seen = { title: began.current }
      void latest.current.actions.updateQuietly(latest.current.task, { title }, seen)
    }
  }, [])

  function end(save: boolean, focusRow: boolean): void {
    const input = field.current
    // The row takes the focus below, and the field then hears of a blur.
    if (input === null || hasEnded.current || editing.get() !== task.id) return
    hasEnded.current = true
    const title = typed(input)
    if (focusRow) input.closest<HTMLElement>('[role=row]')?.focus()
    editing.set(null)
    if (save && title !== null && title !== task.title) {
      void actions.update([task], { title }, { title: began.current })
    }
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
