import type { MailConfig } from '../core/config/accounts-config.ts'
import type { Log } from '../core/log/logger.ts'

/** The longest time to wait for the mail server. */
const TIMEOUT_MS = 10_000

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** Sends a mail through SMTP. It logs a failure and does not reject. */
export type SendMail = (mail: Mail) => Promise<void>

/** @returns a function that sends mail. The first mail loads nodemailer. */
export function mailer({ url, from, requireTls }: MailConfig, log: Log): SendMail {
  const openTransport = async () => {
    const { createTransport } = await import('nodemailer')
    return createTransport({
      url: requireTls ? withoutExceptions(url) : url,
      requireTLS: requireTls,
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
    })
  }
  let transport: ReturnType<typeof openTransport> | undefined
  return async (mail) => {
    transport ??= openTransport()
    try {
      await (await transport).sendMail({ from, ...mail })
    } catch (err) {
      // Without the recipient. The mail server may have quoted it, so the log has only the codes of `err`.
      log.error({ err, subject: mail.subject }, `a mail could not be sent${reasonOf(err)}`)
    }
  }
}

/** Options in the URL override nodemailer's own, so those about TLS are removed. */
function withoutExceptions(url: string): string {
  const address = new URL(url)
  for (const option of ['requireTLS', 'ignoreTLS', 'opportunisticTLS']) {
    address.searchParams.delete(option)
  }
  return address.href
}

const NO_STARTTLS =
  ': the mail server offers no STARTTLS. Use smtps:// in SMTP_URL, or set SMTP_REQUIRE_TLS=off to send passwords and links unencrypted'
const BAD_CERTIFICATE =
  ': the connection to the mail server could not be encrypted. Its certificate must be valid for the host in SMTP_URL'

/** @returns the known reason and what the operator can do, or an empty string. */
function reasonOf(error: unknown): string {
  const failure = (error ?? {}) as Partial<Record<string, unknown>> // thrown by nodemailer
  const { code, responseCode, command, originalCode } = failure
  const refused = code === 'ETLS' && responseCode !== undefined
  if (refused || (code === 'ECONNECTION' && command === 'EHLO')) return NO_STARTTLS
  const untrusted = /CERT|SIGNATURE|ALTNAME/.test(String(originalCode))
  return code === 'ETLS' || untrusted ? BAD_CERTIFICATE : ''
}

export function verificationMail(to: string, url: string): Mail {
  return {
    to,
    subject: 'Confirm your e-mail address',
    text: `Open this link to confirm your address. It is valid for an hour.\n\n${url}\n\nIf you have made no account, do nothing.\n`,
  }
}

/** @param url opens the page that the front end named. If it named none, the mail has the token instead. */
export function resetMail(to: string, { url, token }: { url: string; token: string }): Mail {
  const instruction = url.endsWith('callbackURL=')
    ? `To set a new password, use this code: ${token}`
    : `Open this link to set a new password:\n\n${url}`
  return {
    to,
    subject: 'Set a new password',
    text: `${instruction}\n\nIt is valid for an hour. If you did not ask for it, do nothing: your password stays as it is.\n`,
  }
}

/** To the new address of an account, which stays as it is until the link is opened. */
export function changeMail(to: string, url: string): Mail {
  return {
    to,
    subject: 'Confirm your new e-mail address',
    text: `Open this link to use this address for your account from now on. It is valid for an hour.\n\n${url}\n\nIf you did not ask for it, do nothing: no account gets this address.\n`,
  }
}

/** To the former address of an account. */
export function changedMail(to: string): Mail {
  return {
    to,
    subject: 'Your account has another e-mail address',
    text: 'The e-mail address of your account was changed, and this one no longer belongs to it. If it was not you, somebody else uses your account: write to the operator of this server.\n',
  }
}

/** For a sign-up with an address that has an account. Only the owner of the address learns that. */
export function takenMail(to: string): Mail {
  return {
    to,
    subject: 'You have an account already',
    text: 'Somebody tried to make an account with this address, which has one. If it was you, sign in, or ask for a new password. If not, do nothing.\n',
  }
}
