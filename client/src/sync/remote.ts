import type { Task } from '../task.ts'
import type { FeedItem, TodoClient } from '../transport/client.ts'
import { etagOf } from '../transport/client.ts'
import type { Sending } from './settle.ts'

/**
 * The server, as the sync sees it. Errors are those of the transport. With the id of the user whose tasks the store has,
 * the server refuses the token of anyone else.
 */
export interface Remote {
  /** @returns the task directly afterwards; null for a deletion. */
  send(sending: Sending, userId: string | null, signal: AbortSignal): Promise<Task | null>
  /** @returns a task as it is now. @throws {TodoError} `not_found` */
  read(id: string, userId: string | null, signal: AbortSignal): Promise<Task>
  changes(since: string | null, userId: string | null, signal: AbortSignal): AsyncIterable<FeedItem>
}

/** Is the version of no task: 412 if there is the task. */
const NO_VERSION = '"none"'
const TASK = '/api/{user_id}/tasks/{id}'

/** @returns the server behind a client. Every request is sent once, because the sync itself repeats them. */
export function remoteOf(client: TodoClient): Remote {
  return {
    async send({ operation, base }, userId, signal) {
      const { id: key, taskId: id } = operation
      const common = { signal, attempts: 1 }
      const params = { id, user_id: userId ?? undefined }
      // Without a version, the task is read first.
      const version = { 'if-match': base ? etagOf(base) : NO_VERSION }
      const target = { ...common, params, headers: version }
      switch (operation.edit) {
        case 'create': {
          const request = {
            ...common,
            params,
            headers: { 'idempotency-key': key },
            body: operation.task,
          }
          return (await client.request('POST /api/{user_id}/tasks', request)).body
        }
        case 'update': {
          const request = { ...target, body: operation.change }
          return (await client.request(`PATCH ${TASK}`, request)).body
        }
        case 'complete': {
          const request = { ...target, body: { completed: operation.completed } }
          return (await client.request(`PATCH ${TASK}/complete`, request)).body
        }
        case 'move': {
          const request = { ...target, body: operation.place }
          return (await client.request(`POST ${TASK}/move`, request)).body
        }
        case 'restore': {
          const restored = await client.request('POST /api/{user_id}/tasks/trash/{id}/restore', {
            ...common,
            params,
          })
          return restored.body
        }
        case 'delete':
          await client.request(`DELETE ${TASK}`, target)
          return null
      }
    },
    async read(id, userId, signal) {
      const params = { id, user_id: userId ?? undefined }
      const read = await client.request(`GET ${TASK}`, { params, signal, attempts: 1 })
      return read.body
    },
    changes: (since, userId, signal) =>
      client.changes({ since: since ?? undefined, signal, userId: userId ?? undefined }),
  }
}
