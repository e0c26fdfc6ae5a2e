import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from 'react'
import type { Chip } from '../quick-add/parse-quick-add.ts'
import styles from './add-task.module.css'

interface MarksProps {
  readonly text: string
  readonly chips: readonly Chip[]
  readonly field: RefObject<HTMLInputElement | null>
}

/**
 * Colours the parts of a field that the page understands. It is the same text behind the field, without ink. The chips
 * below the field say the same to screen readers.
 */
export function Marks({ text, chips, field }: MarksProps) {
  const frame = useRef<HTMLDivElement>(null)

  const follow = useCallback(() => {
    if (frame.current !== null) frame.current.scrollLeft = field.current?.scrollLeft ?? 0
  }, [field])
  useLayoutEffect(follow)
  useEffect(() => {
    const input = field.current
    input?.addEventListener('scroll', follow, { passive: true })
    return () => input?.removeEventListener('scroll', follow)
  }, [field, follow])

  return (
    <div ref={frame} className={styles.marks} aria-hidden="true">
      {partsOf(text, chips).map(({ start, end, isMarked }) =>
        isMarked ? (
          <mark key={start}>{text.slice(start, end)}</mark>
        ) : (
          <span key={start}>{text.slice(start, end)}</span>
        ),
      )}
    </div>
  )
}

interface Part {
  readonly start: number
  readonly end: number
  readonly isMarked: boolean
}

/** @param chips in order. @returns the text in parts, those of the chips and those between them. */
function partsOf(text: string, chips: readonly Chip[]): Part[] {
  const parts: Part[] = []
  let at = 0
  for (const { start, end } of chips) {
    if (start > at) parts.push({ start: at, end: start, isMarked: false })
    parts.push({ start, end, isMarked: true })
    at = end
  }
  if (at < text.length) parts.push({ start: at, end: text.length, isMarked: false })
  return parts
}
