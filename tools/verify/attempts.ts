import type { Owner } from './tasks.ts'

/** The expected response. */
export interface Expected {
  /** Each of these is allowed. */
  readonly status: readonly number[]
  /** The stable code of the problem. */
  readonly error?: string
  /** The user of every task in the response. */
  readonly owner?: string
  /** A text that the response must contain, so that an empty response does not pass. */
  readonly has?: string
}

/** One request and its expected response. */
export interface Attempt {
  /** The name, with {me} and {other} for the two people. */
  readonly name: string
  readonly method: string
  readonly path: string
  readonly as?: string | readonly string[] | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly expected: Expected
  /** The same path for a task that does not exist. Its response must have the same bytes. */
  readonly missing?: string
  /** The same for a path that does not name the task: the body for a task that does not exist. */
  readonly missingBody?: string
  /** Texts that must not be in the response. The default is the other person's secret. */
  readonly forbidden?: readonly string[]
  /** A proxy may refuse this request, without the headers of the API. */
  readonly unusual?: boolean
}

export interface Group {
  readonly name: string
  readonly attempts: readonly Attempt[]
}

/** The two people of an attempt: `me` tries to reach the tasks of `other`. */
export interface Pair {
  readonly me: Owner
  readonly other: Owner
  /** A text in the title of every task of this run. */
  readonly run: string
  /** The title of tasks that `me` creates. */
  readonly title: string
}

export const pairOf = (me: Owner, other: Owner, run: string): Pair => ({
  me,
  other,
  run,
  title: `${run} ${me.secret} planted`,
})

export const json = (value: unknown) => JSON.stringify(value)

export const REFUSED = {
  unauthorized: { status: [401], error: 'unauthorized' },
  mismatch: { status: [403], error: 'user_id_mismatch' },
  missing: { status: [404], error: 'not_found' },
  stale: { status: [412], error: 'precondition_failed' },
  invalid: { status: [422], error: 'validation_error' },
  /** Any refusal. */
  somehow: { status: [400, 401, 403, 404, 405, 414, 422] },
} as const satisfies Record<string, Expected>

/** A response with tasks of this person, at least one of this run among them. */
export const served = ({ id, secret }: Owner, status = 200): Expected => ({
  status: [status],
  owner: id,
  has: secret,
})

/** Each route, with a valid body for those that need one. */
export const routes = (title: string) => [
  { method: 'GET', at: () => '' },
  { method: 'HEAD', at: () => '' },
  { method: 'POST', at: () => '', body: json({ title }) },
  { method: 'GET', at: (id: string) => `/${id}` },
  { method: 'HEAD', at: (id: string) => `/${id}` },
  { method: 'PUT', at: (id: string) => `/${id}`, body: json({ title }) },
  { method: 'PATCH', at: (id: string) => `/${id}`, body: json({ title }) },
  { method: 'DELETE', at: (id: string) => `/${id}` },
  { method: 'PATCH', at: (id: string) => `/${id}/complete` },
  { method: 'POST', at: (id: string) => `/${id}/move`, body: json({ to: 'top' }) },
]

/** The endpoints of the trash and of the changes, which have no body. */
export const trashRoutes = [
  { method: 'GET', at: () => '/trash' },
  { method: 'HEAD', at: () => '/trash' },
  { method: 'DELETE', at: () => '/trash' },
  { method: 'GET', at: (id: string) => `/trash/${id}` },
  { method: 'DELETE', at: (id: string) => `/trash/${id}` },
  { method: 'POST', at: (id: string) => `/trash/${id}/restore` },
  { method: 'GET', at: () => '/changes' },
  { method: 'GET', at: () => '/changes?limit=1' },
  { method: 'GET', at: () => '/tags' },
  { method: 'GET', at: () => '/summary?today=2026-12-01' },
  { method: 'GET', at: () => '?sort=title&q=a&limit=1' },
]

export const isRead = (method: string) => method === 'GET' || method === 'HEAD'

/** @returns the name of an attempt. It is the same in every run, because placeholders replace ids. */
export function nameOf(pair: Pair, method: string, path: string, addition = ''): string {
  const { me, other } = pair
  let name = `${method} ${path}`
  const meanings: [string, string][] = [
    [other.path, '{other}'],
    [me.path, '{me}'],
    ...[...other.tasks, other.recurring].map(({ id }): [string, string] => [id, '{id of other}']),
    ...[...me.tasks, me.recurring].map(({ id }): [string, string] => [id, '{id}']),
    [other.cursor, '{cursor of other}'],
    [me.cursor, '{cursor}'],
    [me.day, '{day}'],
    [other.secret, '{secret of other}'],
    [me.secret, '{secret}'],
  ]
  for (const [text, meaning] of meanings) name = name.replaceAll(text, meaning)
  return addition === '' ? name : `${name} ${addition}`
}

type Fields = Partial<Omit<Attempt, 'method' | 'path' | 'expected'>>

/** An attempt with the token of `me`. */
export function tryOf(
  pair: Pair,
  expected: Expected,
  method: string,
  path: string,
  fields: Fields = {},
  addition?: string,
): Attempt {
  const name = nameOf(pair, method, path, addition)
  return { name, method, path, as: pair.me.token, ...fields, expected }
}
