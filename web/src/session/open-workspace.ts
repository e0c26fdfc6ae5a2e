import { createClient } from '@todo-backend/client'
import type { Accounts } from '@todo-backend/client/accounts'
import { createSync } from '@todo-backend/client/sync'
import { prepareSearch } from '../search/find-tasks.ts'
import { createAnnouncer } from '../shell/announcer.ts'
import { BASE } from '../shell/routes.ts'
import type { User } from '../shell/workspace.ts'
import { createActions } from '../tasks/actions.ts'
import type { DetailsField } from '../tasks/commands.ts'
import { value } from '../ui/value.ts'
import { beginDeparture, endDeparture, serverDeparture } from './departures.ts'
import { openStore } from './open-store.ts'
import type { OpenedWorkspace, SessionEnd } from './session.ts'

/** Opens the tasks of a person on this device, and keeps them in step with the server. */
export function workspaceOpener(accounts: Accounts) {
  return async (
    user: User,
    confirm: () => Promise<void>,
    end: SessionEnd,
  ): Promise<OpenedWorkspace> => {
    const token = accounts.tokenOf(user.id)
    // Until the server has said whose session this is, nobody asks for a token: signed out, that is refused.
    let isConfirmed = false
    const client = createClient({
      baseUrl: BASE,
      userId: user.id,
      token: async (refused) => {
        if (!isConfirmed) await confirm()
        isConfirmed = true
        return token(refused)
      },
    })
    const store = await openStore(user.id)
    const sync = createSync({ client, store })
    const announcer = createAnnouncer()
    const actions = createActions(sync, announcer)

    let before = sync.status.get().state
    const watch = sync.status.subscribe(() => {
      const { state } = sync.status.get()
      // Not while the person has just signed in again, and the sync does not know it yet.
      if (state === 'signed-out' && before !== 'signed-out') end.lost()
      before = state
    })
    const waitForTasks = sync.status.subscribe(prepare)
    function prepare(): void {
      if (!sync.status.get().loaded || sync.tasks.get().size === 0) return
      waitForTasks()
      prepareSearch(sync.tasks.get())
    }

    async function close(): Promise<void> {
      watch()
      await sync.stop()
      await store.close()
    }

    /** First for the eyes of everyone at this device and for its other tabs, then from the disk. */
    async function forget(): Promise<void> {
      watch()
      waitForTasks()
      beginDeparture(user.id)
      end.ended(remove)
    }

    async function remove(): Promise<void> {
      await sync.stop()
      await store.destroy()
      // Else there may be a database that did not open. The next start deletes it.
      if (store.durable) endDeparture(user.id)
    }

    return {
      ...{ user, client, accounts, sync, announcer, actions, close, forget },
      open: value<string | null>(null),
      openAt: value<DetailsField | null>(null),
      editing: value<string | null>(null),
      query: value(''),
      async signOut() {
        serverDeparture.begin()
        await forget()
        await end.tellServer()
      },
    }
  }
}
