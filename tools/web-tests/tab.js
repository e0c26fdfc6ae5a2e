// Runs in Chromium, in each tab of client-tabs.test.ts.

import { dexieStore } from '../../client/src/stores/dexie.ts'
import { createSync } from '../../client/src/sync/create-sync.ts'
import { createClient } from '../../client/src/transport/client.ts'

let sync

export async function open(baseUrl, token, name) {
  const store = await dexieStore({ name })
  sync = createSync({ client: createClient({ baseUrl, token: () => token }), store })
}

export const apply = (edits) => sync.apply(edits)

/** Resolves when all titles are these, and everything has been sent or nothing. */
export async function shows(titles, isSent) {
  await until(sync.tasks, (tasks) => {
    const all = [...tasks.values()]
    const isSaved = all.every(({ saved }) => saved === 'saved')
    const found = all.map(({ title }) => title).sort()
    return JSON.stringify(found) === JSON.stringify(titles) && isSaved === isSent
  })
}

export const is = (state) => until(sync.status, (status) => status.state === state)

export const status = () => sync.status.get()

function until(observable, isWanted) {
  return new Promise((resolve) => {
    const check = () => {
      if (!isWanted(observable.get())) return
      end()
      resolve()
    }
    const end = observable.subscribe(check)
    check()
  })
}
