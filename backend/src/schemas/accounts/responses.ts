import { object } from '../object.ts'
import { INSTANT } from './account.ts'

// The server describes Better Auth's responses and does not validate them. A test compares them with these.

export const AccountRef = { $ref: 'Account#' }
export const AccountOrNull = { anyOf: [AccountRef, { type: 'null' }] }
export const SessionRef = { $ref: 'Session#' }
export const Status = object({ status: { type: 'boolean' } })
export const Success = object({ success: { type: 'boolean' } })

/** The address of a provider's page. */
export const PageAddress = object({ url: { type: 'string' }, redirect: { type: 'boolean' } })

const SESSION_TOKEN = { type: 'string', description: 'The session token' } as const

/** After a sign-up or a new password. */
export const MaybeSignedIn = object({
  token: {
    type: ['string', 'null'],
    description: 'The session token. null if there is no new session',
  },
  user: AccountRef,
})

export const SignedIn = object(
  {
    redirect: { type: 'boolean' },
    token: SESSION_TOKEN,
    url: { type: 'string', description: 'The `callbackURL` of the request' },
    user: AccountRef,
  },
  ['url'],
)

/** By the page of a provider, or with a token of the provider and without a page. */
export const SignedInWithProvider = {
  oneOf: [
    PageAddress,
    object({ redirect: { const: false }, token: SESSION_TOKEN, user: AccountRef }),
  ],
}

export const TaskToken = object({
  token: { type: 'string', description: 'A bearer token for tasks, valid for 15 minutes' },
  expires_in: { type: 'integer', description: 'The seconds for which the token is valid' },
  user_id: { type: 'string', description: 'The user id in the paths of tasks' },
})

/** A way to sign in: the password, or a provider. */
export const SignInMethod = object({
  id: { type: 'string' },
  providerId: { type: 'string', description: '`credential` for the password' },
  accountId: { type: 'string', description: 'The id of the account at the provider' },
  userId: { type: 'string' },
  scopes: { type: 'array', items: { type: 'string' } },
  createdAt: INSTANT,
  updatedAt: INSTANT,
})
