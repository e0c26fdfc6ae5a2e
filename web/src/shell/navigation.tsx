import type { MouseEvent, ReactNode } from 'react'
import { Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { strings } from '../strings.ts'
import { useToday } from '../tasks/today.ts'
import { Button } from '../ui/button.tsx'
import overlay from '../ui/dialog.module.css'
import {
  AllIcon,
  BrowseIcon,
  CalendarIcon,
  CloseIcon,
  DoneIcon,
  InboxIcon,
  LogoIcon,
  SettingsIcon,
  TagIcon,
  TodayIcon,
  TrashIcon,
} from '../ui/icons.tsx'
import styles from './navigation.module.css'
import { navigate, pathOf, useView, type View } from './routes.ts'
import { useCounts, useWorkspace } from './workspace.ts'

const VIEWS = [
  { name: 'inbox', Icon: InboxIcon },
  { name: 'today', Icon: TodayIcon },
  { name: 'upcoming', Icon: CalendarIcon },
  { name: 'all', Icon: AllIcon },
  { name: 'completed', Icon: DoneIcon },
  { name: 'trash', Icon: TrashIcon },
] as const

interface ViewLinkProps {
  readonly view: View
  readonly icon: ReactNode
  readonly text: string
  readonly count?: number
  readonly urgent?: boolean
  readonly onFollow?: () => void
}

/** A link to a view. The browser follows it only into another tab; here the page shows the view itself. */
function ViewLink({ view, icon, text, count = 0, urgent = false, onFollow }: ViewLinkProps) {
  const workspace = useWorkspace()
  const current = pathOf(useView()) === pathOf(view)

  function follow(event: MouseEvent): void {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    workspace.query.set('')
    navigate(view)
    onFollow?.()
  }

  return (
    <a
      className={styles.link}
      href={pathOf(view)}
      aria-current={current ? 'page' : undefined}
      onClick={follow}
    >
      {icon}
      <span className={styles.text}>{text}</span>
      {count > 0 && (
        <span className={styles.count} data-urgent={urgent || undefined} aria-hidden="true">
          {count}
        </span>
      )}
    </a>
  )
}

function ViewLinks({ names, onFollow }: { names?: readonly string[]; onFollow?: () => void }) {
  const counts = useCounts(useToday())
  return VIEWS.filter(({ name }) => names?.includes(name) ?? true).map(({ name, Icon }) => (
    <li key={name}>
      <ViewLink
        view={{ name }}
        icon={<Icon />}
        text={strings.views[name]}
        count={name === 'inbox' || name === 'today' || name === 'upcoming' ? counts[name] : 0}
        urgent={name === 'today' && counts.overdue > 0}
        {...(onFollow && { onFollow })}
      />
    </li>
  ))
}

function TagLinks({ onFollow }: { onFollow?: () => void }) {
  const { tags } = useCounts(useToday())
  if (tags.length === 0) return null
  return (
    <>
      <h2 className={styles.heading}>{strings.views.tags}</h2>
      <ul className={styles.links}>
        {tags.map(({ tag, open }) => (
          <li key={tag}>
            <ViewLink
              view={{ name: 'tag', tag }}
              icon={<TagIcon size={18} />}
              text={tag}
              count={open}
              {...(onFollow && { onFollow })}
            />
          </li>
        ))}
      </ul>
    </>
  )
}

export function Sidebar() {
  return (
    <nav className={styles.sidebar} aria-label={strings.views.navigation}>
      <p className={styles.brand}>
        <LogoIcon size={22} />
        {strings.product}
      </p>
      <ul className={styles.links}>
        <ViewLinks />
      </ul>
      <TagLinks />
      <ul className={`${styles.links} ${styles.end}`}>
        <li>
          <ViewLink
            view={{ name: 'settings' }}
            icon={<SettingsIcon />}
            text={strings.views.settings}
          />
        </li>
      </ul>
    </nav>
  )
}

/** In place of the sidebar on narrow screens: three views, and a sheet with all. */
export function BottomBar() {
  return (
    <nav className={styles.bottom} aria-label={strings.views.navigation}>
      <ul className={styles.bottomLinks}>
        <ViewLinks names={['inbox', 'today', 'upcoming']} />
        <li>
          <DialogTrigger>
            <Button look="button" extraClass={styles.browse}>
              <BrowseIcon />
              <span className={styles.text}>{strings.views.browse}</span>
            </Button>
            <ModalOverlay className={overlay.overlay ?? ''} isDismissable>
              <Modal className={overlay.sheet ?? ''}>
                <Dialog className={overlay.dialog ?? ''}>
                  {({ close }) => (
                    <>
                      <div className={overlay.head}>
                        <Heading slot="title">{strings.views.browse}</Heading>
                        <Button look="icon" aria-label={strings.announce.dismiss} onPress={close}>
                          <CloseIcon />
                        </Button>
                      </div>
                      <ul className={styles.links}>
                        <ViewLinks onFollow={close} />
                        <li>
                          <ViewLink
                            view={{ name: 'settings' }}
                            icon={<SettingsIcon />}
                            text={strings.views.settings}
                            onFollow={close}
                          />
                        </li>
                      </ul>
                      <TagLinks onFollow={close} />
                    </>
                  )}
                </Dialog>
              </Modal>
            </ModalOverlay>
          </DialogTrigger>
        </li>
      </ul>
    </nav>
  )
}
