import type { Config } from '../core/config/config.ts'
import { addressesOf } from '../core/token.ts'
import type { BetterAuthParts } from './better-auth.ts'
import {
  changedMail,
  changeMail,
  type Mail,
  mailer,
  resetMail,
  takenMail,
  verificationMail,
} from './mail.ts'

/** Drops a mail above the limit silently, because the response must not reveal the account. */
export function mailOptions({
  config,
  settings: { mail },
  log,
  background,
  mayMail,
}: BetterAuthParts) {
  if (mail === undefined) return { password: {}, verification: {}, updateUser: {} }
  const post = mailer(mail, log())
  const send = async (letter: Mail) => {
    if (await mayMail(letter.to)) await post(letter)
  }
  return {
    password: {
      sendResetPassword: async ({ user, url, token }: { user: User; url: string; token: string }) =>
        background(send(resetMail(user.email, { url, token }))),
      onExistingUserSignUp: async ({ user }: { user: User }) =>
        background(send(takenMail(user.email))),
    },
    verification: {
      sendOnSignIn: true,
      sendVerificationEmail: async ({
        user,
        url,
        token,
      }: {
        user: User
        url: string
        token: string
      }) => {
        const compose = addressesOf(token).updateTo === undefined ? verificationMail : changeMail
        background(send(compose(user.email, withoutDefault(url, config))))
      },
    },
    /** The hooks run for every update of a user. */
    updateUser: {
      /** The link proves that its reader has the new address. Better Auth leaves it unverified if the former one was. */
      before: async ({ email }: Partial<User>, context: Context) =>
        email !== undefined && confirmed(context)?.to === email
          ? { data: { emailVerified: true } }
          : undefined,
      /** Mails the former address after a change. */
      after: async ({ email }: User, context: Context) => {
        const change = confirmed(context)
        if (change?.to === email) background(send(changedMail(change.from)))
      },
    },
  }
}

type Context = { path: string; query?: { token?: unknown } } | null

/**
 * @returns the change of an address, if the request opens the link that was mailed to the new one. Nobody has verified
 *   a token in the query of another operation.
 */
function confirmed(context: Context): { from: string; to: string } | undefined {
  const token = context?.path === '/verify-email' ? context.query?.token : undefined
  const { email: from, updateTo: to } = typeof token === 'string' ? addressesOf(token) : {}
  return from === undefined || to === undefined ? undefined : { from, to }
}

interface User {
  readonly email: string
}

/** Better Auth redirects to `/` if the front end named no page, but `/` is not a page for people. */
function withoutDefault(url: string, { publicUrl }: Config): string {
  const link = new URL(url)
  if (link.searchParams.get('callbackURL') === '/' && link.href.startsWith(`${publicUrl}/`)) {
    link.searchParams.delete('callbackURL')
  }
  return link.href
}
