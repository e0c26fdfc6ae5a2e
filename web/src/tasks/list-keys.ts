import {
  type FocusEvent,
  type KeyboardEvent,
  type MouseEvent,
  type RefObject,
  useEffect,
  useMemo,
  useRef,
} from 'react'
import { preferences } from '../shell/preferences.ts'
import type { LocalTask } from '../sync/types.ts'
import type { Commands } from './commands.ts'
import { dayHere } from './days.ts'

const PRIORITIES = { '1': 'high', '2': 'medium', '3': 'low', '4': 'none' } as const
const PAGE_ROWS = 10
const STEPS: Readonly<Record<string, number>> = {
  ArrowUp: -1,
  ArrowDown: 1,
  PageUp: -PAGE_ROWS,
  PageDown: PAGE_ROWS,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
}
const CONTROLS = 'input, button, a[href], select, textarea'

/** @returns the id of the task in whose row an element is. */
export function rowOf(target: EventTarget): string | null {
  const row = target instanceof Element ? target.closest<HTMLElement>('[role=row][data-key]') : null
  return row?.dataset.key ?? null
}

/** @returns the row at which the Tab key stops. */
export function findStop(): HTMLElement | null {
  return document.querySelector<HTMLElement>('[role=row][tabindex="0"]')
}

/** @returns the row of a task, if it is rendered. */
export function findRow(root: ParentNode | null | undefined, id: string): HTMLElement | null {
  return root?.querySelector<HTMLElement>(`[role=row][data-key="${CSS.escape(id)}"]`) ?? null
}

/** Whether keys are text there, and not commands. */
export function isTextField(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches('input:not([type=checkbox]), textarea, select')
}

/** The keys and clicks of a list. @param reveal renders a row that is out of sight, and gives it the focus. */
export function useListKeys(
  commands: RefObject<Commands>,
  order: readonly LocalTask[],
  reveal: (index: number) => void,
) {
  const show = useRef(reveal)
  useEffect(() => {
    show.current = reveal
  })
  /** Where the focus was, also when its row has left the rendered part. */
  const last = useRef(0)

  return useMemo(() => {
    function travel(event: KeyboardEvent, id: string | null): boolean {
      const step = STEPS[event.key]
      if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return false
      if (id !== null) last.current = order.findIndex((task) => task.id === id)
      const index = Math.max(0, Math.min(order.length - 1, last.current + step))
      const next = order[index]
      if (next === undefined) return false
      if (event.shiftKey && id !== null) commands.current.extendFrom(id, next.id)
      last.current = index
      const row = findRow(event.currentTarget, next.id)
      if (row === null) show.current(index)
      else focusRow(row)
      return true
    }

    function onKeyDown(event: KeyboardEvent): void {
      const { target } = event
      // Arrow keys and letters in a text field are for the field.
      if (isTextField(target)) return
      const id = rowOf(target)
      const isRow = target instanceof Element && target.getAttribute('role') === 'row'
      if (!travel(event, id) && !(id !== null && run(commands.current, event, id, isRow))) return
      event.preventDefault()
      event.stopPropagation()
    }

    function onClick(event: MouseEvent): void {
      const id = rowOf(event.target)
      if (id === null || !(event.target instanceof Element)) return
      const { current } = commands
      if (event.target.closest(CONTROLS) !== null) return
      if (event.shiftKey) current.extendTo(id)
      else if (event.ctrlKey || event.metaKey || current.hasSelection) current.toggleSelected(id)
      // A person who has marked some text did not want to open the task.
      else if (getSelection()?.isCollapsed !== false) current.open(id)
    }

    function onContextMenu(event: MouseEvent): void {
      const id = rowOf(event.target)
      if (id === null || isTextField(event.target)) return
      event.preventDefault()
      commands.current.openMenu(id)
    }

    /** Arrow keys go on from the row that got the focus last, by whatever means. */
    function noteFocus({ target }: FocusEvent): void {
      const id = rowOf(target)
      if (id !== null) last.current = order.findIndex((task) => task.id === id)
    }

    return { noteFocus, handlers: { onKeyDown, onClick, onContextMenu } }
  }, [commands, order])
}

/** Rows are not hidden by the bars at the top and at the bottom (`scroll-padding` of the page). */
export function focusRow(row: HTMLElement): void {
  row.focus({ preventScroll: true })
  row.scrollIntoView({ block: 'nearest' })
}

/** @returns whether the key has a meaning here. */
function run(commands: Commands, event: KeyboardEvent, id: string, isRow: boolean): boolean {
  const { key, altKey, shiftKey } = event
  if (event.ctrlKey || event.metaKey) {
    if (key !== 'a' || altKey || shiftKey) return false
    commands.selectAll()
    return true
  }
  if (altKey) {
    if (key === 'ArrowUp') commands.moveBy(id, -1)
    else if (key === 'ArrowDown') commands.moveBy(id, 1)
    else return false
    return true
  }
  if (key === 'ArrowLeft' || key === 'ArrowRight') return goInRow(event, key)
  if (key === 'Delete') commands.remove(id)
  else if (key === 'Escape' && commands.hasSelection) commands.clearSelection()
  else if (!isRow) return false
  else if (key === 'Backspace') commands.remove(id)
  else if (key === ' ') commands.toggleCompleted(id)
  else if (key === 'Enter') commands.open(id)
  else if (key === 'F2') commands.edit(id)
  else if (key === 'ContextMenu' || (key === 'F10' && shiftKey)) commands.openMenu(id)
  else if (!preferences.get().singleKeys) return false
  // On some keyboards with the Shift key, on others without.
  else if (key === '#') commands.open(id, 'tags')
  else if (shiftKey) return false
  else return runLetter(commands, event, id)
  return true
}

function runLetter(commands: Commands, { key, target }: KeyboardEvent, id: string): boolean {
  if (key === 'c') commands.toggleCompleted(id)
  else if (key === 'e') commands.edit(id)
  else if (key === 'x') commands.toggleSelected(id)
  else if (key === 't') commands.update(id, { due_date: dayHere(new Date()) })
  else if (key === 'd') commands.open(id, 'date')
  else if (key === 'j') pressArrow(target, 'ArrowDown')
  else if (key === 'k') pressArrow(target, 'ArrowUp')
  else if (key in PRIORITIES) {
    commands.update(id, { priority: PRIORITIES[key as keyof typeof PRIORITIES] })
  } else return false
  return true
}

function pressArrow(target: EventTarget, key: string): void {
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
}

/** From the row to its controls and back. */
function goInRow({ target }: KeyboardEvent, key: 'ArrowLeft' | 'ArrowRight'): boolean {
  const row = target instanceof Element ? target.closest<HTMLElement>('[role=row]') : null
  if (row === null) return false
  const stops = [row, ...row.querySelectorAll<HTMLElement>(CONTROLS)]
  const isForward = (key === 'ArrowRight') === (document.dir !== 'rtl')
  const at = Math.max(
    0,
    stops.findIndex((stop) => stop !== row && target instanceof Element && stop.contains(target)),
  )
  stops[(at + (isForward ? 1 : -1) + stops.length) % stops.length]?.focus()
  return true
}
