import type { Owner } from './tasks.ts'

/** What an answer must be. */
export interface Expected {
  /** Any of these. */
  readonly status: readonly number[]
  /** The stable code of the problem. */
  readonly error?: string
  /** The user of every task in the answer. */
  readonly owner?: string
  /** Is in the answer: what is empty by mistake must not pass. */
  readonly has?: string
}

/** One request, and what must come of it. */
export interface Attempt {
  /** With {me} and {other} for the two people. */
  readonly name: string
  readonly method: string
  readonly path: string
  readonly as?: string | readonly string[] | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly expected: Expected
  /** The same for a task that nobody has: it must be answered with the same bytes. */
  readonly missing?: string
  /** Text that must not be in the answer; without it that of the other's tasks. */
  readonly forbidden?: readonly string[]
  /** A proxy may refuse this by itself, without the headers of the API. */
  readonly unusual?: boolean
}

export interface Group {
  readonly name: string
  readonly attempts: readonly Attempt[]
}

/** What `me` tries, to reach what is `other`'s. */
export interface Pair {
  readonly me: Owner
  readonly other: Owner
  /** In the title of every task of this run. */
  readonly run: string
  /** Of what `me` makes. */
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
  /** However it is refused. */
  somehow: { status: [400, 401, 403, 404, 405, 414, 422] },
} as const satisfies Record<string, Expected>

/** An answer with tasks of this person, some of those that were made here among them. */
export const served = ({ id, secret }: Owner, status = 200): Expected => ({
  status: [status],
  owner: id,
  has: secret,
})

/** Each route; those that change something with a body that would do. */
export const routes = (title: string) => [
  { method: 'GET', at: () => '' },
  { method: 'HEAD', at: () => '' },
  { method: 'POST', at: () => '', body: json({ title }) },
  { method: 'GET', at: (id: string) => `/${id}` },
  { method: 'HEAD', at: (id: string) => `/${id}` },
  { method: 'PUT', at: (id: string) => `/${id}`, body: json({ title }) },
  { method: 'DELETE', at: (id: string) => `/${id}` },
  { method: 'PATCH', at: (id: string) => `/${id}/complete` },
]

export const isRead = (method: string) => method === 'GET' || method === 'HEAD'

/** The name of an attempt, the same in every run: ids, users and cursors are written as what they are. */
export function nameOf(pair: Pair, method: string, path: string, addition = ''): string {
  const { me, other } = pair
  let name = `${method} ${path}`
  const meanings: [string, string][] = [
    [other.path, '{other}'],
    [me.path, '{me}'],
    ...other.tasks.map(({ id }): [string, string] => [id, '{id of other}']),
    ...me.tasks.map(({ id }): [string, string] => [id, '{id}']),
    [other.cursor, '{cursor of other}'],
    [me.cursor, '{cursor}'],
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
