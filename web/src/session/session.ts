import { type Accounts, TodoError } from '@todo-backend/client/accounts'
import type { User, Workspace } from '../shell/workspace.ts'
import { type Value, value } from '../ui/value.ts'
import { forgetUser, rememberedUser, rememberUser } from './remembered-user.ts'

/**
 * `starting`: asks the server who is signed in, and this device does not know either. `signed-out`: nobody is.
 * `signed-in`: the page shows the tasks. `lost`: the session has ended, and what was not sent waits on this device.
 */
export type Session =
  | { readonly state: 'starting' }
  | { readonly state: 'signed-out' }
  | { readonly state: 'signed-in'; readonly workspace: Workspace }
  | { readonly state: 'lost'; readonly workspace: Workspace }

export interface Sessions {
  readonly current: Value<Session>
  start(): Promise<void>
  /** The person has signed in. */
  enter(user: User): Promise<void>
}

/**
 * Opens the tasks of a person on this device.
 *
 * @param confirm resolves when the server has said that the session of this browser is theirs. It rejects with a
 *   `TodoError` if it is not, and with a `ConnectionError` if there is no response; then it can be called again.
 */
export type OpenWorkspace = (
  user: User,
  confirm: () => Promise<void>,
  sessions: SessionEnd,
) => Promise<OpenedWorkspace>

export interface SessionEnd {
  /** The server says that the session has ended. */
  lost(): void
  /** The person has signed out. */
  ended(): void
}

export interface OpenedWorkspace extends Workspace {
  close(): Promise<void>
}

const NO_SESSION = new TodoError(
  { status: 401, headers: new Headers() },
  { error: 'unauthorized', detail: 'The session has ended' },
)

export function createSessions(accounts: Accounts, open: OpenWorkspace): Sessions {
  const current = value<Session>({ state: 'starting' })
  let opened: OpenedWorkspace | undefined

  async function show(user: User, confirm: () => Promise<void>): Promise<void> {
    if (opened !== undefined && opened.user.id !== user.id) {
      await opened.close()
      opened = undefined
    }
    if (opened === undefined) {
      opened = await open(user, confirm, {
        lost: () => {
          const { state } = current.get()
          if (state === 'signed-in' && opened) current.set({ state: 'lost', workspace: opened })
        },
        ended: () => {
          forgetUser()
          opened = undefined
          current.set({ state: 'signed-out' })
        },
      })
    }
    current.set({ state: 'signed-in', workspace: opened })
    opened.sync.poke()
  }

  /** The server knows of no session: what was not sent waits behind the sign-in form. */
  function leave(): void {
    current.set(
      opened === undefined ? { state: 'signed-out' } : { state: 'lost', workspace: opened },
    )
  }

  return {
    current,
    async start() {
      const known = rememberedUser()
      // Signed out, the page asks for the session only, never for a token (contract §N).
      const first = accounts.session()
      first.catch(() => {})
      let next = () => first
      async function confirm(): Promise<void> {
        const asked = next
        next = accounts.session
        const answer = await asked()
        if (answer === null || answer.user.id !== known?.id) throw NO_SESSION
      }
      if (known !== null) await show(known, confirm)
      try {
        const answer = await first
        if (answer === null) leave()
        else if (answer.user.id !== known?.id) await this.enter(answer.user)
        else rememberUser(answer.user)
      } catch {
        // No response: a known person works offline, and anyone else sees the form.
        if (known === null) current.set({ state: 'signed-out' })
      }
    },
    async enter(user) {
      rememberUser(user)
      await show(user, async () => {})
    },
  }
}
