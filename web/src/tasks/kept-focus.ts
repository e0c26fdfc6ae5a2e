import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react'
import type { LocalTask } from '../sync/types.ts'
import { findRow } from './list-keys.ts'

/** Where the focus goes if a list has no row left. */
export const VIEW_TITLE = 'view-title'

/** @returns whether no element has the focus. */
export function isFocusLost(): boolean {
  const { activeElement } = document
  return activeElement === null || activeElement === document.body
}

/**
 * Keeps the focus when the row that has it leaves the list: the row that takes its place gets it, or the title of
 * the view. Without this, the focus falls back to the document, and a keyboard begins at the top again.
 */
export function useKeptFocus(
  frame: RefObject<HTMLDivElement | null>,
  order: readonly LocalTask[],
): void {
  const last = useRef<{ readonly id: string; readonly index: number } | null>(null)
  const rows = useRef(order)
  useLayoutEffect(() => {
    rows.current = order
  }, [order])

  useEffect(() => {
    function remember({ target }: FocusEvent): void {
      const row =
        target instanceof Element ? target.closest<HTMLElement>('[role=row][data-key]') : null
      if (row !== null && frame.current?.contains(row)) {
        const id = row.dataset.key ?? ''
        last.current = { id, index: rows.current.findIndex((task) => task.id === id) }
      } else if (
        target !== frame.current &&
        !(target instanceof Element && target.closest('[role=menu], [data-toast]'))
      ) {
        last.current = null
      }
    }
    document.addEventListener('focusin', remember)
    return () => document.removeEventListener('focusin', remember)
  }, [frame])

  useEffect(() => {
    // The row that has the focus is not rendered any more: the list keeps it, and arrow keys lead back.
    const place = last.current
    if (isFocusLost() && place !== null && order[place.index]?.id === place.id) {
      frame.current?.focus({ preventScroll: true })
      last.current = place
    }
  })

  useLayoutEffect(() => {
    const place = last.current
    if (place === null) return
    if (order[place.index]?.id === place.id || order.some(({ id }) => id === place.id)) return
    const next = order[Math.min(place.index, order.length - 1)]
    function take(): void {
      if (!isFocusLost()) return
      const row = next && findRow(frame.current, next.id)
      const target = row ?? document.getElementById(VIEW_TITLE)
      target?.focus()
    }
    take()
    // Once more after a menu has closed, which gives the focus back to a button that is gone.
    const request = requestAnimationFrame(take)
    return () => cancelAnimationFrame(request)
  }, [order, frame])
}
