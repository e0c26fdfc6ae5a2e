import {
  NoQuery,
  ownerResponses,
  PAGE_HEADERS,
  UserParams,
  WITH_BODY,
} from '../../schemas/resource.ts'
import { TaskParams } from '../../schemas/tasks/task.ts'
import { TrashQuery } from '../../schemas/tasks/trash.ts'

const common = { tags: ['trash'] }
const ETAG = { ETag: { description: 'The version of the task', type: 'string' } }
const content = (schema: object) => ({ content: { 'application/json': { schema } } })

/** The schemas of the operations on the trash, for validation and for the OpenAPI document. */
export const operations = {
  list: {
    ...common,
    operationId: 'listTrash',
    summary: 'List the trash',
    description:
      'Returns the deleted tasks of the user, the last deleted first, in pages as the list of tasks.',
    params: UserParams,
    querystring: TrashQuery,
    ...ownerResponses({
      200: {
        description: 'The tasks in the trash, the last deleted first',
        headers: PAGE_HEADERS,
        ...content({ type: 'array', items: { $ref: 'TrashedTask#' } }),
      },
    }),
  },
  empty: {
    ...common,
    operationId: 'emptyTrash',
    summary: 'Empty the trash',
    description: 'Deletes all tasks in the trash permanently.',
    params: UserParams,
    querystring: NoQuery,
    ...ownerResponses({ 204: { description: 'The trash is empty' } }, ...WITH_BODY),
  },
  get: {
    ...common,
    operationId: 'getTrashedTask',
    summary: 'Get a task in the trash',
    description: 'Returns one deleted task.',
    params: TaskParams,
    querystring: NoQuery,
    ...ownerResponses({
      200: { description: 'The task', headers: ETAG, ...content({ $ref: 'TrashedTask#' }) },
    }),
  },
  delete: {
    ...common,
    operationId: 'purgeTask',
    summary: 'Delete a task permanently',
    description:
      'Overwrites the text of a task in the trash at once. A later page of the changes still tells that the task is deleted.',
    params: TaskParams,
    querystring: NoQuery,
    ...ownerResponses({ 204: { description: 'The task is deleted permanently' } }, ...WITH_BODY),
  },
  restore: {
    ...common,
    operationId: 'restoreTask',
    summary: 'Restore a task',
    description: 'Takes a task out of the trash.',
    params: TaskParams,
    querystring: NoQuery,
    ...ownerResponses(
      { 200: { description: 'The task', headers: ETAG, ...content({ $ref: 'Task#' }) } },
      ...WITH_BODY,
    ),
  },
}
