/**
 * A client of the API that knows it only by the types of openapi-typescript. The test compiles it with
 * `tsc --strict` beside the generated `api.ts`, and runs it against a server.
 */
import type { components, paths } from './api.ts'

type Task = components['schemas']['Task']
type Problem = components['schemas']['Problem']
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

type Content<Media> = Media extends { content: { 'application/json': infer Body } } ? Body : never
type Operation<Path extends keyof paths, Verb extends Method> = NonNullable<paths[Path][Verb]>
type BodyOf<Op> = Op extends { requestBody: infer Media } ? Content<Media> : undefined
type ResultOf<Op> = Op extends { responses: infer All }
  ? Content<All[keyof All & (200 | 201)]>
  : never

/** A session token opens accounts and a token opens tasks; the two types do not mix. */
type SessionToken = string & { readonly kind: 'session' }
type TaskToken = string & { readonly kind: 'token' }
type CredentialOf<Path> = Path extends `/api/auth/${string}` ? SessionToken : TaskToken

interface Options<Path, Op> {
  readonly as?: CredentialOf<Path>
  readonly params?: Readonly<Record<string, string>>
  readonly body: BodyOf<Op>
}

async function send<Path extends keyof paths, Verb extends Method>(
  address: string,
  method: Verb,
  path: Path,
  { as, params = {}, body }: Options<Path, Operation<Path, Verb>>,
): Promise<ResultOf<Operation<Path, Verb>>> {
  const target = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? ''))
  const response = await fetch(`${address}${target}`, {
    method: method.toUpperCase(),
    headers: {
      ...(as && { authorization: `Bearer ${as}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const content: unknown = await response.json()
  if (response.ok) return content as ResultOf<Operation<Path, Verb>>
  const { error, request_id }: Problem = content as Problem
  throw new Error(`${error} (${request_id})`)
}

/** @returns the title of a task that a new person has created, completed and listed. */
export async function run(address: string): Promise<string> {
  const person = { name: 'Alice', email: 'typed@example.com', password: 'correct horse battery' }
  const { token: created, user } = await send(address, 'post', '/api/auth/sign-up/email', {
    body: person,
  })
  const verified: boolean = user.emailVerified
  if (created === null) throw new Error(`Verify the address first: ${verified}`)
  const signedIn = await send(address, 'post', '/api/auth/sign-in/email', {
    body: { email: person.email, password: person.password },
  })
  // After a sign-in, the token is always a text.
  const session = signedIn.token as SessionToken
  const issued = await send(address, 'get', '/api/auth/token', { as: session, body: undefined })
  const seconds: number = issued.expires_in
  const as = issued.token as TaskToken
  const current = await send(address, 'get', '/api/auth/get-session', {
    as: session,
    body: undefined,
  })
  // @ts-expect-error: without a session the response is null
  current.user
  if (current?.user.id !== issued.user_id || seconds <= 0) throw new Error('not the same user')

  const params = { user_id: issued.user_id }
  const made: Task = await send(address, 'post', '/api/{user_id}/tasks', {
    as,
    params,
    body: { title: 'Buy milk' },
  })
  await send(address, 'patch', '/api/{user_id}/tasks/{id}', {
    as,
    params: { ...params, id: made.id },
    body: { completed: true, description: null },
  })
  const tasks = await send(address, 'get', '/api/{user_id}/tasks', { as, params, body: undefined })
  const [task] = tasks
  return `${task?.title} ${task?.completed}`
}

/** Each of these is an error of compilation. */
export const mistakes = (address: string, session: SessionToken) => [
  // @ts-expect-error: a title is required
  send(address, 'post', '/api/{user_id}/tasks', { body: { description: 'x' } }),
  // @ts-expect-error: a title is a text
  send(address, 'post', '/api/{user_id}/tasks', { body: { title: 1 } }),
  // @ts-expect-error: a session token does not open tasks
  send(address, 'get', '/api/{user_id}/tasks', { as: session, body: undefined }),
  // @ts-expect-error: there is no such path
  send(address, 'get', '/api/auth/jwks', { body: undefined }),
]
