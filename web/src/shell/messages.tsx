import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { strings } from '../strings.ts'
import { isFocusLost, VIEW_TITLE } from '../tasks/kept-focus.ts'
import { findStop } from '../tasks/list-keys.ts'
import { Button } from '../ui/button.tsx'
import { CloseIcon } from '../ui/icons.tsx'
import { useObservable } from '../ui/value.ts'
import styles from './messages.module.css'
import { navigate, type View } from './routes.ts'
import { useWorkspace } from './workspace.ts'

/** How long a message stays. It waits while the pointer or the focus is on it. */
const SHOWN_MS = 10_000

/** The live region: screen readers read each message, and all others see it at the bottom. */
export function Messages() {
  const { announcer, actions } = useWorkspace()
  const message = useObservable(announcer.current)
  const [isHeld, setHeld] = useState(false)
  const hadFocus = useRef(false)

  useEffect(() => {
    if (message === null || isHeld || message.typed !== undefined) return
    const timer = setTimeout(announcer.dismiss, SHOWN_MS)
    return () => clearTimeout(timer)
  }, [message, isHeld, announcer])

  useLayoutEffect(() => {
    if (message === null) setHeld(false)
    // The button that had the focus is gone: the focus goes to where the Tab key enters the list.
    if (hadFocus.current && isFocusLost()) {
      const target = findStop() ?? document.getElementById(VIEW_TITLE)
      target?.focus()
    }
    hadFocus.current = false
  }, [message])

  return (
    <div
      role="status"
      aria-live="polite"
      aria-label={strings.announce.region}
      className={styles.region}
      data-toast=""
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => {
        hadFocus.current = true
        setHeld(true)
      }}
      onBlur={() => {
        hadFocus.current = false
        setHeld(false)
      }}
    >
      {message !== null && (
        <div key={message.id} className={styles.message}>
          <span className={styles.text}>
            {message.text}
            {message.typed !== undefined && <q className={styles.typed}>{message.typed}</q>}
          </span>
          {message.typed !== undefined && <CopyButton text={message.typed} />}
          {message.show !== undefined && <ShowButton view={message.show} />}
          {message.undo && (
            <Button look="small" extraClass={styles.undo} onPress={() => void actions.undo()}>
              {strings.announce.undo}
            </Button>
          )}
          <Button look="small" aria-label={strings.announce.dismiss} onPress={announcer.dismiss}>
            <CloseIcon size={16} />
          </Button>
        </div>
      )}
    </div>
  )
}

function ShowButton({ view }: { view: View }) {
  return (
    <Button look="small" extraClass={styles.undo} onPress={() => navigate(view)}>
      {strings.announce.show}
    </Button>
  )
}

/** Where the browser permits no copy by a script, the text can be marked in the message. */
function CopyButton({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false)
  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(text)
    setCopied(true)
  }
  return (
    <Button look="small" extraClass={styles.undo} onPress={() => void copy().catch(() => {})}>
      {isCopied ? strings.announce.copied : strings.announce.copy}
    </Button>
  )
}
