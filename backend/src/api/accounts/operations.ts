import * as schemas from '../../schemas/accounts/account.ts'
import * as responses from '../../schemas/accounts/responses.ts'
import { object } from '../../schemas/object.ts'
import type { AccountOperation } from './operation-schema.ts'
import { OWN_OPERATIONS } from './own-operations.ts'

const MAIL =
  'Needs SMTP_URL on the server. The response does not say whether the address has an account.'

export const ACCOUNT_OPERATIONS: readonly AccountOperation[] = [
  {
    method: 'POST',
    path: '/sign-up/email',
    id: 'signUp',
    signsIn: true,
    summary: 'Create an account',
    description:
      'Signs the user in as well, unless the operator requires verified addresses: then `token` is null.',
    body: schemas.SignUp,
    response: responses.MaybeSignedIn,
    hashes: true,
  },
  {
    method: 'POST',
    path: '/sign-in/email',
    id: 'signIn',
    signsIn: true,
    summary: 'Sign in with e-mail address and password',
    description: 'Starts a session. Its token is in `token`, in `set-auth-token` and in a cookie.',
    body: schemas.SignIn,
    response: responses.SignedIn,
    hashes: true,
  },
  {
    method: 'GET',
    path: '/token',
    id: 'getToken',
    summary: 'Get a token for tasks',
    description:
      'Returns a short-lived JWT for the user of the session: HS256 with the shared secret, the user in `sub`.',
    session: 'required',
    response: responses.TaskToken,
  },
  {
    method: 'GET',
    path: '/get-session',
    id: 'getSession',
    session: 'optional',
    summary: 'Get the current session',
    description: 'Returns the session and its user, or null without a valid session.',
    response: {
      oneOf: [
        object({ session: responses.SessionRef, user: responses.AccountRef }),
        { type: 'null' },
      ],
    },
  },
  {
    method: 'POST',
    path: '/sign-out',
    id: 'signOut',
    session: 'optional',
    summary: 'Sign out',
    description: 'Ends the current session.',
    body: schemas.Empty,
    bodyOptional: true,
    response: responses.Success,
  },
  {
    method: 'POST',
    path: '/sign-in/social',
    id: 'signInSocial',
    opensProvider: true,
    signsIn: true,
    summary: 'Sign in with a provider',
    description:
      'Returns in `url` the page of the provider to open. Available if the operator has registered this server with the provider.',
    body: schemas.SocialSignIn,
    response: responses.SignedInWithProvider,
  },
  {
    method: 'GET',
    path: '/callback/:provider',
    id: 'socialCallback',
    summary: 'Finish a sign-in with a provider',
    description:
      'The provider sends the browser here. The response redirects to the page that the sign-in named.',
    response: {},
    redirects: true,
  },
  {
    method: 'POST',
    path: '/send-verification-email',
    id: 'sendVerificationEmail',
    summary: 'Send the verification mail again',
    description: MAIL,
    body: schemas.EmailVerification,
    response: responses.Status,
  },
  {
    method: 'GET',
    path: '/verify-email',
    id: 'verifyEmail',
    opensMailedLink: true,
    viewOfInvalidLink: '/sign-in',
    summary: 'Verify an e-mail address',
    description:
      'The link in the verification mail, and in the mail to the new address of an account. `user` is null unless the link changed the address. With `callbackURL` the response redirects to that page. If the link is not valid and names no page, the response to a browser redirects to the web page.',
    query: schemas.linkQuery('token', 'callbackURL'),
    response: object({ status: { type: 'boolean' }, user: responses.AccountOrNull }),
    redirects: true,
  },
  {
    method: 'POST',
    path: '/request-password-reset',
    id: 'requestPasswordReset',
    summary: 'Send a mail to reset the password',
    description: MAIL,
    body: schemas.PasswordResetRequest,
    response: object({ status: { type: 'boolean' }, message: { type: 'string' } }),
  },
  {
    method: 'GET',
    path: '/reset-password/:token',
    id: 'resetPasswordLink',
    viewOfInvalidLink: '/reset-password',
    summary: 'Follow the link of a password reset mail',
    description:
      'The link in the password reset mail. The response redirects to the page that sets the new password. If the link is not valid and names no page, the response to a browser redirects to the web page.',
    query: schemas.linkQuery('callbackURL'),
    response: {},
    redirects: true,
  },
  {
    method: 'POST',
    path: '/reset-password',
    id: 'resetPassword',
    revokes: true,
    summary: 'Reset the password',
    description:
      'Sets a new password with the token of the mail, and ends every session of the account. It revokes the tokens for tasks that were issued before.',
    body: schemas.PasswordReset,
    response: responses.Status,
    hashes: true,
  },
  ...OWN_OPERATIONS,
]
