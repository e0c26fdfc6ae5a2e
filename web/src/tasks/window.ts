import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { LocalTask } from '../sync/types.ts'
import { findRow, focusRow } from './list-keys.ts'
import type { Section } from './sections.ts'

/** Rows come and go in groups: one for each would be much work for each step of a wheel. */
const GROUP = 8
const ROW_PX = 54
/** Rows are there this far beyond the edges of the window. */
const BEYOND_PX = 480
/** Shorter lists are complete, so that the browser can find every text and print it. */
const COMPLETE_ROWS = 120

/** The groups of a list that are rendered, as indexes of the first and behind the last one. */
interface Range {
  readonly from: number
  readonly to: number
}

export interface ListWindow {
  readonly sections: readonly Section[]
  /** The heights of what is not rendered. */
  readonly before: number
  readonly after: number
  readonly isPartial: boolean
  /** Renders a row, and gives it the focus. */
  reveal(index: number): void
}

/**
 * Renders the rows near the visible ones only. (The Virtualizer of React Aria takes time for every task of the list
 * whenever a row comes.)
 */
export function useWindow(
  frame: RefObject<HTMLDivElement | null>,
  sections: readonly Section[],
  order: readonly LocalTask[],
): ListWindow {
  const heights = useRef<number[]>([])
  const [range, setRange] = useState<Range>({ from: 0, to: 4 })
  const groups = Math.ceil(order.length / GROUP)
  const isPartial = order.length > COMPLETE_ROWS
  const wanted = useRef<string | null>(null)
  const heightOf = useCallback((group: number) => heights.current[group] ?? GROUP * ROW_PX, [])

  const look = useCallback(() => {
    const box = frame.current?.getBoundingClientRect()
    if (box === undefined || !isPartial) return
    const top = -box.top - BEYOND_PX
    const bottom = -box.top + innerHeight + BEYOND_PX
    let at = 0
    let from = 0
    while (from < groups - 1 && at + heightOf(from) < top) at += heightOf(from++)
    let to = from
    while (to < groups && at < bottom) at += heightOf(to++)
    setRange((old) =>
      old.from === from && old.to === to ? old : { from, to: Math.max(to, from + 1) },
    )
  }, [frame, isPartial, groups, heightOf])

  useEffect(() => {
    if (!isPartial) return
    look()
    addEventListener('scroll', look, { passive: true })
    addEventListener('resize', look)
    return () => {
      removeEventListener('scroll', look)
      removeEventListener('resize', look)
    }
  }, [look, isPartial])

  const from = isPartial ? Math.min(range.from, Math.max(0, groups - 1)) : 0
  const to = isPartial ? Math.max(from + 1, Math.min(range.to, groups)) : groups

  useLayoutEffect(() => {
    if (!isPartial || frame.current === null) return
    measure(frame.current, order, heights.current, { from, to })
    const id = wanted.current
    const row = id && findRow(frame.current, id)
    if (!row) return
    wanted.current = null
    focusRow(row)
  })

  const sum = (first: number, last: number) => {
    let height = 0
    for (let group = first; group < last; group += 1) height += heightOf(group)
    return height
  }
  return {
    sections: isPartial ? cut(sections, from * GROUP, to * GROUP) : sections,
    before: isPartial ? sum(0, from) : 0,
    after: isPartial ? sum(to, groups) : 0,
    isPartial,
    reveal(index) {
      const group = Math.floor(index / GROUP)
      wanted.current = order[index]?.id ?? null
      const box = frame.current?.getBoundingClientRect()
      if (box !== undefined) scrollTo(0, scrollY + box.top + sum(0, group) - innerHeight / 2)
      setRange({ from: Math.max(0, group - 2), to: Math.min(groups, group + 3) })
    },
  }
}

/** Notes how high the rendered groups are, from the first row of each to the first one of the next. */
function measure(
  frame: HTMLElement,
  order: readonly LocalTask[],
  heights: number[],
  { from, to }: Range,
): void {
  const topOf = (group: number) => {
    const first = order[group * GROUP]
    return first && findRow(frame, first.id)?.getBoundingClientRect().top
  }
  let top = topOf(from)
  for (let group = from; group < to - 1; group += 1) {
    const next = topOf(group + 1)
    if (top !== undefined && next !== undefined) heights[group] = next - top
    top = next
  }
}

/** @returns the tasks from one index to another, in their sections. */
function cut(sections: readonly Section[], from: number, to: number): Section[] {
  let at = 0
  const parts: Section[] = []
  for (const section of sections) {
    const first = Math.max(0, from - at)
    const tasks = section.tasks.slice(first, Math.max(0, to - at))
    at += section.tasks.length
    if (tasks.length > 0) parts.push({ ...section, tasks, isBegin: first === 0 })
  }
  return parts
}
