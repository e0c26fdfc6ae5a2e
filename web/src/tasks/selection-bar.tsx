import { Menu, MenuItem, MenuTrigger, Popover, Toolbar } from 'react-aria-components'
import { addDays } from '../dates/day.ts'
import { strings } from '../strings.ts'
import { Button } from '../ui/button.tsx'
import { CalendarIcon, CloseIcon, DoneIcon, FlagIcon, TrashIcon } from '../ui/icons.tsx'
import menu from '../ui/menu.module.css'
import { NO_DATE, PRIORITIES } from './choices.ts'
import type { Commands } from './commands.ts'
import { dayHere } from './days.ts'
import styles from './selection-bar.module.css'

/** The actions for all selected tasks at once. */
export function SelectionBar({ commands, count }: { commands: Commands; count: number }) {
  if (count === 0) return null

  function setDue(key: string | number): void {
    const today = dayHere(new Date())
    if (key === 'none') commands.updateSelected(NO_DATE)
    else commands.updateSelected({ due_date: addDays(today, Number(key)) })
  }

  return (
    <Toolbar className={styles.bar ?? ''} aria-label={strings.selection.bar}>
      <span className={styles.count}>{strings.selection.count(count)}</span>
      <Button look="small" onPress={commands.completeSelected}>
        <DoneIcon size={18} />
        <span className={styles.label}>{strings.task.complete}</span>
      </Button>
      <MenuTrigger>
        <Button look="small">
          <CalendarIcon size={18} />
          <span className={styles.label}>{strings.selection.due}</span>
        </Button>
        <Popover className={menu.popover ?? ''}>
          <Menu className={menu.menu ?? ''} onAction={setDue}>
            <MenuItem id="0" className={menu.item ?? ''}>
              {strings.days.today}
            </MenuItem>
            <MenuItem id="1" className={menu.item ?? ''}>
              {strings.days.tomorrow}
            </MenuItem>
            <MenuItem id="7" className={menu.item ?? ''}>
              {strings.task.dueNextWeek}
            </MenuItem>
            <MenuItem id="none" className={menu.item ?? ''}>
              {strings.task.noDate}
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
      <MenuTrigger>
        <Button look="small">
          <FlagIcon size={18} />
          <span className={styles.label}>{strings.selection.priority}</span>
        </Button>
        <Popover className={menu.popover ?? ''}>
          <Menu
            className={menu.menu ?? ''}
            onAction={(key) => {
              const priority = PRIORITIES.find((one) => one === key)
              if (priority !== undefined) commands.updateSelected({ priority })
            }}
          >
            {PRIORITIES.map((priority) => (
              <MenuItem key={priority} id={priority} className={menu.item ?? ''}>
                {strings.priorities[priority]}
              </MenuItem>
            ))}
          </Menu>
        </Popover>
      </MenuTrigger>
      <Button look="small" onPress={commands.removeSelected}>
        <TrashIcon size={18} />
        <span className={styles.label}>{strings.task.remove}</span>
      </Button>
      <Button look="small" aria-label={strings.selection.clear} onPress={commands.clearSelection}>
        <CloseIcon size={18} />
      </Button>
    </Toolbar>
  )
}
