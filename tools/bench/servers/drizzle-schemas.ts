/** The schemas of drizzle.ts: Ajv validates requests, and fast-json-stringify writes responses. */

const UUID = { type: 'string', format: 'uuid' } as const
const TITLE = { type: 'string', minLength: 1, maxLength: 500 } as const
const DESCRIPTION = { type: ['string', 'null'], maxLength: 16384 } as const
const COMPLETED = { type: 'boolean' } as const
const INSTANT = { type: 'string', format: 'date-time' } as const

const WRITABLE = { title: TITLE, description: DESCRIPTION, completed: COMPLETED } as const

const Task = {
  type: 'object',
  required: ['id', 'user_id', 'title', 'description', 'completed', 'created_at', 'updated_at'],
  properties: {
    id: { type: 'string' },
    user_id: { type: 'string' },
    title: { type: 'string' },
    description: { type: ['string', 'null'] },
    completed: COMPLETED,
    created_at: INSTANT,
    updated_at: INSTANT,
  },
} as const

const NewTask = {
  type: 'object',
  required: ['title'],
  additionalProperties: false,
  properties: WRITABLE,
} as const

const TaskChanges = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: WRITABLE,
} as const

const UserParams = {
  type: 'object',
  required: ['user_id'],
  properties: { user_id: { type: 'string' } },
} as const

const TaskParams = {
  type: 'object',
  required: ['user_id', 'id'],
  properties: { user_id: { type: 'string' }, id: UUID },
} as const

const ListQuery = {
  type: 'object',
  properties: { limit: { type: 'integer', minimum: 1, maximum: 1000 } },
} as const

const Problem = {
  type: 'object',
  required: ['error'],
  properties: { error: { type: 'string' } },
} as const

export const listSchema = {
  params: UserParams,
  querystring: ListQuery,
  response: { 200: { type: 'array', items: Task } },
} as const
export const createSchema = { params: UserParams, body: NewTask, response: { 201: Task } } as const
export const readSchema = { params: TaskParams, response: { 200: Task, 404: Problem } } as const
export const updateSchema = {
  params: TaskParams,
  body: TaskChanges,
  response: { 200: Task, 404: Problem },
} as const
export const deleteSchema = {
  params: TaskParams,
  response: { 204: { type: 'null' }, 404: Problem },
} as const
