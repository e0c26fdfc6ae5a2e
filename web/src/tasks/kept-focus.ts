import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react'
import type { LocalTask } from '../sync/types.ts'
import { findRow } from './list-keys.ts'

/** Where the focus goes if a list has no row left. */
export const VIEW_TITLE = 'view-title'

/** Where the focus was in a list. */
interface Place {
  readonly id: string
  readonly index: number
  readonly element: HTMLElement
}

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
  const last = useRef<Place | null>(null)
  const rows = useRef(order)
  useLayoutEffect(() => {
    rows.current = order
  }, [order])

  useEffect(() => {
    function remember({ target }: FocusEvent): void {
      const row =
        target instanceof HTMLElement ? target.closest<HTMLElement>('[role=row][data-key]') : null
      if (target instanceof HTMLElement && row !== null && frame.current?.contains(row)) {
        const id = row.dataset.key ?? ''
        const index = rows.current.findIndex((task) => task.id === id)
        last.current = { id, index, element: target }
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
    const place = last.current
    if (!isFocusLost() || place === null || !order.some(({ id }) => id === place.id)) return
    const row = findRow(frame.current, place.id)
    // A menu has closed, or the row has moved: what had the focus gets it back. If the row is not rendered any more,
    // the list keeps the focus, and arrow keys lead back.
    const target = row?.contains(place.element) ? place.element : (row ?? frame.current)
    target?.focus({ preventScroll: true })
    last.current = { ...place, index: order.findIndex(({ id }) => id === place.id) }
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
