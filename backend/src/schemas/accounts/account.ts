import { TEXT } from '../text.ts'

const EMAIL = {
  type: 'string',
  maxLength: 254,
  pattern: '^[^\\s@\\u0000]+@[^\\s@\\u0000]+$',
  'x-message': 'must be an e-mail address',
  description: 'Not case-sensitive',
} as const
const NEW_PASSWORD = {
  type: 'string',
  minLength: 8,
  maxLength: 128,
  ...TEXT,
  description: '8 to 128 characters',
} as const
const PASSWORD = { type: 'string', minLength: 1, maxLength: 128, ...TEXT } as const
const NAME = { type: 'string', minLength: 1, maxLength: 200, ...TEXT } as const
const IMAGE = { type: 'string', minLength: 1, maxLength: 2048, ...TEXT } as const
const TOKEN = { type: 'string', minLength: 1, maxLength: 4096, ...TEXT } as const
const REMEMBER = {
  type: 'boolean',
  description: 'false: the cookie of the session ends when the browser is closed',
} as const

/**
 * An URL, whose origin Better Auth checks, or a path in canonical spelling. Better Auth accepts `/..//host` as
 * a path and would redirect people to that host (an open redirect).
 */
const page = (description: string) =>
  ({
    type: 'string',
    minLength: 1,
    maxLength: 2048,
    pattern:
      '^(https?:/)?/(?![/\\\\])(?![^?#]*(//|\\\\|%(2[eEfF]|5[cC]|00)))(?!([^?#]*/)?\\.{1,2}([/?#]|$))[^\\u0000-\\u0020\\ud800-\\udfff]*$',
    'x-message': 'must be an http address, or a path without empty or dot segments',
    description,
  }) as const

const EMAIL_EXAMPLE = 'alice@example.com'
const PASSWORD_EXAMPLE = 'correct horse battery'

/** @returns the schema of a body with only these members, of which those in `required` must be present. */
function body(properties: object, required: readonly string[], example: object) {
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    properties,
    examples: [example],
  }
}

export const SignUp = body(
  {
    name: NAME,
    email: EMAIL,
    password: NEW_PASSWORD,
    image: IMAGE,
    callbackURL: page('The page that the link of the verification mail redirects to'),
    rememberMe: REMEMBER,
  },
  ['name', 'email', 'password'],
  { name: 'Alice', email: EMAIL_EXAMPLE, password: PASSWORD_EXAMPLE },
)

export const SignIn = body(
  {
    email: EMAIL,
    password: PASSWORD,
    callbackURL: page('Returned in the response: the page to open after the sign-in'),
    rememberMe: REMEMBER,
  },
  ['email', 'password'],
  { email: EMAIL_EXAMPLE, password: PASSWORD_EXAMPLE },
)

const PROVIDER = {
  enum: ['google', 'github', 'oidc'],
  description: 'A provider with which the operator has registered this server',
}
const SOCIAL_PAGES = {
  callbackURL: page('The page to redirect to'),
  errorCallbackURL: page('The page to redirect to after a failure, with the error in the query'),
  newUserCallbackURL: page('The page to redirect to if the account is new'),
}

export const SocialSignIn = body(
  {
    provider: PROVIDER,
    ...SOCIAL_PAGES,
    disableRedirect: { type: 'boolean', description: 'true: the response has no Location header' },
    scopes: { type: 'array', maxItems: 20, items: { type: 'string', maxLength: 200, ...TEXT } },
    loginHint: { type: 'string', maxLength: 254, ...TEXT },
    idToken: {
      type: 'object',
      additionalProperties: false,
      required: ['token'],
      description: 'The token of a sign-in with the provider on the device, instead of a page',
      properties: { token: { ...TOKEN, maxLength: 16384 }, nonce: TOKEN, accessToken: TOKEN },
    },
  },
  ['provider'],
  { provider: 'google', callbackURL: '/' },
)

export const LinkSocial = body({ provider: PROVIDER, ...SOCIAL_PAGES }, ['provider'], {
  provider: 'github',
  callbackURL: '/',
})

export const UnlinkAccount = body(
  { providerId: { type: 'string', minLength: 1, maxLength: 100, ...TEXT }, accountId: TOKEN },
  ['providerId', 'accountId'],
  { providerId: 'github', accountId: 'of list-accounts' },
)

export const EmailVerification = body(
  { email: EMAIL, callbackURL: page('The page that the link of the mail redirects to') },
  ['email'],
  { email: EMAIL_EXAMPLE },
)

export const EmailChange = body(
  { newEmail: EMAIL, callbackURL: page('The page that the link of the mail redirects to') },
  ['newEmail'],
  { newEmail: 'alice@example.org' },
)

export const PasswordResetRequest = body(
  {
    email: EMAIL,
    redirectTo: page(
      'The page that sets the new password, with `token` in the query. Without it, the mail has a code',
    ),
  },
  ['email'],
  { email: EMAIL_EXAMPLE },
)

export const PasswordReset = body(
  { newPassword: NEW_PASSWORD, token: TOKEN },
  ['newPassword', 'token'],
  { newPassword: PASSWORD_EXAMPLE, token: 'of the mail' },
)

export const PasswordChange = body(
  {
    currentPassword: PASSWORD,
    newPassword: NEW_PASSWORD,
    revokeOtherSessions: { type: 'boolean' },
  },
  ['currentPassword', 'newPassword'],
  { currentPassword: PASSWORD_EXAMPLE, newPassword: 'another horse battery' },
)

export const UserChanges = {
  ...body({ name: NAME, image: { ...IMAGE, type: ['string', 'null'] } }, [], { name: 'Alice B.' }),
  minProperties: 1,
}

export const UserDeletion = body(
  { password: { ...PASSWORD, description: 'Required if the session is older than one day' } },
  [],
  { password: PASSWORD_EXAMPLE },
)

export const SessionToken = body({ token: TOKEN }, ['token'], { token: 'of a session' })

/** The body is optional, and may be an empty object. */
export const Empty = { type: 'object', additionalProperties: false, properties: {}, examples: [{}] }

/** The query of a link in a mail. */
export const linkQuery = (...names: ('token' | 'callbackURL')[]) => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    names.map((name) => [name, name === 'token' ? TOKEN : page('The page to redirect to')]),
  ),
  ...(names.includes('token') && { required: ['token'] }),
})

export const INSTANT = { type: 'string', format: 'date-time' } as const

export const Account = {
  $id: 'Account',
  type: 'object',
  description: 'An account. Its `id` is the user id in the paths of tasks',
  required: ['id', 'name', 'email', 'emailVerified', 'image', 'createdAt', 'updatedAt'],
  properties: {
    id: { type: 'string' },
    name: { type: 'string' },
    email: { type: 'string' },
    emailVerified: { type: 'boolean' },
    image: { type: ['string', 'null'] },
    createdAt: INSTANT,
    updatedAt: INSTANT,
  },
} as const

export const Session = {
  $id: 'Session',
  type: 'object',
  description: 'A session. Its `token` is a bearer token for /api/auth',
  required: [
    ...['id', 'userId', 'token', 'expiresAt', 'createdAt', 'updatedAt'],
    ...['ipAddress', 'userAgent'],
  ],
  properties: {
    id: { type: 'string' },
    userId: { type: 'string' },
    token: { type: 'string' },
    expiresAt: INSTANT,
    createdAt: INSTANT,
    updatedAt: INSTANT,
    ipAddress: { type: ['string', 'null'] },
    userAgent: { type: ['string', 'null'] },
  },
} as const
