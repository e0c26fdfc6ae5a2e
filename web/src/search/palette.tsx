import { type KeyboardEvent, useId, useMemo, useState } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import { navigate, type View } from '../shell/routes.ts'
import { useCounts, useTasks, useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import { useToday } from '../tasks/today.ts'
import overlay from '../ui/dialog.module.css'
import { SearchIcon } from '../ui/icons.tsx'
import { FOR_LONG_HINTS, useMedia } from '../ui/media.ts'
import { findTasks, fold } from './find-tasks.ts'
import styles from './palette.module.css'

const texts = strings.palette
const VIEWS = ['inbox', 'today', 'upcoming', 'all', 'completed', 'trash', 'settings'] as const
const TASKS_SHOWN = 20

interface Entry {
  readonly key: string
  readonly text: string
  run(): void
}

/** One field for everything: tasks, views, tags and commands. */
export function Palette({ onClose }: { onClose(): void }) {
  const { actions, open, query: search } = useWorkspace()
  const tasks = useTasks()
  const { tags } = useCounts(useToday())
  const [text, setText] = useState('')
  const isWide = useMedia(FOR_LONG_HINTS)
  const [index, setIndex] = useState(0)
  const id = useId()

  const commands = useMemo<Entry[]>(() => {
    const go = (key: string, label: string, view: View): Entry => ({
      key,
      text: label,
      run: () => navigate(view),
    })
    return [
      ...VIEWS.map((name) => go(name, texts.go(strings.views[name]), { name })),
      ...tags.map(({ tag }) => go(`tag ${tag}`, texts.tag(tag), { name: 'tag', tag })),
      { key: 'undo', text: texts.undo, run: () => void actions.undo() },
    ]
  }, [tags, actions])

  const entries = useMemo<Entry[]>(() => {
    const words = fold(text).split(/\s+/).filter(Boolean)
    const found = commands.filter((entry) => words.every((word) => fold(entry.text).includes(word)))
    const foundTasks = findTasks(tasks, text).slice(0, TASKS_SHOWN)
    return [
      ...found,
      ...foundTasks.map((task) => ({
        key: task.id,
        text: task.title,
        run: () => open.set(task.id),
      })),
    ]
  }, [commands, tasks, text, open])
  const active = Math.min(index, entries.length - 1)

  function choose(entry: Entry | undefined): void {
    if (entry === undefined) return
    search.set('')
    onClose()
    entry.run()
  }

  function onKeyDown(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step !== 0) setIndex((active + step + entries.length) % Math.max(1, entries.length))
    else if (event.key === 'Enter') choose(entries[active])
    else return
    event.preventDefault()
  }

  return (
    <ModalOverlay
      className={`${overlay.overlay} ${styles.overlay}`}
      isOpen
      isDismissable
      onOpenChange={onClose}
    >
      <Modal className={overlay.modal ?? ''}>
        <Dialog className={styles.dialog ?? ''} aria-label={texts.title}>
          <div className={styles.field}>
            <SearchIcon />
            <input
              type="text"
              role="combobox"
              aria-label={texts.label}
              aria-expanded="true"
              aria-controls={`${id}-list`}
              aria-activedescendant={entries[active] && `${id}-${active}`}
              aria-autocomplete="list"
              placeholder={isWide ? texts.label : strings.search.label}
              value={text}
              autoFocus
              onChange={(event) => {
                setText(event.target.value)
                setIndex(0)
              }}
              onKeyDown={onKeyDown}
            />
          </div>
          <div id={`${id}-list`} role="listbox" aria-label={texts.title} className={styles.list}>
            {entries.map((entry, at) => (
              <div
                key={entry.key}
                id={`${id}-${at}`}
                role="option"
                tabIndex={-1}
                aria-selected={at === active}
                className={styles.entry}
                ref={at === active ? scrollTo : undefined}
                onPointerMove={() => setIndex(at)}
                onClick={() => choose(entry)}
                onKeyDown={onKeyDown}
              >
                {entry.text}
              </div>
            ))}
          </div>
          {entries.length === 0 && <p className={styles.nothing}>{texts.nothing}</p>}
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

function scrollTo(entry: HTMLDivElement | null): void {
  entry?.scrollIntoView({ block: 'nearest' })
}
