import { lazy, Suspense, useEffect, useRef } from 'react'
import { strings } from '../strings.ts'
import { VIEW_TITLE } from '../tasks/kept-focus.ts'
import { TaskView } from '../tasks/task-view.tsx'
import { useMedia } from '../ui/media.ts'
import { useObservable } from '../ui/value.ts'
import { GlobalKeys } from './global-keys.tsx'
import { Messages } from './messages.tsx'
import { BottomBar, Sidebar } from './navigation.tsx'
import { pathOf, useView } from './routes.ts'
import styles from './shell.module.css'
import { taskOfAddress, useTaskAddress } from './task-address.ts'
import { TopBar } from './top-bar.tsx'
import { useWorkspace } from './workspace.ts'

const Settings = lazy(async () => ({
  default: (await import('../settings/settings.tsx')).Settings,
}))
const TrashView = lazy(async () => ({
  default: (await import('../tasks/trash-view.tsx')).TrashView,
}))
const Details = lazy(async () => ({ default: (await import('../details/details.tsx')).Details }))
const SearchView = lazy(async () => ({
  default: (await import('../search/search-view.tsx')).SearchView,
}))

/** The page of a person who is signed in. */
export function Shell() {
  const workspace = useWorkspace()
  const view = useView()
  const open = useObservable(workspace.open)
  const query = useObservable(workspace.query)
  const isWide = useMedia('(min-width: 56rem)')
  useTaskAddress(workspace.open)
  const path = view.name === 'tag' ? `tag ${view.tag}` : view.name
  const main = useRef<HTMLElement>(null)
  const shown = useRef(path)

  useEffect(() => {
    if (shown.current === path) return
    shown.current = path
    workspace.query.set('')
    workspace.open.set(taskOfAddress())
    window.scrollTo(0, 0)
    // Screen readers read the title of the view to which a link leads.
    document.getElementById(VIEW_TITLE)?.focus({ preventScroll: true })
  }, [path, workspace])

  return (
    <div className={styles.shell} data-details={open !== null || undefined}>
      <a
        className={styles.skip}
        href={`${pathOf(view)}#main`}
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        {strings.skip}
      </a>
      {isWide && <Sidebar />}
      <div className={styles.column}>
        <TopBar />
        <main id="main" ref={main} tabIndex={-1} className={styles.main} data-quiet-focus="">
          <Suspense fallback={<p className={styles.loading}>{strings.session.working}</p>}>
            {query.trim() !== '' ? (
              <SearchView query={query} />
            ) : view.name === 'settings' ? (
              <Settings />
            ) : view.name === 'trash' ? (
              <TrashView />
            ) : (
              <TaskView key={path} view={view} />
            )}
          </Suspense>
        </main>
      </div>
      <Suspense fallback={null}>{open !== null && <Details key={open} id={open} />}</Suspense>
      {!isWide && <BottomBar />}
      <Messages />
      <GlobalKeys />
    </div>
  )
}
