import type { components } from '../api.ts'
import {
  type AccountEndpoint,
  type LooseParts,
  type RequestParts,
  type ResponseBody,
  type Rest,
  toRequest,
} from './endpoint.ts'
import { TodoError } from './errors.ts'
import { type Reply, send, toWire, type WireOptions } from './http.ts'
import type { TokenSource } from './token.ts'

export type { AccountEndpoint } from './endpoint.ts'
export { ConnectionError, TodoError } from './errors.ts'
export type { TokenSource } from './token.ts'

export type Account = components['schemas']['Account']
export type Session = components['schemas']['Session']

/** Where an app keeps the session token: in memory, in the Keychain or Keystore, and not in `localStorage`. */
export interface SessionStore {
  get(): string | null | Promise<string | null>
  /** @param session null after a sign-out, and when the server says that the session has ended. */
  set(session: string | null): void | Promise<void>
}

export interface AccountsOptions extends WireOptions {
  /** Where the server is, such as `https://example.com/todo`; empty on pages that the server itself serves. */
  readonly baseUrl: string
  /** `cookie` on pages of the same site, else a store for the session as a bearer token. */
  readonly session: 'cookie' | SessionStore
  /** The time in milliseconds, in place of `Date.now`, for tests. */
  readonly now?: () => number
}

type Body<E> = RequestParts<E> extends { readonly body?: infer Value } ? NonNullable<Value> : never

/**
 * Signs people up, in and out, and gets the tokens for their tasks. Each function throws a `TodoError` for an error
 * response, whose `code` is that of Better Auth, such as `INVALID_EMAIL_OR_PASSWORD`, and a `ConnectionError` if
 * there is no response.
 */
export interface Accounts {
  /** @returns the new account, and whether it is signed in. It is not while its address has to be verified first. */
  signUp(
    person: Body<'POST /api/auth/sign-up/email'>,
  ): Promise<{ readonly user: Account; readonly signedIn: boolean }>
  signIn(credentials: Body<'POST /api/auth/sign-in/email'>): Promise<Account>
  signOut(): Promise<void>
  /** @returns the present session, or null without one. */
  session(): Promise<{ readonly user: Account; readonly session: Session } | null>
  /** The token for tasks of the person who is signed in. It is kept until a minute before it expires, and renewed once at a time. */
  readonly token: TokenSource
  /**
   * The same for one user. If the session of this browser is that of another one, it throws a `TodoError` with
   * status 401, so that nothing of this user is sent to the tasks of the other.
   */
  tokenOf(userId: string): TokenSource
  /** Mails a link to reset the password. The response does not say whether the address has an account. */
  requestPasswordReset(address: Body<'POST /api/auth/request-password-reset'>): Promise<void>
  /** Sets a new password with the token of that mail, and ends all sessions. */
  resetPassword(reset: Body<'POST /api/auth/reset-password'>): Promise<void>
  changePassword(passwords: Body<'POST /api/auth/change-password'>): Promise<void>
  /** Mails a link to the new address, which changes when the link is opened. */
  changeEmail(address: Body<'POST /api/auth/change-email'>): Promise<void>
  changeName(name: string): Promise<void>
  /** @returns the sessions that have not ended, this one among them. */
  sessions(): Promise<readonly Session[]>
  /** @param token that of the session to end. */
  endSession(token: string): Promise<void>
  endOtherSessions(): Promise<void>
  /** Ends all sessions, this one as well. */
  endAllSessions(): Promise<void>
  /** Deletes the account and its tasks permanently. */
  deleteAccount(confirmation?: Body<'POST /api/auth/delete-user'>): Promise<void>
  /** Sends any other request, such as `request('POST /api/auth/sign-in/social', { body: { provider } })`. */
  request<E extends AccountEndpoint>(
    endpoint: E,
    ...options: Rest<RequestParts<E> & { readonly signal?: AbortSignal }>
  ): Promise<Reply<ResponseBody<E>>>
}

/** A token is renewed this long before it expires. */
const EARLY_MS = 60_000

interface IssuedToken {
  readonly token: string
  readonly userId: string
  readonly renewAtMs: number
}

/** @returns the accounts of a server, for the person at this device. */
export function createAccounts(options: AccountsOptions): Accounts {
  const { baseUrl, session: kept, now = Date.now } = options
  const wire = toWire(options)
  let issued: IssuedToken | undefined
  let renewal: Promise<IssuedToken> | undefined

  const request: Accounts['request'] = async <E extends AccountEndpoint>(
    endpoint: E,
    ...[parts]: Rest<RequestParts<E> & { readonly signal?: AbortSignal }>
  ): Promise<Reply<ResponseBody<E>>> => {
    // The options have been checked against the endpoint; from here on they are parts of any request.
    const loose = (parts ?? {}) as LooseParts & { readonly signal?: AbortSignal }
    const body = loose.body ?? (endpoint.startsWith('POST') ? {} : undefined)
    const sent = toRequest(baseUrl, endpoint, { ...loose, body })
    if (kept === 'cookie') return send(wire, sent, loose.signal, 'include')
    const session = await kept.get()
    if (session !== null) sent.headers.set('authorization', `Bearer ${session}`)
    const reply = await send<ResponseBody<E>>(wire, sent, loose.signal, 'omit')
    const next = reply.headers.get('set-auth-token')
    if (next !== null) await kept.set(next)
    return reply
  }

  /** After this, no token that was asked for before is used. */
  function forgetToken(): void {
    issued = undefined
    renewal = undefined
  }

  async function endHere(): Promise<void> {
    forgetToken()
    if (kept !== 'cookie') await kept.set(null)
  }

  async function renew(): Promise<IssuedToken> {
    const session = kept === 'cookie' ? null : await kept.get()
    try {
      const { body } = await request('GET /api/auth/token')
      const renewAtMs = now() + body.expires_in * 1_000 - EARLY_MS
      return { token: body.token, userId: body.user_id, renewAtMs }
    } catch (error) {
      const hasEnded = error instanceof TodoError && error.status === 401
      // Unless a sign-in has brought another one meanwhile.
      if (hasEnded && kept !== 'cookie' && (await kept.get()) === session) await kept.set(null)
      throw error
    }
  }

  async function currentToken(refused: string | undefined): Promise<IssuedToken> {
    if (issued && issued.token !== refused && now() < issued.renewAtMs) return issued
    if (renewal) return renewal
    const own = renew()
    renewal = own
    try {
      const token = await own
      if (renewal === own) issued = token
      return token
    } finally {
      if (renewal === own) renewal = undefined
    }
  }

  async function tokenOf(userId: string, refused: string | undefined): Promise<string> {
    let current = await currentToken(refused)
    if (current.userId !== userId) current = await currentToken(current.token)
    if (current.userId === userId) return current.token
    throw new TodoError({ status: 401, headers: new Headers() }, ANOTHER_PERSON)
  }

  return {
    request,
    async signUp(person) {
      const { body } = await request('POST /api/auth/sign-up/email', { body: person })
      forgetToken()
      return { user: body.user, signedIn: body.token !== null }
    },
    async signIn(credentials) {
      const { body } = await request('POST /api/auth/sign-in/email', { body: credentials })
      forgetToken()
      return body.user
    },
    async signOut() {
      await request('POST /api/auth/sign-out')
      await endHere()
    },
    async session() {
      return (await request('GET /api/auth/get-session')).body
    },
    token: async (refused) => (await currentToken(refused)).token,
    tokenOf: (userId) => (refused) => tokenOf(userId, refused),
    async requestPasswordReset(body) {
      await request('POST /api/auth/request-password-reset', { body })
    },
    async resetPassword(body) {
      await request('POST /api/auth/reset-password', { body })
      forgetToken()
    },
    async changePassword(body) {
      await request('POST /api/auth/change-password', { body })
      forgetToken()
    },
    async changeEmail(body) {
      await request('POST /api/auth/change-email', { body })
    },
    async changeName(name) {
      await request('POST /api/auth/update-user', { body: { name } })
    },
    async sessions() {
      return (await request('GET /api/auth/list-sessions')).body
    },
    async endSession(token) {
      await request('POST /api/auth/revoke-session', { body: { token } })
    },
    async endOtherSessions() {
      await request('POST /api/auth/revoke-other-sessions')
      forgetToken()
    },
    async endAllSessions() {
      await request('POST /api/auth/revoke-sessions')
      await endHere()
    },
    async deleteAccount(body = {}) {
      await request('POST /api/auth/delete-user', { body })
      await endHere()
    },
  }
}

const ANOTHER_PERSON = {
  error: 'unauthorized',
  detail: 'Another person is signed in on this device. Sign in again',
} as const

/** @returns a store that forgets the session when the page or the program ends. */
export function memorySession(session: string | null = null): SessionStore {
  let current = session
  return {
    get: () => current,
    set: (next) => {
      current = next
    },
  }
}
