import { MERGE_PATCH_TYPES } from '../../http/protocol/body.ts'
import {
  NoQuery,
  ownerResponses,
  PAGE_HEADERS,
  UserParams,
  WITH_BODY,
} from '../../schemas/resource.ts'

import { ListQuery } from '../../schemas/tasks/list.ts'
import { TaskMove } from '../../schemas/tasks/move.ts'
import { Completion, NewTask, TaskChanges, TaskParams } from '../../schemas/tasks/task.ts'

const text = (description: string) => ({ description, type: 'string' })
const ETAG = { ETag: text('The version of the task. Send it in If-Match or If-None-Match') }

const COUNT_HEADERS = {
  'Total-Count': text('With `Prefer: count=exact`: the number of all tasks that pass every filter'),
  'Preference-Applied': text('count=exact, if Total-Count is there'),
}
const PREFER = {
  type: 'object',
  properties: {
    prefer: {
      type: 'string',
      description: '`count=exact` adds the number of all tasks that pass every filter (RFC 7240)',
    },
  },
} as const

const tasks = {
  description: 'The tasks of the user that pass every filter, in the order of `sort`',
  headers: { ...PAGE_HEADERS, ...COUNT_HEADERS },
  content: { 'application/json': { schema: { type: 'array', items: { $ref: 'Task#' } } } },
}
const task = (description: string, headers: object = {}) => ({
  description,
  headers: { ...ETAG, ...headers },
  content: { 'application/json': { schema: { $ref: 'Task#' } } },
})

const common = { tags: ['tasks'] }
const IF_MATCH = {
  type: 'object',
  properties: {
    'if-match': {
      type: 'string',
      description: 'Change the task only if it still has this ETag. `*` matches every version',
    },
  },
} as const
const IDEMPOTENCY_KEY = {
  'idempotency-key': {
    type: 'string',
    description:
      'Makes it safe to send the request again: for 24 hours, the same request with the same key gets the first response and changes nothing. Use a new key for each request, such as a UUID: 1 to 255 visible ASCII characters, with or without quotes',
  },
} as const
export const ONCE = { type: 'object', properties: IDEMPOTENCY_KEY } as const
export const REPLAYED = {
  'Idempotency-Replayed': text(
    'true, if this is the response to an earlier request with the same key',
  ),
}
const IF_NONE_MATCH = {
  type: 'object',
  properties: {
    'if-none-match': {
      type: 'string',
      description: 'The response is 304 if the task still has this ETag',
    },
  },
} as const

const NEXT_OCCURRENCE = {
  Link: text('The address of the next occurrence that the change made (rel="next-occurrence")'),
}

/** PUT and PATCH do the same. */
const CHANGE = {
  ...common,
  params: TaskParams,
  querystring: NoQuery,
  headers: IF_MATCH,
  body: TaskChanges,
  ...ownerResponses(
    { 200: task('The task after the change', NEXT_OCCURRENCE) },
    'conflict',
    ...WITH_BODY,
    'precondition_failed',
  ),
}

/** The schemas of the operations on one task and on the list, for validation and for the OpenAPI document. */
export const operations = {
  list: {
    ...common,
    operationId: 'listTasks',
    summary: 'List tasks',
    description:
      'Returns the tasks of the user that pass every filter, the newest first if there is no `sort`: with `limit` one page, and the address of the next page in `Link`, its cursor in `Next-Cursor`; without `limit` all of them. A cursor is for one order and one filter.',
    params: UserParams,
    querystring: ListQuery,
    headers: PREFER,
    ...ownerResponses({ 200: tasks }),
  },
  create: {
    ...common,
    operationId: 'createTask',
    summary: 'Create a task',
    description:
      'Creates a task and returns it. With an `id` that the user has already, returns that task as it is.',
    params: UserParams,
    querystring: NoQuery,
    headers: ONCE,
    body: NewTask,
    ...ownerResponses(
      {
        200: task('The task with the id of the request, unchanged'),
        201: task('The new task', { Location: text('The path of the new task'), ...REPLAYED }),
      },
      'conflict',
      ...WITH_BODY,
    ),
  },
  get: {
    ...common,
    operationId: 'getTask',
    summary: 'Get a task',
    description: 'Returns one task. With `If-None-Match`, only if it has changed.',
    params: TaskParams,
    querystring: NoQuery,
    headers: IF_NONE_MATCH,
    ...ownerResponses({
      200: task('The task'),
      304: { description: 'The task still has the ETag in If-None-Match', headers: ETAG },
    }),
  },
  update: {
    ...CHANGE,
    operationId: 'updateTask',
    summary: 'Update a task',
    description: 'Changes the members that the body contains. All other members keep their values.',
  },
  patch: {
    ...CHANGE,
    operationId: 'patchTask',
    summary: 'Patch a task',
    description:
      'The same as PUT. The body may also have the media type of a JSON merge patch (RFC 7396).',
    consumes: MERGE_PATCH_TYPES,
  },
  delete: {
    ...common,
    operationId: 'deleteTask',
    summary: 'Delete a task',
    description:
      'Moves the task to the trash, with its children. If TRASH_DAYS is 0, deletes it permanently.',
    params: TaskParams,
    querystring: NoQuery,
    headers: IF_MATCH,
    ...ownerResponses(
      {
        204: { description: 'The task is deleted' },
      },
      ...WITH_BODY,
      'precondition_failed',
    ),
  },
  move: {
    ...common,
    operationId: 'moveTask',
    summary: 'Move a task',
    description:
      'Moves the task in the manual order and returns it. Where there is no room for another key, the server also gives new positions to tasks beside it. A task that is in the place already stays as it is.',
    params: TaskParams,
    querystring: NoQuery,
    headers: IF_MATCH,
    body: TaskMove,
    ...ownerResponses(
      { 200: task('The task after the move') },
      ...WITH_BODY,
      'precondition_failed',
    ),
  },
  complete: {
    ...common,
    operationId: 'completeTask',
    summary: 'Complete or reopen a task',
    description:
      'With `completed` in the body, sets that value. Without a body, toggles it: send an `Idempotency-Key`, so that a repeated request does not toggle it back.',
    params: TaskParams,
    querystring: NoQuery,
    headers: { type: 'object', properties: { ...IF_MATCH.properties, ...IDEMPOTENCY_KEY } },
    body: Completion,
    'x-optional-body': true,
    ...ownerResponses(
      {
        200: task('The task after the change', { ...REPLAYED, ...NEXT_OCCURRENCE }),
      },
      'conflict',
      ...WITH_BODY,
      'precondition_failed',
    ),
  },
}
