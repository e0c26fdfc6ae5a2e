import type { Accounts } from '@todo-backend/client/accounts'
import { SignIn } from '../session/forms.tsx'
import type { Session, Sessions } from '../session/session.ts'
import { strings } from '../strings.ts'
import { useObservable } from '../ui/value.ts'
import { navigate } from './routes.ts'
import { Shell } from './shell.tsx'
import { WorkspaceContext } from './workspace.ts'

interface AppProps {
  readonly sessions: Sessions
  readonly accounts: Accounts
}

export function App({ sessions, accounts }: AppProps) {
  const session = useObservable(sessions.current)

  switch (session.state) {
    case 'starting':
      return <main aria-busy="true" aria-label={strings.loading} />
    case 'signed-in':
      return (
        <WorkspaceContext value={session.workspace}>
          <Shell />
        </WorkspaceContext>
      )
    default: {
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
          }}
        />
      )
    }
  }
}

function reasonOf(session: Exclude<Session, { state: 'starting' | 'signed-in' }>): string | null {
  const { lost, keeps, serverDue } = strings.session
  if (session.state === 'signed-out') return session.isServerDue ? serverDue : null
  const { unsent } = session.workspace.sync.status.get()
  return unsent === 0 ? lost : `${lost} ${keeps(unsent)}`
}
