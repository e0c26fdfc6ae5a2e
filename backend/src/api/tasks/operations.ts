import { answers } from '../../schemas/problem.ts'
import {
  Completion,
  ListParams,
  ListQuery,
  NewTask,
  NoQuery,
  TaskChanges,
  TaskParams,
} from '../../schemas/tasks/task.ts'

const text = (description: string) => ({ description, type: 'string' })
const ETAG = { ETag: text('The version of the task, for If-Match and If-None-Match') }

const tasks = {
  description: 'The tasks, newest first',
  headers: { Link: text('The next page (rel="next"), while there is more') },
  content: { 'application/json': { schema: { type: 'array', items: { $ref: 'Task#' } } } },
}
const task = (description: string, headers: object = {}) => ({
  description,
  headers: { ...ETAG, ...headers },
  content: { 'application/json': { schema: { $ref: 'Task#' } } },
})

/** What every operation on tasks can fail with. */
const ALWAYS = [
  'unauthorized',
  'user_id_mismatch',
  'not_found',
  'validation_error',
  'too_many_requests',
  'service_unavailable',
] as const
const WITH_BODY = ['payload_too_large', 'unsupported_media_type'] as const

const common = { tags: ['tasks'], security: [{ bearer: [] }] }
const IF_MATCH = {
  type: 'object',
  properties: {
    'if-match': {
      type: 'string',
      description: 'Only if the task is at this ETag; * is any',
      examples: ['*'],
    },
  },
} as const
const IDEMPOTENCY_KEY = {
  'idempotency-key': {
    type: 'string',
    description:
      'A new one for each request that is to be done once, such as a UUID: 1 to 255 visible ASCII characters, in quotes or not. The same request under it gets the first answer again, for 24 hours',
    examples: ['6f1c2b1e-6d0f-4a86-9d53-1b6f1f0f9f0e'],
  },
} as const
const ONCE = { type: 'object', properties: IDEMPOTENCY_KEY } as const
const REPLAYED = { 'Idempotency-Replayed': text('true, where this is the first answer again') }
const IF_NONE_MATCH = {
  type: 'object',
  properties: {
    'if-none-match': { type: 'string', description: '304 if the task is still at this ETag' },
  },
} as const

/** The schemas of the six operations: what is checked, and what the OpenAPI document says. */
export const operations = {
  list: {
    ...common,
    operationId: 'listTasks',
    summary: 'List the tasks, newest first',
    description:
      'Without `limit` all of them, however many. With it a page, and the next one in `Link`.',
    params: ListParams,
    querystring: ListQuery,
    response: answers({ 200: tasks }, ...ALWAYS),
  },
  create: {
    ...common,
    operationId: 'createTask',
    summary: 'Create a task',
    params: ListParams,
    querystring: NoQuery,
    headers: ONCE,
    body: NewTask,
    response: answers(
      {
        201: task('The new task', { Location: text('The path of the new task'), ...REPLAYED }),
      },
      ...ALWAYS,
      'conflict',
      ...WITH_BODY,
    ),
  },
  get: {
    ...common,
    operationId: 'getTask',
    summary: 'Get a task',
    params: TaskParams,
    querystring: NoQuery,
    headers: IF_NONE_MATCH,
    response: answers(
      {
        200: task('The task'),
        304: { description: 'The task is still at the ETag in If-None-Match', headers: ETAG },
      },
      ...ALWAYS,
    ),
  },
  update: {
    ...common,
    operationId: 'updateTask',
    summary: 'Change a task',
    description: 'What is left out stays as it is, so a client that sends a title loses nothing.',
    params: TaskParams,
    querystring: NoQuery,
    headers: IF_MATCH,
    body: TaskChanges,
    response: answers(
      {
        200: task('The task as it is now'),
      },
      ...ALWAYS,
      ...WITH_BODY,
      'precondition_failed',
    ),
  },
  delete: {
    ...common,
    operationId: 'deleteTask',
    summary: 'Delete a task',
    params: TaskParams,
    querystring: NoQuery,
    headers: IF_MATCH,
    response: answers(
      {
        204: { description: 'The task is gone' },
      },
      ...ALWAYS,
      ...WITH_BODY,
      'precondition_failed',
    ),
  },
  complete: {
    ...common,
    operationId: 'completeTask',
    summary: 'Flip or set completion',
    description:
      'Without a body it flips, in one statement: n calls flip n times. With `completed` it sets, and repeating that changes nothing; `Idempotency-Key` is for the flip.',
    params: TaskParams,
    querystring: NoQuery,
    headers: { type: 'object', properties: { ...IF_MATCH.properties, ...IDEMPOTENCY_KEY } },
    body: Completion,
    'x-optional-body': true,
    response: answers(
      {
        200: task('The task as it is now', REPLAYED),
      },
      ...ALWAYS,
      'conflict',
      ...WITH_BODY,
      'precondition_failed',
    ),
  },
}
