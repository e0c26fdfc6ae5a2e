/** A user of one history. */
export interface Person {
  /** What a printed history calls them. */
  readonly name: string
  readonly id: string
  /** Stands in each text of theirs, and in nobody else's. */
  readonly mark: string
}

export type Place = 'list' | 'task' | 'complete'

/** One member of an entity tag list (RFC 9110 §8.8.3). */
export interface Tag {
  readonly weak: boolean
  readonly version: string
}

/** What `If-Match` or `If-None-Match` says; `unreadable` is no list of entity tags. */
export type Condition = '*' | readonly Tag[] | { readonly unreadable: string }

export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly value: unknown }
  /** Refused before it is looked into, with this error. */
  | {
      readonly kind: 'refused'
      readonly type: string
      readonly text: string
      readonly error: 'bad_request' | 'unsupported_media_type'
    }

/** An `Idempotency-Key` as it is sent, and the key that is read from it; none where that fails. */
export interface SentKey {
  readonly text: string
  readonly key: string | undefined
}

/** Without a token, with one signed for somebody else's, or with one that is over. */
export type BadToken = 'none' | 'forged' | 'expired'

export type Spelling = 'canonical' | 'slash behind' | 'double slash' | 'capital' | 'dot segment'

/** One request, before it is put into bytes. */
export interface TaskRequest {
  readonly method: string
  readonly place: Place
  readonly owner: Person
  readonly bearer: Person | BadToken
  readonly spelling: Spelling
  /** The segment of the path as it goes out. */
  readonly segment: string
  /** Parameters in their order, undecoded: none here needs encoding. */
  readonly query: readonly (readonly [name: string, value: string])[]
  readonly ifMatch?: Condition | undefined
  readonly ifNoneMatch?: Condition | undefined
  readonly idempotencyKey?: SentKey | undefined
  readonly body: Body
  /** Which of the open sockets it goes through. */
  readonly connection: number
  /** The request in a line of the printed history. */
  readonly line: string
}

export function listPath({ id }: Person): string {
  return `/api/${encodeURIComponent(id)}/tasks`
}

const TAILS: Record<Place, (segment: string) => string> = {
  list: () => '',
  task: (segment) => `/${segment}`,
  complete: (segment) => `/${segment}/complete`,
}

const SPELLINGS: Record<Spelling, (path: string) => string> = {
  canonical: (path) => path,
  'slash behind': (path) => `${path}/`,
  'double slash': (path) => path.replace('/tasks', '//tasks'),
  capital: (path) => path.replace('/tasks', '/Tasks'),
  'dot segment': (path) => path.replace('/tasks', '/./tasks'),
}

export function targetOf({ owner, place, segment, spelling, query }: TaskRequest): string {
  const path = SPELLINGS[spelling](listPath(owner) + TAILS[place](segment))
  if (query.length === 0) return path
  return `${path}?${query.map(([name, value]) => `${name}=${value}`).join('&')}`
}

export function headersOf({
  ifMatch,
  ifNoneMatch,
  idempotencyKey,
  body,
}: TaskRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  if (ifMatch !== undefined) headers['if-match'] = conditionText(ifMatch)
  if (ifNoneMatch !== undefined) headers['if-none-match'] = conditionText(ifNoneMatch)
  if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey.text
  if (body.kind === 'json') headers['content-type'] = 'application/json'
  if (body.kind === 'refused') headers['content-type'] = body.type
  return headers
}

function conditionText(condition: Condition): string {
  if (condition === '*') return condition
  if ('unreadable' in condition) return condition.unreadable
  return condition.map(({ weak, version }) => `${weak ? 'W/' : ''}"${version}"`).join(', ')
}

export function payloadOf(body: Body): string | undefined {
  if (body.kind === 'none') return undefined
  return body.kind === 'json' ? JSON.stringify(body.value) : body.text
}
