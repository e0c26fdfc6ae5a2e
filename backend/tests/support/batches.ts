import type { Answer, TestApp } from './app.ts'

/** Requests on an app's tasks, and what tests of batches read of the responses. */
export function batchesOf(app: () => TestApp) {
  return {
    send: (user: string, operations: unknown, headers: Record<string, string> = {}, query = '') =>
      app().send('POST', `/api/${user}/tasks/batch${query}`, { body: { operations }, headers }),
    create: async (user: string, body: object = { title: 'x' }) =>
      (await app().send('POST', `/api/${user}/tasks`, { body })).json,
    listOf: async (user: string) => (await app().send('GET', `/api/${user}/tasks`)).json,
    trashOf: async (user: string) => (await app().send('GET', `/api/${user}/tasks/trash`)).json,
    seqOf: async (user: string) =>
      (await app().admin('select seq::int from todo.users where id = $1', [user]))[0]?.seq,
    keysOf: (user: string) =>
      app().admin('select * from todo.idempotency_keys where user_id = $1 order by key', [user]),
  }
}

export const statuses = ({ json }: Answer): number[] =>
  json.results.map(({ status }: { status: number }) => status)

/** What a refusal says: its status, code, and the places of its errors. */
export const refusal = ({ status, json }: Answer) => [
  status,
  json.error,
  json.errors?.map(({ path }: { path: string }) => path),
]
