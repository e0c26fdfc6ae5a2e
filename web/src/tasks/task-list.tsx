import { type ReactNode, useCallback, useMemo, useRef, useState } from 'react'
import { useWorkspace } from '../shell/workspace.ts'
import type { LocalTask } from '../sync/types.ts'
import { createCommands } from './commands.ts'
import { useDragging } from './dragging.ts'
import { useKeptFocus } from './kept-focus.ts'
import { ListContext } from './list-context.ts'
import { rowOf, useListKeys } from './list-keys.ts'
import { RowMenu } from './row-menu.tsx'
import type { Section } from './sections.ts'
import { SelectionBar } from './selection-bar.tsx'
import styles from './task-list.module.css'
import { TaskRow } from './task-row.tsx'
import { useWindow } from './window.ts'

interface TaskListProps {
  readonly label: string
  readonly sections: readonly Section[]
  readonly empty: ReactNode
  /** Whether a person can change the order here. */
  readonly ordered: boolean
}

/**
 * The tasks of a view, as a grid (WAI-ARIA) in which each task is a row: one stop of the Tab key, arrow keys from row
 * to row and to the controls of a row. It is our own because a row of React Aria's GridList takes 2 ms, and the list
 * has to show 10 000 of them.
 */
export function TaskList({ label, sections, empty, ordered }: TaskListProps) {
  const { actions, open, openAt, editing } = useWorkspace()
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [active, setActive] = useState<string | null>(null)
  const [menuOf, setMenuOf] = useState<string | null>(null)
  const frame = useRef<HTMLDivElement>(null)
  const order = useMemo(() => sections.flatMap((section) => section.tasks), [sections])
  const present = useMemo(() => {
    if (selected.size === 0) return selected
    const ids = new Set(order.map(({ id }) => id))
    const rest = [...selected].filter((id) => ids.has(id))
    return rest.length === selected.size ? selected : new Set(rest)
  }, [order, selected])

  const commands = useMemo(
    () =>
      createCommands({
        ...{ actions, open, openAt, editing, sections, order, ordered },
        ...{ selected: present, setSelected, openMenu: setMenuOf },
      }),
    [actions, open, openAt, editing, sections, order, present, ordered],
  )
  const latest = useRef(commands)
  latest.current = commands
  const totals = useMemo(
    () => new Map(sections.map(({ key, tasks }) => [key, tasks.length])),
    [sections],
  )
  const part = useWindow(frame, sections, order)
  const { noteFocus, handlers } = useListKeys(latest, order, part.reveal)
  const dragging = useDragging(latest, frame)
  useKeptFocus(frame, order)
  const closeMenu = useCallback(() => setMenuOf(null), [])

  if (order.length === 0) return <div ref={frame}>{empty}</div>
  const stop = order.some(({ id }) => id === active) ? active : order[0]?.id
  const menuTask = menuOf === null ? undefined : commands.find(menuOf)
  return (
    <ListContext value={latest}>
      {/* biome-ignore lint/a11y/useSemanticElements: a list of windows of rows is no table */}
      <div
        ref={frame}
        role="grid"
        aria-label={label}
        aria-multiselectable="true"
        aria-rowcount={part.isPartial ? order.length : undefined}
        tabIndex={-1}
        data-quiet-focus=""
        onFocus={(event) => {
          noteFocus(event)
          setActive((old) => rowOf(event.target) ?? old)
        }}
        {...handlers}
        {...dragging}
      >
        {part.before > 0 && <div role="presentation" style={{ height: part.before }} />}
        {part.sections.map((section) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          <div
            key={section.key}
            role="rowgroup"
            className={section.heading === null ? undefined : styles.section}
          >
            {section.heading !== null && section.isBegin !== false && (
              <SectionHead section={section} note={section.note ?? totals.get(section.key)} />
            )}
            {section.tasks.map((task) => (
              <TaskRow
                key={task.id}
                task={task}
                isDayShown={!saysDay(section, task)}
                isSelected={present.has(task.id)}
                isStop={task.id === stop}
                isMenuOpen={task.id === menuOf}
                isDraggable={ordered}
              />
            ))}
          </div>
        ))}
        {part.after > 0 && <div role="presentation" style={{ height: part.after }} />}
      </div>
      {menuTask !== undefined && <RowMenu task={menuTask} frame={frame} onClose={closeMenu} />}
      <SelectionBar commands={commands} count={present.size} />
    </ListContext>
  )
}

/** @returns whether the heading of a section is the day on which a task is due. */
function saysDay({ key, heading }: Section, { due_date: day }: LocalTask): boolean {
  return heading !== null && day !== null && (key === day || key === 'today')
}

interface SectionHeadProps {
  readonly section: Section
  readonly note: string | number | undefined
}

function SectionHead({ section, note }: SectionHeadProps) {
  const isOverdue = section.key === 'overdue'
  return (
    // biome-ignore lint/a11y/useSemanticElements: a row of a grid, not of a table
    // biome-ignore lint/a11y/useFocusableInteractive: there is nothing to do with a heading
    <div role="row" className={styles.heading}>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: as above */}
      <span role="rowheader" className={isOverdue ? styles.overdue : undefined}>
        {section.heading}
        <span className={styles.note}>{note}</span>
      </span>
    </div>
  )
}
