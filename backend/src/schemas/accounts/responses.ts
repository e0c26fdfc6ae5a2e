/** An object with these members. The server describes Better Auth's responses and does not validate them. */
export const object = (properties: object) => ({ type: 'object', properties })

export const AccountRef = { $ref: 'Account#' }
export const AccountOrNull = { anyOf: [AccountRef, { type: 'null' }] }
export const SessionRef = { $ref: 'Session#' }
export const Status = object({ status: { type: 'boolean' } })
export const Success = object({ success: { type: 'boolean' } })

/** The address of a provider's page. */
export const PageAddress = object({ url: { type: 'string' }, redirect: { type: 'boolean' } })

export const SignedIn = object({
  token: { type: ['string', 'null'], description: 'The bearer token of the session' },
  user: AccountRef,
})

export const TaskToken = object({
  token: { type: 'string', description: 'A bearer token for tasks, valid for 15 minutes' },
  expires_in: { type: 'integer', description: 'The seconds for which the token is valid' },
  user_id: { type: 'string', description: 'The user id in the paths of tasks' },
})
