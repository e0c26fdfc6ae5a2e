import assert from 'node:assert/strict'
import { Accounts } from '../../src/accounts/accounts.ts'
import { resetPassword } from '../../src/accounts/administer.ts'
import { type Answer, exchange, type Sending, type TestApp } from './app.ts'

export const PASSWORD = 'correct horse battery'

export interface Person {
  readonly id: string
  readonly email: string
  /** The bearer token of the session. */
  readonly session: string
  /** For the tasks. */
  readonly token: string
}

/** Each client has an address of its own, by X-Forwarded-For: start the app with TRUST_PROXY=loopback. */
export const BEHIND_PROXY = { TRUST_PROXY: 'loopback' }
let clients = 0
export function newAddress(): string {
  clients += 1
  return `10.${clients >> 16}.${(clients >> 8) & 255}.${clients & 255}`
}

/** From here on no count of attempts begins anew, however slow the machine is. */
export async function holdWindows({ admin }: Pick<TestApp, 'admin'>): Promise<void> {
  await admin(
    `create function public.hold_window() returns trigger language plpgsql as
     $$ begin new.resets_at := now() + interval '10 min'; return new; end $$`,
  )
  await admin(
    `create trigger hold_window before insert or update on todo_auth.rate_limit
     for each row when (new.resets_at > now()) execute function public.hold_window()`,
  )
}

/** Sends to /api/auth, from a new client unless `from` says which. */
export function auth(
  test: Pick<TestApp, 'port'>,
  method: string,
  path: string,
  sending: Omit<Sending, 'as'> & { session?: string; from?: string } = {},
): Promise<Answer> {
  const { session, from = newAddress(), headers, ...rest } = sending
  const bearer = session === undefined ? {} : { authorization: `Bearer ${session}` }
  return exchange(test.port, method, `/api/auth${path}`, {
    ...rest,
    headers: { 'x-forwarded-for': from, ...bearer, ...headers },
  })
}

/** Makes an account, signs in, and gets a token. */
export async function signUp(test: Pick<TestApp, 'port'>, email: string): Promise<Person> {
  const body = { name: 'Somebody', email, password: PASSWORD }
  const { status, json, text } = await auth(test, 'POST', '/sign-up/email', { body })
  if (status !== 200) throw new Error(`the sign-up of ${email} was answered ${status}: ${text}`)
  const session: string = json.token
  const { token } = (await auth(test, 'GET', '/token', { session })).json
  return { id: json.user.id, email, session, token }
}

export function signIn(
  test: Pick<TestApp, 'port'>,
  email: string,
  password = PASSWORD,
): Promise<Answer> {
  return auth(test, 'POST', '/sign-in/email', { body: { email, password } })
}

/** Sets a password as `npm run user -- reset-password` does, in a process beside the server. */
export async function operatorResets(
  { config, app, passwords, test }: TestApp,
  person: Person,
  password: string,
): Promise<void> {
  const { accounts: settings } = config
  assert.ok(settings)
  const { connector } = test
  const accounts = new Accounts({ config, settings, connector, log: app.log, passwords })
  await resetPassword(accounts, person, password)
  await accounts.close()
}

export function claimsOf(token: string) {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}
