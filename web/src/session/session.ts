import { type Accounts, TodoError } from '@todo-backend/client/accounts'
import type { User, Workspace } from '../shell/workspace.ts'
import { type Value, value } from '../ui/value.ts'
import { serverDeparture } from './departures.ts'
import { deleteDeparted } from './open-store.ts'
import { forgetUser, rememberedUser, rememberSignIn, rememberUser } from './remembered-user.ts'

/**
 * `starting`: asks the server who is signed in, and this device does not know either. `signed-out`: nobody is;
 * `isServerDue` if the server does not know of the sign-out yet.
 * `signed-in`: the page shows the tasks. `lost`: the session has ended, and what was not sent waits on this device.
 */
export type Session =
  | { readonly state: 'starting' }
  | { readonly state: 'signed-out'; readonly isServerDue: boolean }
  | { readonly state: 'signed-in'; readonly workspace: Workspace }
  | { readonly state: 'lost'; readonly workspace: Workspace }

export interface Sessions {
  readonly current: Value<Session>
  start(): Promise<void>
  /** The person has signed in. */
  enter(user: User): Promise<void>
  /** Tells the server of a sign-out that was made without connection. To do before the next sign-in. */
  tellServer(): Promise<void>
  /** Looks again who is signed in: another tab has changed that, or this page was asleep. */
  check(): Promise<void>
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
  /** The person has signed out. @param remove deletes their tasks from this device. */
  ended(remove: () => Promise<void>): void
  /** Tells the server of the sign-out, now or when there is a connection. */
  tellServer(): Promise<void>
}

export interface OpenedWorkspace extends Workspace {
  close(): Promise<void>
}

const NO_SESSION = new TodoError(
  { status: 401, headers: new Headers() },
  { error: 'unauthorized', detail: 'The session has ended' },
)

/** A person who signs in again waits this long for the deletion of what was there before. */
const REMOVAL_MS = 5_000

/** @param reload starts the page again, in place of tasks of somebody else. */
export function createSessions(
  accounts: Accounts,
  open: OpenWorkspace,
  reload: () => void,
): Sessions {
  const current = value<Session>({ state: 'starting' })
  let opened: OpenedWorkspace | undefined
  let removal: Promise<unknown> = Promise.resolve()
  /** Counts sign-ins and sign-outs: a response to an older question does not count. */
  let epoch = 0

  async function show(user: User, confirm: () => Promise<void>): Promise<void> {
    const asked = epoch
    if (opened !== undefined && opened.user.id !== user.id) {
      await opened.close()
      opened = undefined
    }
    if (opened === undefined) {
      await removal
      const next = await open(user, confirm, {
        lost: () => {
          const { state } = current.get()
          if (state === 'signed-in' && opened) current.set({ state: 'lost', workspace: opened })
        },
        ended: (remove) => {
          epoch += 1
          forgetUser()
          opened = undefined
          current.set({ state: 'signed-out', isServerDue: false })
          const patience = new Promise((resolve) => setTimeout(resolve, REMOVAL_MS))
          // The next start deletes the tasks that cannot be deleted now.
          removal = Promise.race([remove().catch(() => {}), patience])
        },
        tellServer,
      })
      if (asked !== epoch) return next.close()
      opened = next
    }
    current.set({ state: 'signed-in', workspace: opened })
    opened.sync.poke()
  }

  /** The server knows of no session: what was not sent waits behind the sign-in form. */
  function leave(): void {
    if (opened === undefined) current.set({ state: 'signed-out', isServerDue: false })
    else current.set({ state: 'lost', workspace: opened })
  }

  let telling: Promise<void> | undefined
  function tellServer(): Promise<void> {
    telling ??= tell().finally(() => {
      telling = undefined
    })
    return telling
  }

  async function tell(): Promise<void> {
    if (!serverDeparture.isDue()) return
    try {
      await accounts.signOut()
      serverDeparture.end()
    } catch {
      // Again when there is a connection, and before anyone signs in.
    }
    if (current.get().state === 'signed-in' || opened !== undefined) return
    current.set({ state: 'signed-out', isServerDue: serverDeparture.isDue() })
  }

  const sessions: Sessions = {
    current,
    tellServer,
    async start() {
      void deleteDeparted()
      const known = rememberedUser()
      if (known === null && serverDeparture.isDue()) {
        await tellServer()
        if (serverDeparture.isDue()) return
      }
      const asked = epoch
      // Signed out, the page asks for the session only, never for a token (contract §N).
      const first = accounts.session()
      first.catch(() => {})
      let next = () => first
      async function confirm(): Promise<void> {
        const asking = next
        next = accounts.session
        const answer = await asking()
        if (answer === null || answer.user.id !== known?.id) throw NO_SESSION
      }
      if (known !== null) await show(known, confirm)
      try {
        const answer = await first
        // Somebody has signed in or out meanwhile, here or in another tab.
        if (asked !== epoch || rememberedUser()?.id !== known?.id) return
        if (answer === null) leave()
        else if (answer.user.id !== known?.id) await enter(answer.user)
        else rememberUser(answer.user)
      } catch {
        // No response: a known person works offline, and anyone else sees the form.
        if (known === null && asked === epoch) {
          current.set({ state: 'signed-out', isServerDue: false })
        }
      }
    },
    enter,
    async check() {
      const session = current.get()
      const shown = 'workspace' in session ? session.workspace.user : null
      const user = rememberedUser()
      if (user?.id !== shown?.id) return reload()
      if (user === null) return
      const asked = epoch
      try {
        const answer = await accounts.session()
        if (asked !== epoch) return
        if (answer === null) leave()
        else if (answer.user.id !== user.id) reload()
        else if (current.get().state === 'lost') await show(user, async () => {})
      } catch {
        // No response: the person works offline.
      }
    },
  }

  async function enter(user: User): Promise<void> {
    epoch += 1
    serverDeparture.end()
    rememberSignIn(user)
    await show(user, async () => {})
  }

  return sessions
}
