import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import type { SMTPServerOptions } from 'smtp-server'
import { mailer, resetMail } from '../../src/accounts/mail.ts'
import { loadConfig } from '../../src/core/config/config.ts'
import type { Environment } from '../../src/core/config/settings.ts'
import { loggerOptions } from '../../src/core/log/logger.ts'
import { SECRET } from '../support/app.ts'
import { type Mailbox, startMailbox } from '../support/mailbox.ts'

const PERSON = 'alice@example.com'
const LINK =
  'https://app.example.com/api/auth/reset-password/q7VbX2mPzK9sLw4RtY8nHc3D?callbackURL=x'
const letter = resetMail(PERSON, { url: LINK, token: 'q7VbX2mPzK9sLw4RtY8nHc3D' })

const mailOf = (environment: Environment) =>
  loadConfig({
    ...{ BETTER_AUTH_SECRET: SECRET, DATABASE_URL: 'pglite:memory', SMTP_FROM: 'todo@example.com' },
    ...environment,
  }).accounts?.mail

interface Sent {
  readonly log: string
  readonly mails: number
  /** What a mail server was told of who sends, and whether by an encrypted connection. */
  readonly logins: { readonly secure: boolean }[]
  readonly secure: boolean[]
}

/** Sends one mail with a password to a server of these options, and waits for what comes of it. */
async function send(
  options: SMTPServerOptions,
  environment: Environment = { SMTP_REQUIRE_TLS: 'on' },
  query = '',
): Promise<Sent> {
  const logins: { secure: boolean }[] = []
  const secure: boolean[] = []
  const mailbox: Mailbox = await startMailbox({
    disabledCommands: [],
    onAuth: ({ username }, session, done) => {
      logins.push({ secure: session.secure })
      done(null, { user: username })
    },
    onMailFrom: (_from, session, done) => {
      secure.push(session.secure)
      done()
    },
    allowInsecureAuth: true,
    ...options,
  })
  const url = new URL(mailbox.url)
  url.username = 'todo'
  url.password = 's3cret'
  const mail = mailOf({ SMTP_URL: url.href + query, ...environment })
  assert.ok(mail)
  const lines: string[] = []
  const log = pino(loggerOptions('info'), { write: (line: string) => void lines.push(line) })
  try {
    await mailer(mail, log)(letter)
    return { log: lines.join(''), mails: mailbox.count(PERSON), logins, secure }
  } finally {
    await mailbox.close()
  }
}

const NO_STARTTLS = /offers no STARTTLS.*SMTP_REQUIRE_TLS=off/
const BAD_CERTIFICATE = /could not be encrypted.*certificate/

describe('mail where encryption is required', () => {
  for (const [what, options, reason] of [
    ['the server has no STARTTLS', { disabledCommands: ['STARTTLS'] }, NO_STARTTLS],
    ['the server knows no EHLO', { disabledCommands: ['EHLO', 'STARTTLS'] }, NO_STARTTLS],
    ['somebody hides the offer, and is no one to trust', { hideSTARTTLS: true }, BAD_CERTIFICATE],
    ['the certificate is bad', {}, BAD_CERTIFICATE],
  ] as const satisfies (readonly [string, SMTPServerOptions, RegExp])[]) {
    it(`nothing is sent, and the log says what to do, where ${what}`, async () => {
      const { log, mails, logins } = await send({ ...options })
      assert.deepEqual([mails, logins], [0, []])
      assert.match(log, reason)
      for (const secret of [PERSON, 's3cret', 'q7VbX2mPzK9sLw4RtY8nHc3D', 'app.example.com']) {
        assert.ok(!log.includes(secret), log)
      }
    })
  }

  it('it is sent by an encrypted connection where there is one, though nobody offered it', async () => {
    for (const options of [{}, { hideSTARTTLS: true }]) {
      const trusting = '?tls.rejectUnauthorized=false'
      const { log, mails, logins, secure } = await send(options, undefined, trusting)
      assert.deepEqual([log, mails, logins, secure], ['', 1, [{ secure: true }], [true]])
    }
  })

  it('options in SMTP_URL cannot turn it off', async () => {
    const query = '?requireTLS=false&ignoreTLS=true&opportunisticTLS=true'
    const { mails, logins } = await send({ disabledCommands: ['STARTTLS'] }, undefined, query)
    assert.deepEqual([mails, logins], [0, []])
  })
})

describe('mail where it is not', () => {
  it('goes to the machine itself, or where the operator says so', async () => {
    for (const environment of [{}, { SMTP_REQUIRE_TLS: 'off' }]) {
      const { log, mails } = await send({ disabledCommands: ['STARTTLS'] }, environment)
      assert.deepEqual([log, mails], ['', 1])
    }
  })
})

describe('whether encryption is required', () => {
  for (const [host, required] of [
    ['localhost', false],
    ['LOCALHOST:2525', false],
    ['127.0.0.1', false],
    ['127.8.9.10:25', false],
    ['[::1]:25', false],
    ['mail.example.com', true],
    ['localhost.example.com', true],
    ['127.0.0.1.example.com', true],
    ['10.0.0.1', true],
    ['[fe80::1]', true],
    ['[::ffff:127.0.0.1]', true],
    ['0.0.0.0', true],
  ] as const) {
    it(`${host}: ${required}, and as SMTP_REQUIRE_TLS says`, () => {
      const url = { SMTP_URL: `smtp://todo:s3cret@${host}` }
      assert.equal(mailOf(url)?.requireTls, required)
      assert.equal(mailOf({ ...url, SMTP_REQUIRE_TLS: 'on' })?.requireTls, true)
      assert.equal(mailOf({ ...url, SMTP_REQUIRE_TLS: 'off' })?.requireTls, false)
    })
  }
})
