import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { Kysely } from 'kysely'
import { pino } from 'pino'
import { loggerOptions } from '../../src/core/log/logger.ts'
import { accountDialect } from '../../src/database/accounts/account-dialect.ts'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import { auth, BEHIND_PROXY, PASSWORD } from '../support/accounts.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { refusal, startMailbox } from '../support/mailbox.ts'
import { run } from '../support/process.ts'

const person = (name: string) => ({ name, email: `${name}@example.com`, password: PASSWORD })
const signUp = (test: TestApp, name: string) =>
  auth(test, 'POST', '/sign-up/email', { body: person(name) })

const REFUSALS = {
  recipient: {
    onRcptTo: ({ address }, _session, done) =>
      done(refusal(`<${address}> has no mailbox, "Confirm your e-mail address" is not delivered`)),
  },
  sender: { onMailFrom: (_from, _session, done) => done(refusal('for alice@example.com: no')) },
  content: {
    onData: (stream, { envelope }, done) => {
      stream.resume()
      const [to] = envelope.rcptTo
      stream.on('end', () => done(refusal(`Confirm your e-mail address, ${to?.address}`)))
    },
  },
} satisfies Record<string, Parameters<typeof startMailbox>[0]>

describe('the log, when a mail server refuses', () => {
  for (const [what, options] of Object.entries(REFUSALS)) {
    it(`has the code of the ${what}, and not its message`, async (context) => {
      const mailbox = await startMailbox(options)
      const settings = { SMTP_URL: mailbox.url, SMTP_FROM: 'Todo <todo@example.com>' }
      const test = await startApp('postgres', { ...BEHIND_PROXY, ...settings }, undefined, {
        signUpGridMs: 1,
      })
      context.after(async () => {
        await test.close()
        await mailbox.close()
      })
      assert.equal((await signUp(test, 'alice')).status, 200)
      const { err } = JSON.parse(await test.lineOf('a mail could not be sent'))
      assert.equal(err.responseCode, 550)
      assert.match(err.stack, /nodemailer/)
      for (const word of ['alice', '@example.com', 'has no mailbox', 'delivered']) {
        assert.ok(!test.log.join('').includes(word), word)
      }
    })
  }
})

describe('the log, when the database refuses', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', BEHIND_PROXY)
  })
  after(() => test.close())

  it('has where and why, and no row', async () => {
    await test.admin(`
      create function todo_auth.refuse() returns trigger language plpgsql as $$
      begin
        raise exception 'no % here', new.email
          using detail = new.email, hint = new.email, constraint = 'no_alice';
      end $$`)
    await test.admin(`create trigger refuse before insert on todo_auth."user"
      for each row execute function todo_auth.refuse()`)
    assert.equal((await signUp(test, 'alice')).status, 500)
    const line = await test.lineOf('P0001')
    assert.equal(JSON.parse(line).err.cause.constraint, 'no_alice')
    await test.admin('drop trigger refuse on todo_auth."user"')
    assert.ok(!test.log.join('').includes('alice@'), line)
  })

  it('has the constraint of an address that is taken, and not the address', async () => {
    await signUp(test, 'taken')
    const insert = `insert into todo_auth."user" (id, name, email, "emailVerified")
      values ('x', 'x', 'taken@example.com', false)`
    const err = await test.admin(insert).catch((error: unknown) => error)
    const lines: string[] = []
    pino(loggerOptions('info'), { write: (line: string) => void lines.push(line) }).error({ err })
    assert.equal(JSON.parse(lines.join('')).err.constraint, 'user_email_key')
    assert.ok(!lines.join('').includes('taken@'))
  })

  it('has no parameter of a statement of the library’s', async () => {
    const pool = new AccountPool(test.test.connector)
    const db = new Kysely<{ 'todo_auth.session': { token: string } }>({
      dialect: accountDialect(pool),
    })
    const session = db.selectFrom('todo_auth.session').selectAll().where('token', '=', 'alice’s')
    const lines: string[] = []
    const log = pino(loggerOptions('info'), { write: (line: string) => void lines.push(line) })
    await session.executeTakeFirstOrThrow().catch((err: unknown) => log.error({ err }))
    await pool.close()
    assert.match(lines.join(''), /NoResultError|no result|"type":"Error"/)
    assert.ok(!lines.join('').includes('alice'))
  })
})

describe('the log, when a provider of sign-ins refuses', () => {
  it('has the status and none of its words', async (context) => {
    const provider = { GITHUB_CLIENT_ID: 'github-id', GITHUB_CLIENT_SECRET: 'github-secret' }
    const test = await startApp('postgres', { ...BEHIND_PROXY, ...provider })
    const words = {
      error: 'invalid_grant',
      error_description: 'of alice@example.com',
      code: 'c0de',
    }
    const stub = mock.method(globalThis, 'fetch', async () => Response.json(words, { status: 400 }))
    context.after(async () => {
      stub.mock.restore()
      await test.close()
    })
    const begun = await auth(test, 'POST', '/sign-in/social', {
      body: { provider: 'github', callbackURL: '/welcome', errorCallbackURL: '/failed' },
    })
    const state = new URL(begun.json.url).searchParams.get('state')
    const cookie = (begun.headers['set-cookie'] ?? []).map((one) => one.split(';')[0]).join('; ')
    const path = `/callback/github?code=alice&state=${state}`
    assert.equal((await auth(test, 'GET', path, { headers: { cookie } })).status, 302)
    assert.equal(stub.mock.callCount(), 1)
    await test.lineOf('/callback/:provider')
    for (const secret of ['alice', 'invalid_grant', 'github-secret', String(state)]) {
      assert.ok(!test.log.join('').includes(secret), test.log.join(''))
    }
  })
})

describe('a start that fails', () => {
  for (const [what, settings] of [
    ['a scheme that is none', { DATABASE_URL: 'postgresq://todo:s3cret@127.0.0.1/todo' }],
    ['a password that is not encoded', { DATABASE_URL: 'postgres://todo:s3cret/x@127.0.0.1/todo' }],
    ['a file in its place', { DATABASE_URL_FILE: 'postgres://todo:s3cret@127.0.0.1/todo' }],
    ['a mail server without a host', { SMTP_URL: 'smtp://todo:s3cret@', SMTP_FROM: 'a@b.example' }],
    [
      'a certificate that is not there',
      { DATABASE_URL: 'postgres://todo:s3cret@127.0.0.1/todo?sslrootcert=/none&password=s3cret' },
    ],
  ] as const) {
    it(`for ${what} says so in one line, without the password`, async () => {
      const { code, stdout, stderr } = await run('main.ts', [], settings)
      assert.equal(code, 1)
      assert.match(stderr, /^[^\n]+\n$/)
      assert.ok(!(stdout + stderr).includes('s3cret'), stdout + stderr)
    })
  }
})
