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
  if (mail === undefined) return { password: {}, verification: {}, tellFormer: async () => {} }
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
    /**
     * Mails the former address after a change. The hook runs for every update of a user, and only the link
     * that was mailed to the new address changes the address.
     */
    tellFormer: async ({ email }: User, context: { query?: { token?: unknown } } | null) => {
      const token = context?.query?.token
      const { email: former, updateTo } = typeof token === 'string' ? addressesOf(token) : {}
      if (former !== undefined && updateTo === email) background(send(changedMail(former)))
    },
  }
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
