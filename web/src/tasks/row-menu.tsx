import { type RefObject, useRef } from 'react'
import { Menu, MenuItem, Popover, Separator, SubmenuTrigger } from 'react-aria-components'
import { addDays } from '../dates/day.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import menu from '../ui/menu.module.css'
import { NO_DATE, PRIORITIES } from './choices.ts'
import { dayHere } from './days.ts'
import { useCommands } from './list-context.ts'
import { findRow } from './list-keys.ts'

interface RowMenuProps {
  readonly task: LocalTask
  readonly frame: RefObject<HTMLElement | null>
  onClose(): void
}

/** The menu of one row. The list has one menu, beside the button of the row that asked for it. */
export function RowMenu({ task, frame, onClose }: RowMenuProps) {
  const commands = useCommands()
  const { id } = task
  const button = useRef(findRow(frame.current, id)?.querySelector('button') ?? null)

  function act(key: string | number): void {
    const list = commands.current
    const today = dayHere(new Date())
    const priority = PRIORITIES.find((one) => one === key)
    if (priority !== undefined) list.update(id, { priority })
    if (key === 'complete') list.toggleCompleted(id)
    if (key === 'edit') list.edit(id)
    if (key === 'open') list.open(id)
    if (key === 'link') list.copyLink(id)
    if (key === 'select') list.toggleSelected(id)
    if (key === 'up') list.moveBy(id, -1)
    if (key === 'down') list.moveBy(id, 1)
    if (key === 'top') list.moveToTop(id)
    if (key === 'today') list.update(id, { due_date: today })
    if (key === 'tomorrow') list.update(id, { due_date: addDays(today, 1) })
    if (key === 'week') list.update(id, { due_date: addDays(today, 7) })
    if (key === 'no-date') list.update(id, NO_DATE)
    if (key === 'delete') list.remove(id)
  }

  return (
    <Popover
      isOpen
      triggerRef={button}
      onOpenChange={(isOpen) => !isOpen && onClose()}
      className={menu.popover ?? ''}
      placement="bottom end"
    >
      <Menu
        className={menu.menu ?? ''}
        aria-label={strings.task.actions(task.title)}
        autoFocus="first"
        onAction={act}
        onClose={onClose}
      >
        <Item
          id="complete"
          text={task.completed ? strings.task.reopen : strings.task.complete}
          keys="C"
        />
        <Item id="edit" text={strings.task.edit} keys="E" />
        <Item id="open" text={strings.task.open} keys="↵" />
        <Item id="select" text={strings.task.select} keys="X" />
        <Item id="link" text={strings.task.copyLink} />
        <Separator className={menu.separator ?? ''} />
        {commands.current.ordered && (
          <>
            <Item id="up" text={strings.task.moveUp} keys="Alt ↑" />
            <Item id="down" text={strings.task.moveDown} keys="Alt ↓" />
            <Item id="top" text={strings.task.moveTop} />
            <Separator className={menu.separator ?? ''} />
          </>
        )}
        <Item id="today" text={strings.task.dueToday} keys="T" />
        <Item id="tomorrow" text={strings.task.dueTomorrow} />
        <Item id="week" text={strings.task.dueNextWeek} />
        {task.due_date !== null && <Item id="no-date" text={strings.task.noDate} />}
        <Separator className={menu.separator ?? ''} />
        <SubmenuTrigger>
          <Item id="priority" text={strings.task.priority} />
          <Popover className={menu.popover ?? ''}>
            <Menu
              className={menu.menu ?? ''}
              aria-label={strings.task.priority}
              onAction={act}
              onClose={onClose}
            >
              {PRIORITIES.map((priority, at) => (
                <Item
                  key={priority}
                  id={priority}
                  text={strings.priorities[priority]}
                  keys={String(at + 1)}
                />
              ))}
            </Menu>
          </Popover>
        </SubmenuTrigger>
        <Separator className={menu.separator ?? ''} />
        <Item id="delete" text={strings.task.remove} keys="Del" danger />
      </Menu>
    </Popover>
  )
}

interface ItemProps {
  readonly id: string
  readonly text: string
  readonly keys?: string
  readonly danger?: boolean
}

/** The key beside the text is drawn by CSS, so that it is no part of the item's name. */
function Item({ id, text, keys, danger }: ItemProps) {
  return (
    <MenuItem
      id={id}
      textValue={text}
      data-keys={keys}
      className={(danger ? menu.dangerItem : menu.item) ?? ''}
    >
      {text}
    </MenuItem>
  )
}
