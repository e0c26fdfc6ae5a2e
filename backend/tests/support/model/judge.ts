import type { Answer } from '../app.ts'
import { listPath, type TaskRequest } from './request.ts'
import {
  ALLOWED,
  NOW,
  type Outcome,
  outcomeOf,
  STATUSES,
  type Task,
  tasksOf,
  type World,
  withCursor,
  withKey,
  withoutTask,
  withTask,
} from './task-model.ts'

/** The world after the answer; or what is wrong with the answer, the first thing found. */
export type Verdict = { readonly world: World } | { readonly fault: string }

/** The id every request has, so that answers alike are alike in every byte. */
export const REQUEST_ID = 'model'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const ANY_UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/i
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
/** The members of a task, in the order of the JSON. */
export const MEMBERS = [
  ...['id', 'user_id', 'title', 'description', 'completed', 'completed_at', 'priority', 'tags'],
  ...[
    'due_date',
    'due_time',
    'due_zone',
    'due_at',
    'recurrence',
    'series_id',
    'parent_id',
    'position',
    'created_at',
    'updated_at',
  ],
]

/**
 * Whether the answer is the one the model gives in this world.
 *
 * @param rivals another request under the same key was under way.
 */
export function judge(world: World, request: TaskRequest, answer: Answer, rivals = false): Verdict {
  const inProgress = rivals && answer.status === STATUSES.conflict
  const outcome: Outcome = inProgress
    ? { kind: 'problem', error: 'conflict' }
    : outcomeOf(world, request)
  const wanted = statusOf(outcome)
  const fault = (what: string): Verdict => ({ fault: `expected ${what}, got ${got(answer)}` })
  if (answer.status !== wanted) return fault(inWords(outcome))
  const wrong = wrongHeader(outcome, request, answer)
  if (wrong !== undefined) return fault(`${wanted} with ${wrong}`)
  const head = request.method === 'HEAD'
  switch (outcome.kind) {
    case 'problem': {
      const right = head ? answer.text === '' : isProblem(outcome, answer.text)
      return right ? { world } : fault(inWords(outcome))
    }
    case 'methods':
      return answer.text === '' ? { world } : fault('no body')
    case 'unmodified':
      return answer.text === '' ? { world } : fault('no body')
    case 'deleted':
      return answer.text === '' ? { world: withoutTask(world, outcome.task) } : fault('no body')
    case 'page': {
      const text = head ? '' : JSON.stringify(outcome.tasks)
      if (asWritten(answer.text) !== text) return fault(`${wanted} ${text}`)
      return follow(world, request, outcome.tasks, outcome.more, answer) ?? fault(`a Link`)
    }
    case 'replayed':
    case 'read': {
      const text = head ? '' : JSON.stringify(outcome.task)
      return asWritten(answer.text) === text ? { world } : fault(`${wanted} ${text}`)
    }
    case 'made': {
      const task = taskIn(answer.text)
      const text = JSON.stringify(ordered({ ...task, ...completedIn(task, outcome.task) }))
      if (asWritten(answer.text) !== text) return fault(`${wanted} ${text}`)
      if (!UUID_V7.test(task.id) || !INSTANT.test(task.created_at)) return fault('a new id')
      const last = tasksOf(world, request.owner).some(({ id }) => id === task.id)
      if (!isBeforeAll(task, tasksOf(world, request.owner))) return fault('a position before all')
      if (last || task.updated_at !== task.created_at) return fault('updated_at as created_at')
      return { world: withKey(withTask(world, task), request, task, true) }
    }
    case 'changed': {
      const task = taskIn(answer.text)
      const text = JSON.stringify({
        ...completedIn(task, outcome.task),
        updated_at: task.updated_at,
      })
      if (asWritten(answer.text) !== text) return fault(`${wanted} ${text}`)
      if (!INSTANT.test(task.updated_at) || task.updated_at <= outcome.task.updated_at) {
        return fault(`updated_at after ${outcome.task.updated_at}`)
      }
      return { world: withKey(withTask(world, task), request, task, false) }
    }
  }
}

const SUCCESSES = {
  methods: 204,
  made: 201,
  changed: 200,
  read: 200,
  unmodified: 304,
  deleted: 204,
  page: 200,
} as const

function statusOf(outcome: Outcome): number {
  if (outcome.kind === 'problem') return STATUSES[outcome.error]
  if (outcome.kind === 'replayed') return outcome.made ? 201 : 200
  return SUCCESSES[outcome.kind]
}

function inWords(outcome: Outcome): string {
  const status = statusOf(outcome)
  if (outcome.kind !== 'problem') return `${status} (${outcome.kind})`
  return [status, outcome.error, ...(outcome.places ?? [])].join(' ')
}

/** Long texts are shortened for people to read. */
function got({ status, headers, text }: Answer): string {
  const told = [
    'content-type',
    'etag',
    'link',
    'location',
    'allow',
    'idempotency-replayed',
  ].flatMap((name) => (headers[name] === undefined ? [] : [`${name}: ${headers[name]}`]))
  return [status, ...told, text.length > 600 ? `${text.slice(0, 600)}…` : text].join(' ')
}

/** Without the white space between members; their order, and how values are written, stay. */
function asWritten(text: string): string {
  try {
    return text === '' ? '' : JSON.stringify(JSON.parse(text))
  } catch {
    return text
  }
}

function taskIn(text: string): Task {
  try {
    return JSON.parse(text) as Task // judged by the caller, member by member
  } catch {
    return {
      id: '',
      user_id: '',
      title: '',
      description: '',
      completed: false,
      completed_at: null,
      priority: '',
      tags: [],
      due_date: null,
      due_time: null,
      due_zone: null,
      due_at: null,
      ...{ recurrence: null, series_id: null, parent_id: null },
      position: '',
      created_at: '',
      updated_at: '',
    }
  }
}

/** The expected task with the time of the answer, where the model leaves that to the server. */
function completedIn<T extends { completed_at: string | null }>(task: Task, expected: T): T {
  if (expected.completed_at !== NOW) return expected
  const { completed_at: at, updated_at: updated } = task
  return at !== null && INSTANT.test(at) && at <= updated
    ? { ...expected, completed_at: at }
    : expected
}

/** A new task precedes the others in the manual order. */
const isBeforeAll = ({ position }: Task, others: readonly Task[]) =>
  /^[0-9A-Za-z]{1,128}$/.test(position) && others.every((other) => position < other.position)

function ordered(task: Task): Record<string, unknown> {
  const values = new Map<string, unknown>(Object.entries(task))
  return Object.fromEntries(MEMBERS.map((name) => [name, values.get(name)]))
}

function isProblem({ error, places }: Outcome & { kind: 'problem' }, text: string): boolean {
  const body = JSON.parse(text)
  const named: string[] = (body.errors ?? []).map(
    ({ in: part, path }: { in: string; path: string }) => part + path,
  )
  const same = JSON.stringify([...new Set(named)].sort())
  return (
    body.error === error &&
    body.status === STATUSES[error] &&
    same === JSON.stringify([...(places ?? [])].sort()) &&
    // Whoever asks is told of no task here, whatever the path named.
    !ANY_UUID.test(text)
  )
}

const TASK = 'application/json'

function challengeOf(bearer: TaskRequest['bearer']): string {
  if (bearer === 'none') return ''
  const why = bearer === 'expired' ? 'The token has expired' : "The token's signature is not valid"
  return `, error="invalid_token", error_description="${why}"`
}

/** The first header that is not as it must be, and what it must be. */
function wrongHeader(
  outcome: Outcome,
  request: TaskRequest,
  { headers, text }: Answer,
): string | undefined {
  const { owner, place, bearer } = request
  const expected: Record<string, string | undefined> = {
    'x-request-id': REQUEST_ID,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-type': undefined,
    'www-authenticate': undefined,
    location: undefined,
    etag: undefined,
    allow: undefined,
    'idempotency-replayed': undefined,
    'retry-after': undefined,
  }
  switch (outcome.kind) {
    case 'problem':
      expected['content-type'] = 'application/problem+json'
      if (outcome.error === 'conflict') expected['retry-after'] = '1'
      if (outcome.error === 'method_not_allowed') expected.allow = ALLOWED[place]
      if (outcome.error === 'unauthorized') {
        expected['www-authenticate'] = `Bearer realm="todo"${challengeOf(bearer)}`
      }
      break
    case 'methods':
      expected.allow = ALLOWED[place]
      break
    case 'made': {
      const { id, updated_at } = taskIn(text)
      Object.assign(expected, { location: `${listPath(owner)}/${id}`, etag: `"${updated_at}"` })
      expected['content-type'] = TASK
      break
    }
    case 'changed':
      Object.assign(expected, { 'content-type': TASK, etag: `"${taskIn(text).updated_at}"` })
      break
    case 'read':
      Object.assign(expected, { 'content-type': TASK, etag: `"${outcome.task.updated_at}"` })
      break
    case 'replayed': {
      const { id, updated_at } = outcome.task
      Object.assign(expected, { 'content-type': TASK, etag: `"${updated_at}"` })
      if (outcome.made) expected.location = `${listPath(owner)}/${id}`
      expected['idempotency-replayed'] = 'true'
      break
    }
    case 'unmodified':
      expected.etag = `"${outcome.task.updated_at}"`
      break
    case 'page':
      expected['content-type'] = TASK
  }
  if (outcome.kind !== 'page' && headers.link !== undefined) return 'no link'
  if ((headers.link === undefined) !== (headers['next-cursor'] === undefined)) return 'both or none'
  const found = { ...headers, 'content-type': headers['content-type']?.split(';')[0] }
  const values = new Map<string, unknown>(Object.entries(found))
  const wrong = Object.entries(expected).find(([name, value]) => values.get(name) !== value)
  return wrong && `${wrong[0]}: ${wrong[1] ?? 'none'}`
}

/** `Link` while there is more, and only then: the same question from the last task on. */
function follow(
  world: World,
  { owner, query }: TaskRequest,
  tasks: readonly Task[],
  more: boolean,
  { headers: { link, 'next-cursor': nextCursor } }: Answer,
): Verdict | undefined {
  const last = tasks.at(-1)
  if (!more || last === undefined) return link === undefined ? { world } : undefined
  const target = /^<([^<>]+)>; rel="next"$/.exec(String(link))?.[1]
  if (target === undefined) return undefined
  const [path, search] = target.split('?')
  const asked = new URLSearchParams(search)
  const cursor = asked.get('cursor')
  const same = query.filter(([name]) => name !== 'cursor').map((pair) => pair.join('='))
  asked.delete('cursor')
  const right =
    path === listPath(owner) &&
    [...asked].map((pair) => pair.join('=')).join('&') === same.join('&')
  return right && cursor !== null && cursor === nextCursor
    ? { world: withCursor(world, cursor, last.id, asked.get('completed') ?? undefined) }
    : undefined
}
