/** The schemas of drizzle.ts: Ajv validates requests, and fast-json-stringify writes responses. */

const UUID = { type: 'string', format: 'uuid' } as const
const OPTIONAL_UUID = { type: ['string', 'null'], format: 'uuid' } as const
const TITLE = { type: 'string', minLength: 1, maxLength: 500 } as const
const DESCRIPTION = { type: ['string', 'null'], maxLength: 16384 } as const
const COMPLETED = { type: 'boolean' } as const
const INSTANT = { type: 'string', format: 'date-time' } as const
const OPTIONAL_INSTANT = { type: ['string', 'null'], format: 'date-time' } as const
const PRIORITY = { type: 'string', enum: ['none', 'low', 'medium', 'high'] } as const
const TAG = { type: 'string', minLength: 1, maxLength: 50 } as const
const TAGS = { type: 'array', maxItems: 20, items: TAG } as const
const DUE_DATE = { type: ['string', 'null'], pattern: '^\\d{4}-\\d\\d-\\d\\d$' } as const
const DUE_TIME = { type: ['string', 'null'], pattern: '^\\d\\d:\\d\\d$' } as const
const DUE_ZONE = { type: ['string', 'null'], maxLength: 50 } as const
const RECURRENCE = {
  type: ['object', 'null'],
  required: ['rule', 'from'],
  additionalProperties: false,
  properties: {
    rule: { type: 'string', maxLength: 200 },
    from: { type: 'string', enum: ['due', 'completion'] },
  },
} as const
const POSITION = { type: 'string', pattern: '^[0-9A-Za-z]{1,128}$' } as const

const WRITABLE = {
  title: TITLE,
  description: DESCRIPTION,
  completed: COMPLETED,
  priority: PRIORITY,
  tags: TAGS,
  due_date: DUE_DATE,
  due_time: DUE_TIME,
  due_zone: DUE_ZONE,
  recurrence: RECURRENCE,
  parent_id: OPTIONAL_UUID,
  position: POSITION,
} as const

const Task = {
  type: 'object',
  required: [
    ...['id', 'user_id', 'title', 'description', 'completed', 'completed_at', 'priority', 'tags'],
    ...['due_date', 'due_time', 'due_zone', 'due_at', 'recurrence', 'series_id', 'parent_id'],
    ...['position', 'created_at', 'updated_at'],
  ],
  properties: {
    id: { type: 'string' },
    user_id: { type: 'string' },
    title: { type: 'string' },
    description: { type: ['string', 'null'] },
    completed: COMPLETED,
    completed_at: OPTIONAL_INSTANT,
    priority: { type: 'string' },
    tags: { type: 'array', items: { type: 'string' } },
    due_date: { type: ['string', 'null'] },
    due_time: { type: ['string', 'null'] },
    due_zone: { type: ['string', 'null'] },
    due_at: OPTIONAL_INSTANT,
    recurrence: RECURRENCE,
    series_id: { type: ['string', 'null'] },
    parent_id: { type: ['string', 'null'] },
    position: { type: 'string' },
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
