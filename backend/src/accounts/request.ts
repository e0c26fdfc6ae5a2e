import type { AppError } from '../core/errors.ts'
import type { Log } from '../core/log/logger.ts'

/** A request for Better Auth, and the facts about it that Better Auth does not know. */
export interface AccountRequest {
  /** Called for each attempt, because the body of a `Request` can be read only once. */
  readonly make: () => Request
  /** The operation's path with the names of its parameters, not their values. */
  readonly route: string
  /** The e-mail address of a sign-in. */
  readonly signsInAs?: string | undefined
  /** Settles when the response has been sent, or the client has disconnected. */
  readonly answered?: Promise<unknown>
  readonly log: Log
}

/** The request in progress, for functions that Better Auth calls without a request. */
export interface Context extends AccountRequest {
  /** Why the request failed. Better Auth hides it behind its own response: 422, 302, even 200. */
  failure?: AppError
  /** True for the second attempt, which the limits do not count again. */
  readonly again?: boolean
  /** True after the first password. Better Auth may check two for one request. */
  passwordCounted?: boolean
  /** True if the account has been deleted. A later failure does not change that. */
  deleted?: boolean
}
