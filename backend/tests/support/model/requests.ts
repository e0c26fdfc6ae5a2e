import type { Plan } from './plans.ts'
import type {
  BadToken,
  Body,
  Condition,
  Person,
  Place,
  SentKey,
  Spelling,
  TaskRequest,
} from './request.ts'
import { type Task, tasksOf, type World, withCursor } from './task-model.ts'

/** What has been seen of a history so far, beside what there is now. */
export interface Seen {
  readonly people: readonly Person[]
  /** How the printed history calls each task. */
  readonly names: ReadonlyMap<string, string>
  /** Each version a task was seen at, the latest last. */
  readonly versions: ReadonlyMap<string, readonly string[]>
  readonly deleted: readonly Task[]
  /** The cursors each user was given. */
  readonly cursors: ReadonlyMap<string, readonly string[]>
  /** The requests that were sent under a key. */
  readonly keyed: readonly TaskRequest[]
}

interface Operation {
  readonly method: string
  readonly place: Place
}

const OPERATIONS: Record<
  Exclude<Plan['operation'], 'options' | 'another method' | 'the same again'>,
  Operation
> = {
  list: { method: 'GET', place: 'list' },
  'list by HEAD': { method: 'HEAD', place: 'list' },
  create: { method: 'POST', place: 'list' },
  get: { method: 'GET', place: 'task' },
  'get by HEAD': { method: 'HEAD', place: 'task' },
  update: { method: 'PUT', place: 'task' },
  patch: { method: 'PATCH', place: 'task' },
  delete: { method: 'DELETE', place: 'task' },
  flip: { method: 'PATCH', place: 'complete' },
  set: { method: 'PATCH', place: 'complete' },
}
const PLACES: readonly Place[] = ['list', 'task', 'complete']
/** Methods that would do harm, were they taken there. */
const UNKNOWN: Record<Place, readonly string[]> = {
  list: ['DELETE', 'PUT', 'PATCH'],
  task: ['POST'],
  complete: ['DELETE', 'GET', 'PUT', 'POST'],
}

/**
 * The request a plan stands for in this world, and the world in which its cursor is known: a random
 * one is a cursor that no answer gave.
 */
export function requestOf(plan: Plan, world: World, seen: Seen): [TaskRequest, World] {
  const again =
    plan.operation === 'the same again' && seen.keyed.at(-1 - (plan.which % seen.keyed.length))
  if (again) return [again, world]
  const owner = pick(seen.people, plan.owner)
  const { method, place } = operationOf(plan)
  const [segment, task, idInWords] =
    place === 'list' ? ['', undefined, ''] : taskOf(plan, owner, world, seen)
  const bearer = bearerOf(plan, owner, seen)
  const condition = place === 'list' ? undefined : conditionOf(plan, task, owner, world, seen)
  const isRead = method === 'GET' || method === 'HEAD'
  const isList = place === 'list' && isRead
  const [cursor, known] = isList ? cursorOf(plan, owner, world, seen) : [undefined, world]
  const query = queryOf(plan, isList, cursor)
  const body = bodyOf(plan, method, owner, segment, seen)
  const idempotencyKey = plan.key === 'none' ? undefined : KEYS[plan.key]
  const words = [
    owner.name,
    method,
    `/tasks${idInWords && `/${idInWords}`}${place === 'complete' ? '/complete' : ''}`,
    query.length > 0 && `?${query.map((pair) => pair.join('=')).join('&')}`,
    cursor !== undefined && `(cursor: ${plan.cursor})`,
    plan.spelling !== 'canonical' && `spelled with a ${plan.spelling}`,
    typeof bearer === 'string' && `token: ${bearer}`,
    typeof bearer !== 'string' && bearer !== owner && `token: ${bearer.name}'s`,
    condition !== undefined && `${isRead ? 'If-None-Match' : 'If-Match'}: ${plan.condition}`,
    idempotencyKey !== undefined && `Idempotency-Key: ${short(idempotencyKey.text)}`,
    body.kind !== 'none' && short(body.kind === 'json' ? JSON.stringify(body.value) : body.text),
  ]
  const request: TaskRequest = {
    ...{ method, place, owner, bearer, segment, query, body },
    spelling: plan.spelling satisfies Spelling,
    connection: plan.connection,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(condition !== undefined && { [isRead ? 'ifNoneMatch' : 'ifMatch']: condition }),
    line: words.filter(Boolean).join(' '),
  }
  return [request, known]
}

/** The same for everybody: a user's keys are no other user's. */
const KEYS: Record<Exclude<Plan['key'], 'none'>, SentKey> = {
  one: { text: 'key-1', key: 'key-1' },
  two: { text: 'key-2', key: 'key-2' },
  three: { text: 'key-3', key: 'key-3' },
  quoted: { text: '"key-1"', key: 'key-1' },
  unreadable: { text: 'x'.repeat(256), key: undefined },
}

const pick = <Item>(items: readonly Item[], which: number): Item => {
  const item = items[which % items.length]
  if (item === undefined) throw new Error('there is nothing to pick from')
  return item
}
/** In one line, whatever is in it. */
function short(text: string): string {
  const plain = text.replace(/[\u007f\u2028]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`)
  return plain.length > 160 ? `${plain.slice(0, 160)}…` : plain
}

function operationOf({ operation, which }: Plan): Operation {
  if (operation === 'the same again') return OPERATIONS.list
  if (operation === 'options') return { method: 'OPTIONS', place: pick(PLACES, which) }
  if (operation !== 'another method') return OPERATIONS[operation]
  const place = pick(PLACES, which)
  return { method: pick(UNKNOWN[place], which), place }
}

/** The segment of an id, the task it is or was, and both in words. */
function taskOf(
  { whose, which, uuid, malformed }: Plan,
  owner: Person,
  world: World,
  { people, names, deleted }: Seen,
): [segment: string, task: Task | undefined, words: string] {
  const newestFirst = (person: Person) => tasksOf(world, person).toReversed()
  const candidates = {
    own: newestFirst(owner),
    malformed: newestFirst(owner),
    foreign: people.filter((person) => person !== owner).flatMap(newestFirst),
    deleted,
    random: [],
  }[whose]
  const task = candidates.length === 0 ? undefined : pick<Task>(candidates, which)
  if (task === undefined) return [uuid, undefined, 'a random id']
  const name = `${names.get(task.id)}`
  if (whose !== 'malformed') return [task.id, task, whose === 'own' ? name : `${name} (${whose})`]
  return [misspelled(task.id, malformed), task, `${name} (${malformed})`]
}

function misspelled(id: string, how: Plan['malformed']): string {
  const first = `3${id.charAt(0)}` // an id begins with a digit in this century
  switch (how) {
    case 'not-a-uuid':
      return how
    case 'in upper case':
      return id.toUpperCase()
    case 'percent-encoded':
      return `%${first}${id.slice(1)}`
    case 'encoded twice':
      return `%25${first}${id.slice(1)}`
    case '36 characters':
      return id.replace(/[0-9a-f]/g, 'g')
    case 'without hyphens':
      return id.replaceAll('-', '')
    case 'space behind':
      return `${id}%20`
    case 'NUL behind':
      return `${id}%00`
    case 'quote behind':
      return `${id}'%20or%20''='`
  }
}

function bearerOf({ bearer, which }: Plan, owner: Person, { people }: Seen): Person | BadToken {
  if (bearer === 'own') return owner
  if (bearer !== 'of another') return bearer
  return pick(
    people.filter((person) => person !== owner),
    which,
  )
}

const NEVER = '2020-01-01T00:00:00.000Z'

function conditionOf(
  { condition, which }: Plan,
  task: Task | undefined,
  owner: Person,
  world: World,
  { people, versions }: Seen,
): Condition | undefined {
  const all = (task && versions.get(task.id)) ?? []
  const current = all.at(-1) ?? NEVER
  const stale = all.length > 1 ? pick(all.slice(0, -1), which) : NEVER
  const others = people.filter((person) => person !== owner).flatMap((one) => tasksOf(world, one))
  const foreign = others.length > 0 ? pick(others, which).updated_at : NEVER
  const strong = (...of: string[]) => of.map((version) => ({ weak: false, version }))
  switch (condition) {
    case 'none':
      return undefined
    case 'current':
      return strong(current)
    case 'stale':
      return strong(stale)
    case 'foreign':
      return strong(foreign)
    case 'any':
      return '*'
    case 'weak':
      return [{ weak: true, version: current }]
    case 'one of a list':
      return [{ weak: true, version: stale }, ...strong('x', current, foreign)]
    case 'none of a list':
      return [{ weak: false, version: stale }, ...strong('', foreign)]
    case 'made up':
      return strong(
        pick(['x', '9999-99-99T00:00:00.000Z', '0000-01-01T00:00:00.000Z', '{}'], which),
      )
    case 'unreadable':
      return { unreadable: pick([current, "'x'", '"', ',', `${current}"`], which) }
  }
}

function cursorOf(
  { cursor, which, uuid }: Plan,
  owner: Person,
  world: World,
  { people, cursors }: Seen,
): [string | undefined, World] {
  const given = (of: readonly Person[]) => of.flatMap(({ id }) => cursors.get(id) ?? [])
  const others = people.filter((person) => person !== owner)
  switch (cursor) {
    case 'absent':
      return [undefined, world]
    case 'malformed':
      return [pick(['x', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}B`, uuid], which), world]
    case 'own':
    case 'foreign': {
      const candidates = given(cursor === 'own' ? [owner] : others)
      if (candidates.length > 0) return [pick(candidates.toReversed(), which), world]
    }
  }
  // The form is not the contract's, but whoever guesses it must not be shown anything by it.
  const text = Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url')
  return [text, withCursor(world, text, uuid)]
}

const LIMITS: Record<Exclude<Plan['limit'], 'absent'>, string> = {
  one: '1',
  two: '2',
  three: '3',
  most: '1000',
  none: '0',
  'one too many': '1001',
  'with a zero before': '01',
  'with an exponent': '1e2',
}

function queryOf(plan: Plan, isList: boolean, cursor: string | undefined): [string, string][] {
  const { filter, limit, parameter } = plan
  const query: [string, string][] = []
  if (isList && filter !== 'absent') query.push(['completed', filter])
  if (isList && limit !== 'absent') query.push(['limit', LIMITS[limit]])
  if (cursor !== undefined) query.push(['cursor', cursor])
  if (parameter === 'unknown') query.push(['user_id', 'alice'])
  if (parameter === 'repeated') query.push(query[0] ?? ['limit', '1'], query[0] ?? ['limit', '1'])
  return query
}

function bodyOf(plan: Plan, method: string, owner: Person, segment: string, seen: Seen): Body {
  if (!['POST', 'PUT', 'PATCH'].includes(method) || plan.operation === 'another method') {
    return { kind: 'none' }
  }
  const value = plan.operation === 'flip' ? {} : membersOf(plan, owner, segment, seen)
  const text = JSON.stringify(value)
  switch (plan.body) {
    case 'object':
      // A flip is one without a body, or with an empty one.
      return plan.operation === 'flip' && plan.which % 2 === 0
        ? { kind: 'none' }
        : { kind: 'json', value }
    case 'array':
      return { kind: 'json', value: [value] }
    case 'text':
      return { kind: 'json', value: text }
    case 'none':
      return { kind: 'none' }
    case 'half of it':
      return {
        kind: 'refused',
        type: 'application/json',
        text: text.slice(0, -1),
        error: 'bad_request',
      }
    case 'text/plain':
      return { kind: 'refused', type: 'text/plain', text, error: 'unsupported_media_type' }
  }
}

function membersOf(
  plan: Plan,
  owner: Person,
  segment: string,
  { people, names }: Seen,
): Record<string, unknown> {
  const members: Record<string, unknown> = {}
  const { operation, title, word, description, completed, extra, which } = plan
  if (operation !== 'set') {
    if (title !== 'absent') members.title = titleOf(title, `${word} ${owner.mark}`)
    if (description !== 'absent')
      members.description = descriptionOf(description, `${owner.mark} ${word}`)
    if (plan.priority !== 'absent') members.priority = plan.priority
    if (plan.tags !== 'absent') members.tags = TAGS[plan.tags](owner.mark)
    Object.assign(members, DUES[plan.due])
  }
  if (completed !== 'absent') {
    members.completed = completed === 'of the wrong type' ? 'true' : completed === 'true'
  }
  const another = pick(people, plan.owner + 1 + which).id
  switch (extra) {
    case 'user_id':
      members.user_id = another
      break
    case 'id':
      // Ids that clients choose for new tasks have tests of their own (chosen-ids.test.ts).
      members.id = operation === 'create' ? 'no id' : pick([plan.uuid, ...names.keys()], which)
      break
    case 'updated_at':
      members.updated_at = NEVER
      break
    case 'of the path':
      members.user_id = owner.id
      if (segment !== '') members.id = which % 2 === 0 ? segment : segment.toUpperCase()
      break
    case 'unknown':
      members['a/b~c'] = 1
  }
  return members
}

const TAGS: Record<Exclude<Plan['tags'], 'absent'>, (mark: string) => unknown> = {
  some: (mark) => [mark, 'b'],
  'in two spellings': (mark) => ['B', ` ${mark} `, 'b', mark.toUpperCase()],
  empty: () => [],
  'with a comma': (mark) => [mark, `${mark},`],
  'of the wrong type': (mark) => mark,
}

const DUES: Record<Plan['due'], object> = {
  absent: {},
  'a day': { due_date: '2027-07-01' },
  'a time': { due_date: '2027-07-02', due_time: '09:30' },
  'a zone': { due_date: '2027-07-03', due_time: '09:30', due_zone: 'Asia/Kolkata' },
  'another time': { due_time: '23:59' },
  'another zone': { due_zone: 'UTC' },
  'no day': { due_date: null },
  'no time': { due_time: null },
  'no zone': { due_zone: null },
  nothing: { due_date: null, due_time: null, due_zone: null },
  malformed: { due_date: '1 July', due_time: 'noon', due_zone: 'GMT+2' },
}

function titleOf(title: Plan['title'], plain: string): unknown {
  const filled = (length: number) => plain + '𝄞'.repeat(length - [...plain].length)
  switch (title) {
    case 'with space around':
      return `\t\u00a0 ${plain}\ufeff\n`
    case 'of 500 characters':
      return `  ${filled(500)} `
    case 'of 501 characters':
      return filled(501)
    case 'blank':
      return ' \u3000 '
    case 'with NUL':
      return `${plain}\0`
    case 'with a lone surrogate':
      return `${plain}\ud800`
    case 'of the wrong type':
      return 1
    default:
      return plain
  }
}

function descriptionOf(description: Plan['description'], plain: string): unknown {
  switch (description) {
    case 'null':
      return null
    case 'empty':
      return ''
    case 'of 16384 characters':
      return plain.padEnd(16_384 + plain.length - [...plain].length, 'x')
    case 'of 16385 characters':
      return plain.padEnd(16_385 + plain.length - [...plain].length, 'x')
    case 'with NUL':
      return `${plain}\0`
    case 'of the wrong type':
      return { text: plain }
    default:
      return plain
  }
}
