import './styles/tokens.css'
import './styles/base.css'
import { createAccounts } from '@todo-backend/client/accounts'
import { StrictMode } from 'react'
import { I18nProvider } from 'react-aria-components'
import { createRoot } from 'react-dom/client'
import { registerServiceWorker } from './service-worker-client.ts'
import { workspaceOpener } from './session/open-workspace.ts'
import { onUserChanged } from './session/remembered-user.ts'
import { createSessions } from './session/session.ts'
import { App } from './shell/app.tsx'
import { newVersion } from './shell/new-version.tsx'
import { BASE } from './shell/routes.ts'
import { LOCALE, strings } from './strings.ts'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no element with the id root')

document.documentElement.lang = LOCALE
document.documentElement.dir = strings.direction

const accounts = createAccounts({ baseUrl: BASE, session: 'cookie' })
const sessions = createSessions(accounts, workspaceOpener(accounts), () => location.reload())
void sessions.start()
onUserChanged(() => void sessions.check())
window.addEventListener('online', () => void sessions.tellServer())
// Back to a page that the browser had put to sleep: somebody else may have signed in since.
window.addEventListener('pageshow', ({ persisted }) => persisted && void sessions.check())
registerServiceWorker((version) => newVersion.set(version)).catch(console.error)

createRoot(root).render(
  <StrictMode>
    <I18nProvider locale={LOCALE}>
      <App sessions={sessions} accounts={accounts} />
    </I18nProvider>
  </StrictMode>,
)
