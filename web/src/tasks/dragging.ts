import { type DragEvent, type RefObject, useMemo } from 'react'
import type { Commands } from './commands.ts'
import { findRow, rowOf } from './list-keys.ts'

/** Changes the order by dragging rows. The keys and the menu of a row do the same without dragging. */
export function useDragging(commands: RefObject<Commands>, frame: RefObject<HTMLElement | null>) {
  return useMemo(() => {
    let dragged: ReadonlySet<string> = new Set()
    let marked: HTMLElement | null = null

    /** The line is an attribute of the row, so that nothing is rendered while the pointer moves. */
    function mark(row: HTMLElement | null, side: 'before' | 'after' | null): void {
      if (marked !== row && marked !== null) delete marked.dataset.drop
      marked = row
      if (row !== null && side !== null) row.dataset.drop = side
    }

    function onDragStart(event: DragEvent): void {
      const id = rowOf(event.target)
      if (id === null || !commands.current.ordered) return
      dragged = commands.current.targetsOf(id)
      event.dataTransfer.effectAllowed = 'move'
      event.dataTransfer.setData('text/plain', commands.current.find(id)?.title ?? '')
      for (const one of dragged) findRow(frame.current, one)?.setAttribute('data-dragging', '')
    }

    function onDragOver(event: DragEvent): void {
      const id = rowOf(event.target)
      const row = id === null ? null : findRow(frame.current, id)
      if (dragged.size === 0 || id === null || row === null || dragged.has(id)) {
        mark(null, null)
        return
      }
      event.preventDefault()
      event.dataTransfer.dropEffect = 'move'
      const box = row.getBoundingClientRect()
      mark(row, event.clientY < box.top + box.height / 2 ? 'before' : 'after')
    }

    function onDrop(event: DragEvent): void {
      const id = marked?.dataset.key
      const side = marked?.dataset.drop === 'before' ? 'before' : 'after'
      if (id === undefined || dragged.size === 0) return
      event.preventDefault()
      commands.current.drop(dragged, id, side)
    }

    function onDragEnd(): void {
      mark(null, null)
      dragged = new Set()
      for (const row of frame.current?.querySelectorAll('[data-dragging]') ?? []) {
        row.removeAttribute('data-dragging')
      }
    }
    return { onDragStart, onDragOver, onDrop, onDragEnd }
  }, [commands, frame])
}
