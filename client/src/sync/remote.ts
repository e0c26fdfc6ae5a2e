import type { components } from '../api.ts'
import type { Task } from '../task.ts'
import type { FeedItem, TodoClient } from '../transport/client.ts'
import type { SentOperation } from './operation.ts'

/**
 * The server, as the sync sees it. Errors are those of the transport. With the id of the user whose tasks the store has,
 * the server refuses the token of anyone else.
 */
export interface Remote {
  /**
   * Executes an operation once, and returns the first response when it is called again.
   *
   * @returns the task directly after the operation; null for a deletion, and if it has been deleted permanently since.
   */
  send(operation: SentOperation, userId: string | null, signal: AbortSignal): Promise<Task | null>
  /** @returns a task as it is now. @throws {TodoError} `not_found` */
  read(id: string, userId: string | null, signal: AbortSignal): Promise<Task>
  changes(since: string | null, userId: string | null, signal: AbortSignal): AsyncIterable<FeedItem>
}

/** @returns the server behind a client. Every request is sent once, because the sync itself repeats them. */
export function remoteOf(client: TodoClient): Remote {
  return {
    async send(operation, userId, signal) {
      const params = { user_id: userId }
      // A batch is the one request of all edits that the server executes once for a key.
      const { body } = await client.request('POST /api/{user_id}/tasks/batch', {
        ...{ params, signal, attempts: 1 },
        headers: { 'idempotency-key': operation.sent.key },
        body: { operations: [asked(operation)] },
      })
      const task = body.results[0]?.task
      return task?.title ? task : null
    },
    async read(id, userId, signal) {
      const params = { user_id: userId, id }
      const path = 'GET /api/{user_id}/tasks/{id}'
      return (await client.request(path, { params, signal, attempts: 1 })).body
    },
    changes: (since, userId, signal) =>
      client.changes({ since: since ?? undefined, signal, userId }),
  }
}

type Asked = components['schemas']['Batch']['operations'][number]

function asked(operation: SentOperation): Asked {
  const { taskId: id, sent } = operation
  // Without a version it is that of no task: 412 if there is the task, which is then read.
  const target = { id, if_match: `"${sent.version}"` }
  switch (operation.edit) {
    case 'create':
      return { op: operation.edit, task: operation.task }
    case 'update':
      return { op: operation.edit, ...target, task: operation.change }
    case 'complete':
      return { op: operation.edit, ...target, completed: operation.completed }
    case 'move':
      return { op: operation.edit, ...target, ...operation.place }
    case 'restore':
      return { op: operation.edit, id }
    case 'delete':
      return { op: operation.edit, ...target }
  }
}
