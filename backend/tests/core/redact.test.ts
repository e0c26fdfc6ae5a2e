import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { AppError } from '../../src/core/errors.ts'
import { loggerOptions } from '../../src/core/log/logger.ts'
import {
  describeError,
  redactDetail,
  redactText,
  withoutSecrets,
} from '../../src/core/log/redact.ts'

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl'
const CODE = 'q7VbX2mPzK9sLw4RtY8nHc3D'

/** What no line of the log may have, by what it is. */
const SECRETS = ['alice', 'p@ss', 's3cret', 'wörd', 'eyJ', CODE, 'state=']

/** An error of another program, as it comes out of a package. */
function foreign(message: string, properties: object = {}): Error {
  const error = Object.assign(new Error(message), properties)
  const at = '    at Parser.parse (/app/node_modules/pg-protocol/dist/parser.js:1:1)'
  error.stack = `Error: ${message}\n${at}\n    at run (file:///app/backend/src/models/task.ts:2:2)`
  return error
}

/** The line a logger of the server writes. */
function logged(...args: Parameters<ReturnType<typeof pino>['error']>): string {
  const lines: string[] = []
  const log = pino(loggerOptions('info'), { write: (line: string) => void lines.push(line) })
  log.error(...args)
  return lines.join('')
}

describe('a text for the log', () => {
  for (const [text, expected] of [
    ['550 no <alice@example.com> here', '550 no <…> here'],
    ['no "alice b"@example.com here', 'no … here'],
    ['alice+tag@bücher.example, away', '…, away'],
    ['to=alice%40example.com', 'to=…'],
    ['(email)=(alice@example.com) already exists', '(email)=(…) already exists'],
    ['connect postgres://alice:s3cret@db.example:5432/todo now', 'connect postgres://… now'],
    ['connect postgres://alice:s3cret/p@ss?x@db/todo now', 'connect postgres://… now'],
    ['connect postgres://alice:s3cret wörd@db/todo now', 'connect postgres://… now'],
    ['smtps://alice:s3cret@mail.example', 'smtps://…'],
    ['GET https://alice:s3cret@example.com/a', 'GET https://…'],
    ['GET https://example.com:8443/cb?state=s3cret#s3cret', 'GET https://example.com:8443/…'],
    ['listens on http://localhost:8000', 'listens on http://localhost:8000'],
    ['host=db password=s3cret user=todo', 'host=db password=… user=todo'],
    [`token=${CODE}`, 'token=…'],
    [`the token ${JWT} is bad`, 'the token … is bad'],
    [`Authorization: Bearer ${CODE}`, 'Authorization: Bearer …'],
    [`reset-password:${CODE} is gone`, 'reset-password… is gone'],
    [`/reset-password/${CODE}?callbackURL=`, '/reset-password…?callbackURL='],
    [`the code ${CODE}`, 'the code …'],
    [`${'0123456789abcdef'.repeat(2)}:x`, '…:x'],
    ["reading 'statementsInFlightLimit'", "reading 'statementsInFlightLimit'"],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['task 019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90', 'task 019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90'],
    ['account_providerId_accountId_key', 'account_providerId_accountId_key'],
  ] as const) {
    it(`${text.slice(0, 50)} becomes ${expected}`, () => assert.equal(redactText(text), expected))
  }

  it('for the operator has no password, and keeps the addresses that were typed', () => {
    const text = 'There is no account alice@example.com in postgres://todo:s3cret@db/todo'
    assert.equal(withoutSecrets(text), 'There is no account alice@example.com in postgres://…')
    assert.match(
      withoutSecrets('takes postgres://user:password@host/database'),
      /user:password@host/,
    )
  })

  it('is cut after 2 000 characters, and not in the middle of an address', () => {
    assert.equal(redactText(`${'x '.repeat(998)}alice@example.com`), `${'x '.repeat(998)}…`)
  })
})

describe('an error in the log', () => {
  it('of our own keeps its type, its message and its frames', () => {
    const error = new TypeError("Cannot read properties of undefined (reading 'id')")
    const { type, message, stack } = describeError(error)
    assert.deepEqual([type, message], ['TypeError', error.message])
    assert.match(String(stack), /^TypeError: Cannot read .*\n {4}at .*redact\.test\.ts:\d+:\d+/)
  })

  it('of our own keeps its frames across what it waited for', async () => {
    const fail = async () => {
      await Promise.resolve()
      throw new Error('of our own')
    }
    const error = await Promise.all([(async () => await fail())()]).catch((one: unknown) => one)
    const { message, stack } = describeError(error)
    assert.equal(message, 'of our own')
    assert.match(String(stack), /\n {4}at fail .*\n {4}at async .*redact\.test\.ts:\d+:\d+/)
  })

  it('of our own has no address and no token in its message', () => {
    const { message, stack } = describeError(new Error(`no mail to alice@example.com: ${JWT}`))
    assert.equal(message, 'no mail to …: …')
    assert.match(String(stack), /^Error: no mail to …: …\n/)
  })

  it('of our own tells what it was caused by, as deep as five', () => {
    let error: Error = foreign('alice', { code: '23505' })
    for (let depth = 0; depth < 3; depth += 1) error = new AppError('conflict', { cause: error })
    assert.equal(describeError(error).cause?.cause?.cause?.code, '23505')
    const endless = new Error('round')
    endless.cause = endless
    assert.ok(JSON.stringify(describeError(endless)).length < 20_000)
  })

  for (const [what, error, facts] of [
    [
      'PostgreSQL',
      foreign('value too long: alice', {
        ...{ severity: 'ERROR', code: '23505', detail: 'Key (email)=(alice@example.com) exists' },
        ...{
          schema: 'todo_auth',
          table: 'user',
          constraint: 'user_email_key',
          routine: '_bt_check',
        },
        ...{ where: 'PL/pgSQL: alice', hint: 'alice', internalQuery: 'select alice' },
      }),
      { code: '23505', table: 'user', constraint: 'user_email_key', routine: '_bt_check' },
    ],
    [
      'a mail server',
      foreign('550 alice', {
        ...{ code: 'EENVELOPE', responseCode: 550, command: 'RCPT TO', response: '550 alice' },
        ...{ rejected: ['alice@example.com'], rejectedErrors: [foreign('alice')] },
      }),
      { code: 'EENVELOPE', responseCode: 550, command: 'RCPT TO' },
    ],
    [
      'a provider of sign-ins',
      foreign('Bad Request', { status: 400, error: { error_description: 'alice@example.com' } }),
      { status: 400 },
    ],
    [
      'a system call',
      foreign('getaddrinfo alice', { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'db.x' }),
      { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'db.x' },
    ],
    ['a code that is a person', foreign('x', { code: 'alice@example.com', host: CODE }), {}],
  ] as const) {
    it(`of ${what} keeps its codes and none of its words`, () => {
      for (const err of [error, new AppError('internal_error', { cause: error })]) {
        const line = logged({ err }, 'it failed')
        for (const secret of SECRETS) assert.ok(!line.includes(secret), line)
        const { cause = describeError(err) } = JSON.parse(line).err
        for (const [name, value] of Object.entries(facts)) assert.equal(cause[name], value, name)
        assert.match(cause.stack, /models\/task\.ts:2:2/)
      }
    })
  }

  it('which quotes what could not be parsed has none of it', () => {
    const attempts = [
      () => JSON.parse('alice@example.com'),
      () => new URL('alice s3cret'),
      () => 'x'.normalize('alice'),
      () => new Headers([['x', 'alice\n']]),
    ]
    for (const attempt of attempts) {
      try {
        attempt()
        assert.fail('nothing was thrown')
      } catch (err) {
        const line = logged({ err }, 'it failed')
        for (const secret of SECRETS) assert.ok(!line.includes(secret), line)
      }
    }
  })

  it('has none of a message that looks like frames', () => {
    const error = foreign('x\n    at alice (/app/a.ts:1:1)\nalice\n    at alice@example.com:1:1')
    const line = logged({ err: error }, 'it failed')
    for (const secret of SECRETS) assert.ok(!line.includes(secret), line)
  })

  it('of several at once has the codes of each', () => {
    const all = [
      foreign('alice', { code: 'ECONNREFUSED' }),
      foreign('alice', { code: 'EHOSTDOWN' }),
    ]
    const line = logged({ err: new AggregateError(all, 'alice@example.com') }, 'it failed')
    for (const secret of SECRETS) assert.ok(!line.includes(secret), line)
    assert.match(line, /ECONNREFUSED.*EHOSTDOWN/)
  })

  it('that is none, or will not be looked at, is no fault', () => {
    const hostile = Object.defineProperty(new Error('x'), 'code', { get: () => assert.fail() })
    for (const err of [null, undefined, 'alice', 7, { message: 'alice' }, hostile]) {
      assert.ok(!logged({ err }, 'it failed').includes('alice'))
    }
  })

  it('does not lend the line its message, however it is logged', () => {
    const error = foreign('alice@example.com')
    for (const line of [logged(error), logged({ err: error }), logged(error, 'to alice@x.y')]) {
      for (const secret of SECRETS) assert.ok(!line.includes(secret), line)
    }
    assert.equal(JSON.parse(logged(error)).err.type, 'Error')
  })
})

describe('the details of a message', () => {
  it('keep facts, and lose secrets, addresses and names', () => {
    const detail = {
      path: '/callback/github',
      status: 400,
      errors: [
        { error: 'bad_verification_code', error_description: `for alice@example.com ${JWT}` },
      ],
      ...{
        access_token: 's3cret',
        code: CODE,
        state: 'state=',
        displayName: 'wörd',
        email: 'alice',
      },
      cause: foreign('alice'),
    }
    const logged = redactDetail(detail)
    const text = JSON.stringify(logged)
    for (const secret of SECRETS) assert.ok(!text.includes(secret), secret)
    for (const fact of ['/callback/github', '400', 'bad_verification_code', 'withheld']) {
      assert.ok(text.includes(fact), fact)
    }
  })

  it('are bounded', () => {
    const loop: { again?: object; many: number[] } = { many: Array(1_000).fill(1) }
    loop.again = loop
    assert.ok(JSON.stringify(redactDetail(loop)).length < 1_000)
    const hostile = {
      get path() {
        throw new Error('no')
      },
      size: 1n,
    }
    assert.deepEqual(redactDetail(hostile), { path: undefined, size: '1' })
  })
})
