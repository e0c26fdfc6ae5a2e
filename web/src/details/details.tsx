import { useEffect, useRef } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import { useTasks, useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { dayOfInstant, sayDay } from '../tasks/days.ts'
import { isFocusLost, VIEW_TITLE } from '../tasks/kept-focus.ts'
import { findRow } from '../tasks/list-keys.ts'
import { useToday } from '../tasks/today.ts'
import { Button } from '../ui/button.tsx'
import { CompletionBox } from '../ui/completion-box.tsx'
import { CloseIcon, TrashIcon } from '../ui/icons.tsx'
import { BESIDE, useMedia } from '../ui/media.ts'
import { useObservable } from '../ui/value.ts'
import { Checklist } from './checklist.tsx'
import styles from './details.module.css'
import { DueFields } from './due-fields.tsx'
import { PriorityField } from './priority-field.tsx'
import { TagsField } from './tags-field.tsx'
import { useDraft } from './use-draft.ts'

const texts = strings.details

/** Everything about one task: beside the list on wide screens, over it on others. */
export function Details({ id }: { id: string }) {
  const { open, openAt, sync, announcer } = useWorkspace()
  const at = useObservable(openAt)
  const task = useTasks().get(id)
  const isWide = useMedia(BESIDE)
  const pane = useRef<HTMLElement>(null)
  const { loaded, state } = useObservable(sync.status)
  const wasThere = useRef(false)
  if (task !== undefined) wasThere.current = true
  // A task of a link may not have come to this device yet.
  const isComing = !loaded || state === 'starting' || state === 'catching-up'
  const isGone = task === undefined && (wasThere.current || !isComing)

  useEffect(() => {
    if (!isGone) return
    open.set(null)
    if (!wasThere.current) announcer.announce(strings.announce.noTask, false)
  }, [isGone, open, announcer])
  useEffect(() => {
    const { activeElement: row } = document
    // A click on a row leaves the focus there, so that the keys of the list go on to work.
    const isClicked = row?.getAttribute('role') === 'row' && !row.matches(':focus-visible')
    if (isWide && !isClicked) pane.current?.focus()
    return () => {
      // After React has removed the pane, with the focus in it.
      requestAnimationFrame(() => {
        if (!isFocusLost()) return
        const row = findRow(document, id)
        const target = row ?? document.getElementById(VIEW_TITLE)
        target?.focus()
      })
    }
  }, [id, isWide])

  // biome-ignore lint/correctness/useExhaustiveDependencies: again for another task, and in the other layout
  useEffect(() => {
    if (at === null) return
    // After the dialog of narrow screens has taken the focus.
    const request = requestAnimationFrame(() => {
      document.querySelector<HTMLElement>(`[data-field=${at}]`)?.focus()
      openAt.set(null)
    })
    return () => cancelAnimationFrame(request)
  }, [at, id, isWide, openAt])

  if (task === undefined) return null
  const content = <Content task={task} onClose={() => open.set(null)} />
  if (!isWide) {
    return (
      <ModalOverlay
        className={styles.overlay ?? ''}
        isOpen
        isDismissable
        onOpenChange={() => open.set(null)}
      >
        <Modal className={styles.sheet ?? ''}>
          <Dialog className={styles.dialog ?? ''} aria-label={texts.title}>
            {content}
          </Dialog>
        </Modal>
      </ModalOverlay>
    )
  }
  return (
    <aside
      ref={pane}
      tabIndex={-1}
      data-quiet-focus=""
      className={styles.pane}
      aria-label={texts.title}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented) return
        event.stopPropagation()
        open.set(null)
      }}
    >
      {content}
    </aside>
  )
}

function Content({ task, onClose }: { task: LocalTask; onClose(): void }) {
  const { actions } = useWorkspace()
  const today = useToday()
  return (
    <>
      <div className={styles.head}>
        <CompletionBox
          task={task}
          label={task.completed ? strings.task.reopen : strings.task.complete}
          onChange={(completed) => void actions.complete([task], completed)}
        />
        <Button look="icon" aria-label={texts.close} onPress={onClose}>
          <CloseIcon />
        </Button>
      </div>
      <TitleField task={task} />
      <DescriptionField task={task} />
      {task.parent_id === null && <Checklist parent={task} />}
      <DueFields task={task} />
      <PriorityField task={task} />
      <TagsField task={task} />
      <div className={styles.foot}>
        <p>
          {task.completed_at !== null &&
            `${texts.completed(sayDay(dayOfInstant(task.completed_at), today))} · `}
          {texts.created(sayDay(dayOfInstant(task.created_at), today))}
        </p>
        <Button look="text" extraClass={styles.remove} onPress={() => void actions.remove([task])}>
          <TrashIcon size={16} />
          {strings.task.remove}
        </Button>
      </div>
    </>
  )
}

function TitleField({ task }: { task: LocalTask }) {
  const { actions } = useWorkspace()
  const draft = useDraft(task.title, (text, seen) => {
    const title = text.replace(/\s+/g, ' ').trim()
    if (title === '') return task.title
    if (title !== task.title) void actions.updateQuietly(task, { title }, { title: seen })
    return title
  })
  return (
    <textarea
      {...draft}
      className={styles.title}
      aria-label={strings.task.title}
      rows={1}
      maxLength={500}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
        event.preventDefault()
        event.currentTarget.blur()
      }}
    />
  )
}

function DescriptionField({ task }: { task: LocalTask }) {
  const { actions } = useWorkspace()
  const draft = useDraft(task.description ?? '', (text, seen) => {
    const description = text.trim() === '' ? null : text
    if (description !== task.description) {
      const before = { description: seen === '' ? null : seen }
      void actions.updateQuietly(task, { description }, before)
    }
    return description ?? ''
  })
  return (
    <textarea
      {...draft}
      className={styles.description}
      aria-label={texts.description}
      placeholder={texts.descriptionHint}
      rows={3}
      maxLength={16_384}
    />
  )
}
