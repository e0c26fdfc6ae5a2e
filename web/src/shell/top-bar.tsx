import { useEffect, useState } from 'react'
import { Menu, MenuItem, MenuTrigger, Popover, Separator } from 'react-aria-components'
import { strings } from '../strings.ts'
import { findStop } from '../tasks/list-keys.ts'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { CloseIcon, OfflineIcon, PersonIcon, SearchIcon, UnsentIcon } from '../ui/icons.tsx'
import menu from '../ui/menu.module.css'
import { useOnline } from '../ui/online.ts'
import { useObservable } from '../ui/value.ts'
import { SEARCH } from './global-keys.tsx'
import { NewVersionBar } from './new-version.tsx'
import { navigate } from './routes.ts'
import styles from './top-bar.module.css'
import { useWorkspace } from './workspace.ts'

export function TopBar() {
  return (
    <header className={styles.bar}>
      <NewVersionBar />
      <div className={styles.inner}>
        <SearchBox />
        <Status />
        <PersonMenu />
      </div>
    </header>
  )
}

function SearchBox() {
  const { query } = useWorkspace()
  const text = useObservable(query)

  function clear(): void {
    query.set('')
    document.getElementById(SEARCH)?.focus()
  }

  return (
    <search className={styles.search}>
      <SearchIcon size={18} />
      <input
        id={SEARCH}
        type="search"
        aria-label={strings.search.label}
        placeholder={strings.search.label}
        value={text}
        autoComplete="off"
        enterKeyHint="search"
        onChange={(event) => query.set(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') query.set('')
          else if (event.key === 'ArrowDown') findStop()?.focus()
          else return
          event.preventDefault()
        }}
      />
      {text !== '' && (
        <Button look="small" aria-label={strings.search.clear} onPress={clear}>
          <CloseIcon size={16} />
        </Button>
      )}
    </search>
  )
}

/** Whether the page is offline, and what the server does not have yet. Nothing while all is well. */
function Status() {
  const { sync } = useWorkspace()
  const { state, unsent, durable } = useObservable(sync.status)
  const refusals = useObservable(sync.refusals)
  const isOnline = useOnline()
  const isOffline = !isOnline || state === 'offline'
  const isSlow = useLater(unsent > 0 && !isOffline)
  return (
    <div className={styles.status}>
      {isOffline && (
        <span className={styles.offline} title={strings.status.offlineHint}>
          <OfflineIcon size={16} />
          {strings.status.offline}
        </span>
      )}
      {unsent > 0 && (isOffline || isSlow) && (
        <span className={styles.note}>
          <UnsentIcon size={16} />
          {strings.status.unsent(unsent)}
          {!durable && ` · ${strings.status.notDurable}`}
        </span>
      )}
      {refusals.length > 0 && (
        <span className={styles.refused}>{strings.status.refused(refusals.length)}</span>
      )}
      {isOffline && (
        <Button look="text" onPress={() => sync.poke()}>
          {strings.status.tryNow}
        </Button>
      )}
    </div>
  )
}

/** @returns true if the condition has held for two seconds: most changes are sent before anyone can read a note. */
function useLater(condition: boolean): boolean {
  const [isLater, setLater] = useState(false)
  useEffect(() => {
    if (!condition) {
      setLater(false)
      return
    }
    const timer = setTimeout(() => setLater(true), 2_000)
    return () => clearTimeout(timer)
  }, [condition])
  return isLater
}

function PersonMenu() {
  const { user, sync, signOut } = useWorkspace()
  const [isAsking, setAsking] = useState(false)
  const waiting = () => sync.status.get().unsent + sync.refusals.get().length

  function act(key: string | number): void {
    if (key === 'settings') navigate({ name: 'settings' })
    if (key !== 'out') return
    if (waiting() > 0) setAsking(true)
    else void signOut()
  }

  return (
    <>
      <MenuTrigger>
        <Button look="icon" aria-label={user.name || user.email}>
          <PersonIcon />
        </Button>
        <Popover className={menu.popover ?? ''} placement="bottom end">
          <p className={styles.person}>
            <strong>{user.name}</strong>
            <span>{user.email}</span>
          </p>
          <Menu className={menu.menu ?? ''} onAction={act} aria-label={user.name || user.email}>
            <MenuItem id="settings" className={menu.item ?? ''}>
              {strings.views.settings}
            </MenuItem>
            <Separator className={menu.separator ?? ''} />
            <MenuItem id="out" className={menu.item ?? ''}>
              {strings.session.signOut}
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
      {isAsking && (
        <Confirm
          title={strings.session.leaveTitle}
          body={strings.session.leaveBody(waiting())}
          action={strings.session.leave}
          cancel={strings.session.stay}
          onConfirm={() => {
            setAsking(false)
            void signOut()
          }}
          onCancel={() => setAsking(false)}
        />
      )}
    </>
  )
}
