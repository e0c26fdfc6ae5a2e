import { randomBytes } from 'node:crypto'
import { encodeSegment } from '../../backend/src/http/protocol/paths.ts'
import { type Answer, CannotRun, type Client } from './client.ts'

/** One of the two users. */
export interface Person {
  readonly name: 'A' | 'B'
  /** The user of the token. */
  readonly id: string
  readonly token: string
  /** The path of their tasks. */
  readonly path: string
}

/** A person with an account for this run, and how to delete it. */
export interface Account {
  readonly email: string
  readonly session: string
  readonly password: string
}

/** @returns the claims of a token without verification, which is the server's task. */
export function claimsOf(token: string): Record<string, unknown> | undefined {
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
    )
    return typeof claims === 'object' && claims !== null ? { ...claims } : undefined
  } catch {
    return undefined
  }
}

/** @throws {CannotRun} if the text is not a token, or the token names no user. */
export function personOf(name: Person['name'], token: string): Person {
  const { sub, user_id } = claimsOf(token) ?? {}
  const id = sub ?? user_id
  if (
    !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) ||
    !(typeof id === 'string' || Number.isInteger(id))
  ) {
    throw new CannotRun(`The token of ${name} is no token of a user: take it from /api/auth/token`)
  }
  return { name, id: String(id), token, path: `/api/${encodeSegment(String(id))}/tasks` }
}

/** @returns the parsed body; undefined if it is not JSON. */
export function parsed(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text)
  } catch {
    return undefined
  }
}

/** @returns a member of the body; undefined if the body has no such member. */
export function member(answer: Answer, name: string): unknown {
  const body = parsed(answer)
  return typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
}

/** Requests the person's own tasks. @throws {CannotRun} if the server does not have this API. */
export async function greet(client: Client, { name, path, token, id }: Person): Promise<void> {
  const answer = await client.send('GET', `${path}?limit=1`, { as: token })
  const error = member(answer, 'error')
  if (answer.status === 200 && Array.isArray(parsed(answer))) return
  if (answer.status === 401 && error === 'unauthorized') {
    throw new CannotRun(
      `The server refuses the token of ${name}: it expired, or another signs there`,
    )
  }
  if (answer.status === 403 && error === 'user_id_mismatch') {
    throw new CannotRun(`The server does not take the token of ${name} for one of the user ${id}`)
  }
  if (answer.status === 503 && error === 'service_unavailable') {
    throw new CannotRun('The server cannot serve now (503): try again later')
  }
  throw notThisApi(answer, `GET ${path}`)
}

function notThisApi({ status, headers: { location } }: Answer, request: string): CannotRun {
  const hint = location === undefined ? 'Does the address lack a path?' : `It leads to ${location}`
  return new CannotRun(`Not this API: ${request} is answered with ${status}. ${hint}`)
}

/** Creates an account for this run. @throws {CannotRun} if the server does not. */
export async function signUp(
  client: Client,
  name: Person['name'],
  keep: (account: Account) => void,
): Promise<Person> {
  // A reserved top-level domain, to which no mail can be sent (RFC 2606 §2).
  const email = `verify-${randomBytes(8).toString('hex')}@todo.invalid`
  const password = randomBytes(18).toString('base64url')
  const body = JSON.stringify({ name: 'npm run verify', email, password })
  const made = await client.send('POST', '/api/auth/sign-up/email', { body })
  const error = member(made, 'error')
  const answered = made.status === 200 ? parsed(made) : error
  if (answered === undefined) throw notThisApi(made, 'POST /api/auth/sign-up/email')
  if (made.status !== 200) {
    throw new CannotRun(
      `No account can be made (${made.status} ${error}): set TODO_TOKEN_A and TODO_TOKEN_B to tokens of two users`,
    )
  }
  const session = member(made, 'token')
  if (typeof session !== 'string') {
    throw new CannotRun(
      `The server verifies addresses before the first sign-in: set TODO_TOKEN_A and TODO_TOKEN_B instead. The account ${email} is left: npm run user -- delete ${email}`,
    )
  }
  keep({ email, session, password })
  const token = member(await client.send('GET', '/api/auth/token', { as: session }), 'token')
  return personOf(name, String(token))
}

/** @returns whether the account was deleted. */
export async function deleteAccount(client: Client, account: Account): Promise<boolean> {
  const body = JSON.stringify({ password: account.password })
  const sending = { as: account.session, body }
  try {
    return (await client.send('POST', '/api/auth/delete-user', sending)).status === 200
  } catch (error) {
    if (error instanceof CannotRun) return false
    throw error
  }
}
