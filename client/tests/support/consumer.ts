// A program of another project: it knows the package as it is published.

import { createClient, type Task, TodoError } from '@todo-backend/client'
import { createAccounts, memorySession } from '@todo-backend/client/accounts'

declare const process: { env: Record<string, string>; stdout: { write(text: string): void } }

const baseUrl = process.env.SERVER ?? ''
const accounts = createAccounts({ baseUrl, session: memorySession() })
await accounts.signUp({ name: 'Ann', email: 'ann@example.com', password: 'correct horse battery' })
const client = createClient({ baseUrl, token: accounts.token })
const { body } = await client.request('POST /api/{user_id}/tasks', { body: { title: 'Buy milk' } })
const tasks: Task[] = []
for await (const { changes, live } of client.changes()) {
  for (const change of changes) if ('task' in change) tasks.push(change.task)
  if (live) break
}
let unexpected = 0
try {
  await client.request('GET /api/{user_id}/tasks/{id}', { params: { id: 'none' } })
  unexpected += 1
} catch (error) {
  if (!(error instanceof TodoError) || error.code !== 'not_found') unexpected += 1
}
const same = tasks[0]?.id === body.id
process.stdout.write(`${body.title}, ${same}, unexpected: ${unexpected}\n`)
