import type { Condition, Person, Place, TaskRequest } from './request.ts'

/** A page ends early if its JSON has more than 64 KiB. */
const PAGE_BYTES = 65_536

export interface Task {
  readonly id: string
  readonly user_id: string
  readonly title: string
  readonly description: string | null
  readonly completed: boolean
  readonly completed_at: string | null
  readonly priority: string
  readonly tags: readonly string[]
  readonly due_date: string | null
  readonly due_time: string | null
  readonly due_zone: string | null
  readonly due_at: string | null
  /** These three are always null here. */
  readonly recurrence: null
  readonly series_id: null
  readonly parent_id: null
  readonly position: string
  readonly created_at: string
  readonly updated_at: string
}

/** In place of an instant at which the server makes a task completed. */
export const NOW = 'now'

/** What only the server can choose. */
export type Chosen = 'id' | 'position' | 'created_at' | 'updated_at'

/** All there is: the tasks of each user who ever made one, by their ids, the oldest first. */
export interface World {
  readonly tasks: ReadonlyMap<string, readonly Task[]>
  /** What was done under a key, by the user's id and the key. */
  readonly done: ReadonlyMap<string, Done>
  /** What cursors of answers stand for. Any other text is no cursor. */
  readonly cursors: ReadonlyMap<string, Cursor>
}

/** The id of a task, after which a list goes on, and the filter of that list. */
interface Cursor {
  readonly id: string
  readonly completed: string | undefined
}

export const EMPTY: World = { tasks: new Map(), done: new Map(), cursors: new Map() }

/** A request under an `Idempotency-Key`, and the task it was answered with. */
export interface Done {
  readonly userId: string
  readonly key: string
  /** What was asked for: the same again is the same request. */
  readonly asked: string
  readonly made: boolean
  readonly task: Task
}

/** The errors these requests can meet, with their statuses. */
export const STATUSES = {
  bad_request: 400,
  unauthorized: 401,
  user_id_mismatch: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  precondition_failed: 412,
  unsupported_media_type: 415,
  validation_error: 422,
} as const
export type ErrorCode = keyof typeof STATUSES

/** What a request must be answered with, and by that what becomes of the world. */
export type Outcome =
  | { readonly kind: 'problem'; readonly error: ErrorCode; readonly places?: readonly string[] }
  | { readonly kind: 'methods' }
  | { readonly kind: 'made'; readonly task: Omit<Task, Chosen> }
  /** The task with its new values and its old `updated_at`. */
  | { readonly kind: 'changed'; readonly task: Task }
  | { readonly kind: 'read'; readonly task: Task }
  /** The first answer again. */
  | { readonly kind: 'replayed'; readonly task: Task; readonly made: boolean }
  | { readonly kind: 'unmodified'; readonly task: Task }
  | { readonly kind: 'deleted'; readonly task: Task }
  | { readonly kind: 'page'; readonly tasks: readonly Task[]; readonly more: boolean }

export const ALLOWED: Record<Place, string> = {
  list: 'GET, HEAD, OPTIONS, POST',
  task: 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT',
  complete: 'OPTIONS, PATCH',
}

export const tasksOf = (world: World, { id }: Person): readonly Task[] => world.tasks.get(id) ?? []

/** The contract: what a request is answered with in this world. */
export function outcomeOf(world: World, request: TaskRequest): Outcome {
  const { method, place, owner, bearer, body } = request
  if (request.spelling !== 'canonical') return problem('not_found')
  if (!ALLOWED[place].split(', ').includes(method)) return problem('method_not_allowed')
  if (method === 'OPTIONS') return { kind: 'methods' }
  if (typeof bearer === 'string') return problem('unauthorized')
  if (bearer.id !== owner.id) return problem('user_id_mismatch')
  if (body.kind === 'refused') return problem(body.error)
  const places = [...faultsOfQuery(world, request), ...faultsOfBody(request)]
  if (places.length > 0) return { kind: 'problem', error: 'validation_error', places }
  if (place === 'list' && method !== 'POST') return list(world, request)
  const id = decodeURIComponent(request.segment).toLowerCase()
  if (place !== 'list' && !UUID.test(id)) return problem('not_found')
  const before = underKey(world, request)
  if (before !== undefined) return before
  if (place === 'list') return create(request)
  const task = tasksOf(world, owner).find((one) => one.id === id)
  if (task === undefined) return problem('not_found')
  if (method === 'GET' || method === 'HEAD') {
    const { ifNoneMatch } = request
    const same = ifNoneMatch !== undefined && matches(ifNoneMatch, task)
    return { kind: same ? 'unmodified' : 'read', task }
  }
  const { ifMatch } = request
  if (ifMatch !== undefined && !matches(ifMatch, task)) {
    return problem('precondition_failed')
  }
  return method === 'DELETE' ? { kind: 'deleted', task } : change(task, request)
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The place of a request in {@link World.done}; none where it takes no key. */
export function placeOfKey({ method, place, owner, body, idempotencyKey }: TaskRequest) {
  const flips = place === 'complete' && writtenIn(body).completed === undefined
  if (idempotencyKey?.key === undefined || !(method === 'POST' || flips)) return undefined
  return `${owner.id} ${idempotencyKey.key}`
}

function underKey(world: World, request: TaskRequest): Outcome | undefined {
  const { method, place, body, idempotencyKey } = request
  const flips = place === 'complete' && writtenIn(body).completed === undefined
  if (idempotencyKey === undefined || !(method === 'POST' || flips)) return undefined
  const done = world.done.get(placeOfKey(request) ?? '')
  if (idempotencyKey.key !== undefined && done === undefined) return undefined
  if (done?.asked !== askedBy(request)) {
    return { kind: 'problem', error: 'validation_error', places: ['header/idempotency-key'] }
  }
  return { kind: 'replayed', task: done.task, made: done.made }
}

/** All that tells a request from others of its key, in one form however it was written. */
export function askedBy(request: TaskRequest): string {
  const { place, segment, ifMatch } = request
  if (place === 'list') return JSON.stringify(newTask(request))
  const tags = ifMatch === undefined || ifMatch === '*' || 'unreadable' in ifMatch ? [] : ifMatch
  const versions = tags.filter(({ version }) => isInstant(version))
  const any = ifMatch === undefined || ifMatch === '*'
  return JSON.stringify([
    decodeURIComponent(segment).toLowerCase(),
    any || versions.map(({ version }) => version),
  ])
}

/** Nothing else is a version a task can be at. */
function isInstant(text: string): boolean {
  const instant = new Date(text)
  return !Number.isNaN(instant.getTime()) && instant.toISOString() === text && text > '0001'
}

const problem = (error: ErrorCode): Outcome => ({ kind: 'problem', error })

function matches(condition: Condition, task: Task): boolean {
  if (condition === '*') return true
  if ('unreadable' in condition) return false
  return condition.some(({ version }) => version === task.updated_at)
}

function newTask({ owner, body }: TaskRequest): Omit<Task, Chosen> {
  const { title = '', description = null, completed = false, ...members } = writtenIn(body)
  const completed_at = completed ? NOW : null
  const task = { user_id: owner.id, title: title.trim(), description, completed, completed_at }
  const none = { recurrence: null, series_id: null, parent_id: null }
  return { ...task, ...withMembers(NO_MEMBERS, members), ...none }
}

type Members = Pick<Task, 'priority' | 'tags' | 'due_date' | 'due_time' | 'due_zone' | 'due_at'>
const NO_MEMBERS: Members = {
  ...{ priority: 'none', tags: [] },
  ...{ due_date: null, due_time: null, due_zone: null, due_at: null },
}

function withMembers(members: Members, written: Partial<Members>): Members {
  const { priority = members.priority, tags = members.tags } = written
  const { due_date = members.due_date, due_time = members.due_time } = written
  const { due_zone = members.due_zone } = written
  const due_at =
    due_zone === null ? null : new Date(`${due_date}T${due_time}${OFFSETS[due_zone]}`).toISOString()
  return { priority, tags: distinct(tags), due_date, due_time, due_zone, due_at }
}

/** The zones of the model, which never change their clocks. */
export const OFFSETS: Readonly<Record<string, string>> = { UTC: 'Z', 'Asia/Kolkata': '+05:30' }

const distinct = (tags: readonly string[]) =>
  tags
    .map((tag) => tag.trim())
    .filter(
      (tag, at, all) => all.findIndex((one) => one.toLowerCase() === tag.toLowerCase()) === at,
    )

/** The member that may not stay as it is without another. */
function hanging({ due_date, due_time, due_zone }: Partial<Members>): string | undefined {
  if (due_time !== null && due_date === null) return 'body/due_time'
  return due_zone !== null && due_time === null ? 'body/due_zone' : undefined
}

const create = (request: TaskRequest): Outcome => ({ kind: 'made', task: newTask(request) })

function change(task: Task, { place, body }: TaskRequest): Outcome {
  const written = writtenIn(body)
  const flips = place === 'complete' && written.completed === undefined
  const { title = task.title, description = task.description } = written
  const { completed = flips ? !task.completed : task.completed } = written
  const completed_at = completed ? (task.completed ? task.completed_at : NOW) : null
  const due = { ...task, ...written }
  const missing = hanging(due)
  if (missing !== undefined)
    return { kind: 'problem', error: 'validation_error', places: [missing] }
  const text = { title: title.trim(), description, completed, completed_at }
  const next = { ...task, ...text, ...withMembers(task, written) }
  return { kind: sameValues(task, next) ? 'read' : 'changed', task: next }
}

function sameValues(a: Task, b: Task): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function list(world: World, { owner, query }: TaskRequest): Outcome {
  const { completed, limit, cursor } = Object.fromEntries(query)
  const known = world.cursors.get(cursor ?? '')
  if (cursor !== undefined && (known === undefined || known.completed !== completed)) {
    return { kind: 'problem', error: 'validation_error', places: ['query/cursor'] }
  }
  const before = known?.id
  const found = tasksOf(world, owner)
    .filter((task) => before === undefined || task.id < before)
    .filter((task) => completed === undefined || String(task.completed) === completed)
    .toReversed()
  const tasks = limit === undefined ? found : fitting(found.slice(0, Number(limit)))
  return { kind: 'page', tasks, more: tasks.length < found.length }
}

/** A page ends with the task that fills it. */
function fitting(tasks: readonly Task[]): readonly Task[] {
  let bytes = 0
  return tasks.filter((task) => {
    const fits = bytes < PAGE_BYTES
    bytes += Buffer.byteLength(JSON.stringify(task))
    return fits
  })
}

/** The members of a body that was found valid. */
function writtenIn(body: TaskRequest['body']): Partial<Omit<Task, Chosen>> {
  return body.kind === 'json' ? (body.value as Partial<Task>) : {} // faultsOfBody has seen it
}

const PARAMETERS: Record<string, (world: World, value: string) => boolean> = {
  completed: (_world, value) => ['true', 'false'].includes(value),
  limit: (_world, value) => /^[1-9]\d{0,3}$/.test(value) && Number(value) <= 1000,
  // Whether it is a cursor of this very list is looked at afterwards.
  cursor: (_world, value) => /^[\w-]{22,2700}$/.test(value),
}

/** Every offending parameter, as `query/name`. */
function faultsOfQuery(world: World, { method, place, query }: TaskRequest): string[] {
  const known = place === 'list' && method !== 'POST' ? PARAMETERS : {}
  const names = query.map(([name]) => name)
  return [...new Set(names)]
    .filter((name) => {
      const given = query.filter(([other]) => other === name)
      return given.length > 1 || !given.every(([, value]) => known[name]?.(world, value))
    })
    .map((name) => `query/${name}`)
}

const wellFormed = (value: unknown, most: number): value is string =>
  typeof value === 'string' &&
  value.isWellFormed() &&
  !value.includes('\0') &&
  [...value].length <= most

const MEMBERS: Record<string, (value: unknown) => boolean> = {
  title: (value) =>
    typeof value === 'string' && value.trim() !== '' && wellFormed(value.trim(), 500),
  description: (value) => value === null || wellFormed(value, 16_384),
  completed: (value) => typeof value === 'boolean',
  priority: (value) => ['none', 'low', 'medium', 'high'].includes(String(value)),
  tags: (value) => Array.isArray(value),
  due_date: (value) => value === null || /^\d{4}-\d\d-\d\d$/.test(String(value)),
  due_time: (value) => value === null || /^\d\d:\d\d$/.test(String(value)),
  due_zone: (value) => value === null || String(value) in OFFSETS,
  recurrence: (value) => value === null,
  parent_id: (value) => value === null,
}

/** The members that the server sets, and whether a client may send them back. */
const OF_SERVER: Record<string, (value: unknown, request: TaskRequest) => boolean> = {
  id: (value, { segment }) =>
    typeof value === 'string' && value.toLowerCase() === decodeURIComponent(segment).toLowerCase(),
  user_id: (value, { owner }) => value === owner.id,
  completed_at: () => true,
  due_at: () => true,
  series_id: () => true,
  created_at: () => true,
  updated_at: () => true,
}

/** Every offending place of a body, as `body/title`; `body` where it is the whole. */
function faultsOfBody(request: TaskRequest): string[] {
  const { method, place, body } = request
  if (method !== 'POST' && method !== 'PUT' && method !== 'PATCH') return []
  if (body.kind !== 'json') return place === 'complete' ? [] : ['body']
  const { value } = body
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['body']
  const members = Object.entries(value)
  const known = place === 'complete' ? ['completed'] : Object.keys(MEMBERS)
  const sentBack: string[] = { list: ['user_id'], task: Object.keys(OF_SERVER), complete: [] }[
    place
  ]
  const faults = members
    .filter(([name, given]) => {
      if (known.includes(name)) return !MEMBERS[name]?.(given)
      return !sentBack.includes(name) || !OF_SERVER[name]?.(given, request)
    })
    .map(([name]) => `body/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  if (method === 'POST' && !('title' in value)) faults.push('body/title')
  if (place !== 'complete')
    faults.push(...faultsOfDue(value, method === 'POST'), ...faultsOfTags(value))
  if (place === 'task' && members.length === 0) faults.push('body')
  return faults
}

function faultsOfDue(value: Partial<Members>, isNew: boolean): string[] {
  const isNull = (name: keyof Members) =>
    isNew ? (value[name] ?? null) === null : value[name] === null
  const time = (value.due_time ?? null) !== null && isNull('due_date')
  const zone = (value.due_zone ?? null) !== null && isNull('due_time')
  return [...(time ? ['body/due_time'] : []), ...(zone ? ['body/due_zone'] : [])]
}

function faultsOfTags({ tags }: Partial<Members>): string[] {
  if (!Array.isArray(tags)) return []
  return tags.flatMap((tag, at) => (/^[^,]+$/.test(String(tag)) ? [] : `body/tags/${at}`))
}

/** The world with this task made or changed. */
export function withTask(world: World, task: Task): World {
  const others = (world.tasks.get(task.user_id) ?? []).filter(({ id }) => id !== task.id)
  const tasks = [...others, task].sort((a, b) => (a.id < b.id ? -1 : 1))
  return { ...world, tasks: new Map(world.tasks).set(task.user_id, tasks) }
}

/** The world in which a request under a key has been done, with this answer. */
export function withKey(world: World, request: TaskRequest, task: Task, made: boolean): World {
  const place = placeOfKey(request)
  if (place === undefined) return world
  const done = {
    userId: task.user_id,
    key: request.idempotencyKey?.key ?? '',
    asked: askedBy(request),
    made,
    task,
  }
  return { ...world, done: new Map(world.done).set(place, done) }
}

export function withoutTask(world: World, { id, user_id }: Task): World {
  const others = (world.tasks.get(user_id) ?? []).filter((task) => task.id !== id)
  return { ...world, tasks: new Map(world.tasks).set(user_id, others) }
}

/** The world in which this text is known to be a cursor, where a page begins with it, and of which list. */
export function withCursor(world: World, text: string, id: string, completed?: string): World {
  return { ...world, cursors: new Map(world.cursors).set(text, { id, completed }) }
}
