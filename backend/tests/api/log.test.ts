import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { Kysely } from 'kysely'
import { pino } from 'pino'
import { AppError } from '../../src/core/errors.ts'
import { loggerOptions } from '../../src/core/log/logger.ts'
import { accountDialect } from '../../src/database/accounts/account-dialect.ts'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import { auth, BEHIND_PROXY, PASSWORD } from '../support/accounts.ts'
import { NO_DATABASE, type Sending, serve, startApp, type TestApp } from '../support/app.ts'
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

describe('the log, when Better Auth warns', () => {
  it('has the whole message, without the path of an address', async (context) => {
    const test = await startApp('postgres', BEHIND_PROXY)
    context.after(() => test.close())
    const headers = { cookie: 'better-auth.session_token=x', origin: 'https://evil.example' }
    const { status } = await auth(test, 'POST', '/sign-out', { headers })
    assert.equal(status, 403)
    const { level, msg, reqId } = JSON.parse(await test.lineOf('Invalid origin'))
    assert.deepEqual([level, typeof reqId], [40, 'string'])
    assert.match(msg, /^Invalid origin: https:\/\/evil\.example/)
  })
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
  it('has its error, and no person or secret', async (context) => {
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
    assert.match(test.log.join(''), /"details":.*invalid_grant/)
    for (const secret of ['alice', 'c0de', 'github-secret', String(state)]) {
      assert.ok(!test.log.join('').includes(secret), test.log.join(''))
    }
  })
})

describe('the line of a response', () => {
  let test: TestApp
  before(async () => {
    const settings = { ...BEHIND_PROXY, RATE_LIMIT_PER_MINUTE: '4' }
    test = await startApp('postgres', settings)
  })
  after(() => test.close())

  /** The line of the request that the test sends with this id. */
  async function lineOf(id: string, method: string, path: string, sending: Sending = {}) {
    const headers = { 'x-request-id': id, ...sending.headers }
    const answer = await test.send(method, path, { ...sending, headers })
    return { answer, line: JSON.parse(await test.lineOf(`"reqId":"${id}","method"`)) }
  }

  it('has route, user, address, agent and bytes', async () => {
    const agent = 'a'.repeat(500)
    const headers = { 'user-agent': agent, 'x-forwarded-for': '192.0.2.7' }
    const { answer, line } = await lineOf('one', 'GET', '/api/alice/tasks?limit=2', { headers })
    assert.equal(answer.status, 200)
    const { time, pid, hostname, ms, ...members } = line
    assert.equal(typeof ms, 'number')
    assert.deepEqual(members, {
      ...{ level: 30, reqId: 'one', method: 'GET', url: '/api/alice/tasks?…' },
      ...{ route: '/api/:user_id/tasks', status: 200, bytes: 2, user: 'alice' },
      ...{ address: '192.0.2.7', agent: agent.slice(0, 160), msg: 'answered' },
    })
  })

  it('has the error of a refusal, and the reason where there are several', async () => {
    const refused = async (...asked: Parameters<typeof lineOf>) => {
      const { status, problem, reason, user } = (await lineOf(...asked)).line
      return [status, problem, reason, user]
    }
    const none = { as: null }
    assert.deepEqual(await refused('401', 'GET', '/api/alice/tasks', none), [
      ...[401, 'unauthorized', undefined, undefined],
    ])
    assert.deepEqual(await refused('403', 'GET', '/api/bob/tasks', { as: 'alice' }), [
      ...[403, 'user_id_mismatch', undefined, 'alice'],
    ])
    assert.deepEqual(await refused('404', 'GET', '/nowhere', none), [
      ...[404, 'not_found', undefined, undefined],
    ])
    let status = 0
    for (let n = 0; status !== 429; n += 1) {
      status = (await test.send('GET', '/api/carol/tasks')).status
      assert.ok(n < 100)
    }
    assert.deepEqual(await refused('429', 'GET', '/api/carol/tasks'), [
      ...[429, 'too_many_requests', undefined, 'carol'],
    ])
    const wrong = { email: 'carol@example.com', password: 'not the password' }
    const signIn = { body: wrong, headers: { 'x-forwarded-for': '192.0.2.8' }, as: null }
    assert.deepEqual(await refused('sign-in', 'POST', '/api/auth/sign-in/email', signIn), [
      ...[401, 'unauthorized', 'INVALID_EMAIL_OR_PASSWORD', undefined],
    ])
  })

  it('has no token, title or e-mail address, wherever a client puts them', async () => {
    const token = await test.token('dave')
    const headers = { 'user-agent': `bot/1 (+mailto:dave@example.com) ${token}` }
    await lineOf('agent', 'GET', '/api/dave/tasks?title=Buy%20milk', { headers })
    await lineOf('user', 'GET', '/api/dave%40example.com/tasks', { as: 'dave@example.com' })
    await lineOf('title', 'POST', '/api/erin/tasks', { body: { title: 'Buy milk' } })
    await lineOf('path', 'GET', `/api/${token}/tasks`, { as: 'dave' })
    const log = test.log.join('')
    for (const secret of ['dave@', 'dave%40', 'example.com', 'milk', 'eyJ']) {
      assert.ok(!log.includes(secret), secret)
    }
    const { user, url } = JSON.parse(await test.lineOf('"reqId":"user"'))
    assert.deepEqual([user, url], ['…', '/api/…/tasks'])
  })

  it('is not there for a probe that succeeds, and is for one that fails', async (context) => {
    const away = await serve({
      ...NO_DATABASE,
      ping: () => Promise.reject(new AppError('service_unavailable')),
    })
    context.after(() => away.app.close())
    for (const path of ['/livez', '/readyz', '/nowhere']) await away.send('GET', path)
    await away.lineOf('"url":"/nowhere"')
    const lines = away.log.map((line) => JSON.parse(line)).filter(({ url }) => url !== undefined)
    assert.deepEqual(
      lines.map(({ url, status }) => [url, status]),
      [
        ['/readyz', 503],
        ['/nowhere', 404],
      ],
    )
  })
})

describe('the log, while the database is unreachable', () => {
  it('has the code of each 503, and the whole cause once', async (context) => {
    const failing = (code: string) => Object.assign(new Error('connect'), { code })
    let cause: Error = new Error('lost', { cause: failing('ECONNREFUSED') })
    const asUser = () => Promise.reject(new AppError('service_unavailable', { cause }))
    const away = await serve({ ...NO_DATABASE, asUser })
    context.after(() => away.app.close())
    for (let n = 0; n < 5; n += 1) {
      assert.equal((await away.send('GET', '/api/alice/tasks')).status, 503)
    }
    cause = failing('57P03')
    assert.equal((await away.send('GET', '/api/alice/tasks')).status, 503)
    await away.lineOf('"reason":"57P03"')
    const lines = away.log.map((line) => JSON.parse(line))
    const inFull = lines.filter(({ level }) => level >= 50)
    assert.deepEqual(
      inFull.map(({ err }) => err.cause.cause?.code ?? err.cause.code),
      ['ECONNREFUSED', '57P03'],
    )
    const reasons = lines.flatMap(({ status, reason }) => (status === 503 ? [reason] : []))
    assert.deepEqual(reasons, [...Array(5).fill('ECONNREFUSED'), '57P03'])
  })

  it('has each cause once that has no code', async (context) => {
    let cause = new Error('the connection was lost')
    const asUser = () => Promise.reject(new AppError('service_unavailable', { cause }))
    const away = await serve({ ...NO_DATABASE, asUser })
    context.after(() => away.app.close())
    const messages = ['the connection was lost', 'the response is of another request']
    for (const message of [...messages, ...messages]) {
      cause = new Error(message)
      assert.equal((await away.send('GET', '/api/alice/tasks')).status, 503)
    }
    // More than have a pause of their own: the rest share one.
    for (let n = 0; n < 200; n += 1) {
      cause = new Error(`cause ${n}`)
      await away.send('GET', '/api/alice/tasks')
    }
    await away.send('GET', '/nowhere')
    await away.lineOf('"url":"/nowhere"')
    const inFull = away.log.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
    assert.deepEqual(
      inFull.slice(0, 3).map(({ err }) => err.cause.message),
      [...messages, 'cause 0'],
    )
    assert.equal(inFull.length, 101)
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
      {
        DATABASE_URL:
          'postgres://todo:s3cret@127.0.0.1/todo?sslmode=verify-full&sslrootcert=/none&password=s3cret',
      },
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
