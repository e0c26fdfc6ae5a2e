import type { Accounts } from '@todo-backend/client/accounts'
import { useEffect, useState } from 'react'
import { hasInvalidLink, hasResetToken, SignIn } from '../session/forms.tsx'
import type { Session, Sessions } from '../session/session.ts'
import { strings } from '../strings.ts'
import { useObservable } from '../ui/value.ts'
import { navigate, pathOf } from './routes.ts'
import { Shell } from './shell.tsx'
import { WorkspaceContext } from './workspace.ts'

interface AppProps {
  readonly sessions: Sessions
  readonly accounts: Accounts
}

export function App({ sessions, accounts }: AppProps) {
  const session = useObservable(sessions.current)
  // The link of a mail leads to the form for a new password, also while somebody is signed in.
  const [isResetting, setResetting] = useState(hasResetToken)
  const workspace = session.state === 'signed-in' ? session.workspace : null

  useEffect(() => {
    if (workspace === null || !hasInvalidLink()) return
    workspace.announcer.announce(strings.session.linkInvalid, false)
    history.replaceState(null, '', pathOf({ name: 'inbox' }))
  }, [workspace])

  if (session.state === 'starting') return <main aria-busy="true" aria-label={strings.loading} />
  if (workspace !== null && !isResetting) {
    return (
      <WorkspaceContext value={workspace}>
        <Shell />
      </WorkspaceContext>
    )
  }
  const lost = session.state === 'lost' ? session.workspace : null
  return (
    <SignIn
      accounts={accounts}
      reason={reasonOf(session)}
      {...(lost && { email: lost.user.email })}
      onStart={sessions.tellServer}
      onEnter={async (user) => {
        if (/(sign-in|sign-up|password)$/.test(location.pathname)) navigate({ name: 'inbox' })
        await sessions.enter(user)
        setResetting(false)
      }}
      {...(workspace && {
        onBack: () => {
          navigate({ name: 'inbox' })
          setResetting(false)
        },
      })}
    />
  )
}

function reasonOf(session: Exclude<Session, { state: 'starting' }>): string | null {
  const { lost, keeps, serverDue } = strings.session
  if (session.state === 'signed-in') return null
  if (session.state === 'signed-out') return session.isServerDue ? serverDue : null
  const { unsent } = session.workspace.sync.status.get()
  return unsent === 0 ? lost : `${lost} ${keeps(unsent)}`
}
