import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { createAccount, newAddress } from '../../src/accounts/administer.ts'
import { scryptPasswords } from '../../src/accounts/passwords.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { auth, BEHIND_PROXY, PASSWORD, signIn } from '../support/accounts.ts'
import { PATIENT, serve } from '../support/app.ts'
import { embeddedFolder, openTestDatabase, type TestDatabase } from '../support/databases.ts'
import { type Run, run } from '../support/process.ts'

const ENTRY = /^\w{32}\t[^\t\n]+@[^\t\n]+\t(verified|unverified)\t\d{4}-\d\d-\d\dT[\d:.]{12}Z$/
const SIGN_UP_OFF = { SIGN_UP: 'off' }

/** More processes at once would only wait for each other. */
async function twoAtATime<Case>(cases: readonly Case[], work: (one: Case) => Promise<void>) {
  const left = cases.values()
  const next = async () => {
    for (const one of left) await work(one)
  }
  await Promise.all([next(), next()])
}

/** A command that ends with one line of why, and with nothing on standard output. */
function assertRefused({ code, stdout, stderr }: Run, reason: RegExp, what = ''): void {
  assert.deepEqual([code, stdout], [1, ''], what + stderr)
  assert.match(stderr, /^[^\n]+\n$/, what)
  assert.match(stderr, reason, what)
}

describe('npm run user', () => {
  let test: TestDatabase
  let server: Awaited<ReturnType<typeof serve>>
  let url: string
  before(async () => {
    test = await openTestDatabase('postgres', 4, { ...LIMITS, ...PATIENT })
    url = test.config.kind === 'postgres' ? test.config.url : ''
    const environment = { ...BEHIND_PROXY, ...SIGN_UP_OFF }
    server = await serve(test.database, environment, {
      connector: test.connector,
      limits: PATIENT,
      // The command hashes at the server's own cost.
      accounts: { passwords: scryptPasswords() },
    })
  })
  after(async () => {
    await server.app.close()
    await test.close()
  })

  const user = (parameters: string[], input?: string | Buffer, environment = {}) =>
    run(
      'commands/user.ts',
      parameters,
      { DATABASE_URL: url, ...SIGN_UP_OFF, ...environment },
      input,
    )

  /** As the command does it, without a process. */
  async function create(given: string): Promise<string> {
    assert.ok(server.accounts)
    const email = await newAddress(server.accounts, given)
    const account = { email, name: 'x', password: PASSWORD }
    return (await createAccount(server.accounts, account)).id
  }

  /** The token of a session, and one for the tasks. */
  async function enter(email: string): Promise<{ session: string; token: string }> {
    const { status, json } = await signIn(server, email)
    assert.equal(status, 200)
    const { token } = (await auth(server, 'GET', '/token', { session: json.token })).json
    return { session: json.token, token }
  }

  const tasks = (method: string, id: string, token: string) =>
    server.send(method, `/api/${id}/tasks`, {
      as: null,
      headers: { authorization: `Bearer ${token}` },
      ...(method === 'POST' && { body: { title: 'x' } }),
    })

  it('create: the first line of standard input is the password, also where sign-up is off', async () => {
    const parameters = ['create', 'Alice@Example.com', '--name', 'Alice B.']
    const { code, stdout, stderr } = await user(parameters, `${PASSWORD}\r\nnot this\n`)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^\w{32}\talice@example\.com\n$/)
    const { status, json } = await signIn(server, 'alice@example.com')
    assert.equal(status, 200)
    const { id, name, emailVerified } = json.user
    assert.deepEqual(
      [`${id}\talice@example.com\n`, name, emailVerified],
      [stdout, 'Alice B.', true],
    )
    const { token } = (await auth(server, 'GET', '/token', { session: json.token })).json
    assert.equal((await tasks('POST', id, token)).status, 201)
  })

  it('create: without a password a strong one is made, and printed', async () => {
    const made = await Promise.all(
      [undefined, '', '\r\n'].map((input, n) => user(['create', `made${n}@example.com`], input)),
    )
    const passwords = made.map(({ stdout }) => /\npassword\t([\w-]{24})\n$/.exec(stdout)?.[1] ?? '')
    assert.equal(new Set(passwords).size, 3)
    for (const [n, password] of passwords.entries()) {
      const { status, json } = await signIn(server, `made${n}@example.com`, password)
      assert.deepEqual([status, json.user?.name], [200, `made${n}`])
    }
  })

  it('create: refuses an address, a name or a password that sign-up would refuse', async () => {
    const TAKEN = /^An account with the address taken@example\.com already exists\n$/
    const ADDRESS = / is not an e-mail address\n?$/
    const CHARACTERS = /The password must have 8 to 128 characters, and no U\+0000\n?$/
    const NAME = /The name must have 1 to 200 characters\n?$/
    await create('taken@example.com')
    const { stdout: unchanged } = await user(['list'])
    const cases: [string[], string | Buffer, RegExp][] = [
      [['taken@example.com'], PASSWORD, TAKEN],
      [['TAKEN@Example.com'], PASSWORD, TAKEN],
      [['refused@localhost'], PASSWORD, ADDRESS],
      [['refused@example.com'], 'with\0 a zero', CHARACTERS],
      [['refused@example.com'], Buffer.from('not UTF-8 \xff', 'latin1'), /is not UTF-8\n$/],
      [['refused@example.com', '--name', 'x'.repeat(201)], PASSWORD, NAME],
    ]
    await twoAtATime(cases, async ([parameters, input, reason]) =>
      assertRefused(await user(['create', ...parameters], input), reason, String(parameters)),
    )
    const { accounts } = server
    assert.ok(accounts)
    for (const given of ['refused', 'refused@localhost', 'refused\t@example.com']) {
      await assert.rejects(newAddress(accounts, given), ADDRESS, given)
    }
    const good = { email: 'refused@example.com', name: 'x', password: PASSWORD }
    for (const password of ['x'.repeat(7), 'x'.repeat(129), '🔑'.repeat(65), 'with\0 a zero']) {
      await assert.rejects(createAccount(accounts, { ...good, password }), CHARACTERS, password)
    }
    for (const name of ['', 'x'.repeat(201)]) {
      await assert.rejects(createAccount(accounts, { ...good, name }), NAME, name)
    }
    assert.equal((await user(['list'])).stdout, unchanged)
  })

  it('create: one address at once is one account, and half an account is none', async () => {
    const both = await Promise.all([1, 2].map(() => user(['create', 'once@example.com'], PASSWORD)))
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1])
    for (const each of both) if (each.code === 1) assertRefused(each, /already exists\n$/)

    // An index of the operator's, which the start does not mind, and which a new password breaks.
    const [there] = await test.admin(
      `select coalesce(string_agg(quote_literal(id), ', '), '') as ids from todo_auth.account`,
    )
    await test.admin(
      `create index no_password on todo_auth.account ((1 / (password is null)::int)) where id not in (${there?.ids})`,
    )
    assertRefused(await user(['create', 'half@example.com'], PASSWORD), /division by zero/)
    await test.admin('drop index todo_auth.no_password')
    const { stdout } = await user(['list'])
    assert.match(stdout, /\tonce@example\.com\t/)
    assert.doesNotMatch(stdout, /half@/)
  })

  it('list: each account is a line, however many there are', async () => {
    await test.admin(`insert into todo_auth."user" (id, name, email, "emailVerified")
      select lpad(n::text, 32, '0'), 'x', n || '@many.example', false from generate_series(1, 2500) n`)
    const { code, stdout, stderr } = await user(['list'])
    assert.deepEqual([code, stderr], [0, ''])
    const lines = stdout.trimEnd().split('\n')
    for (const line of lines) assert.match(line, ENTRY)
    const [everybody] = await test.admin('select count(*)::int as n from todo_auth."user"')
    assert.deepEqual([lines.length, new Set(lines).size], [everybody?.n, everybody?.n])
    assert.equal(lines.filter((line) => /@many\.example\tunverified\t/.test(line)).length, 2500)
    await test.admin(`delete from todo_auth."user" where email like '%@many.example'`)
  })

  it('delete: by address or id the account goes with its tasks, and its token is worth nothing', async () => {
    const emails = ['Gone@example.com', 'gone2@example.com', 'stays@example.com']
    const people = await Promise.all(
      emails.map(async (email) => {
        const id = await create(email)
        const { token } = await enter(email)
        assert.equal((await tasks('POST', id, token)).status, 201)
        return { id, token }
      }),
    )
    const [, second, stays] = people
    const deleted = await Promise.all([
      user(['delete', 'GONE@example.com', '--yes']),
      user(['delete', second?.id ?? '', '--yes']),
    ])
    assert.deepEqual(
      deleted.map(({ stdout }) => stdout),
      ['Deleted gone@example.com\n', 'Deleted gone2@example.com\n'],
    )
    for (const { id, token } of people.slice(0, 2)) {
      assert.equal((await tasks('GET', id, token)).status, 401)
      assert.equal((await tasks('POST', id, token)).status, 401)
    }
    assert.equal((await signIn(server, 'gone@example.com')).status, 401)
    assert.equal((await tasks('GET', stays?.id ?? '', stays?.token ?? '')).json.length, 1)
    const left = await test.admin('select user_id from todo.tasks where user_id = any($1)', [
      people.map(({ id }) => id),
    ])
    assert.deepEqual(left, [{ user_id: stays?.id }])
  })

  it('delete: without a terminal and --yes nothing is deleted', async () => {
    await create('asked@example.com')
    const refused = await user(['delete', 'asked@example.com'], 'asked@example.com\n')
    assertRefused(refused, /^To delete asked@example\.com without a terminal, add --yes/)
    assert.equal((await signIn(server, 'asked@example.com')).status, 200)
  })

  it('reset-password: sessions end, and the new password alone signs in', async () => {
    const id = await create('reset@example.com')
    const { session } = await enter('reset@example.com')
    const { code, stdout, stderr } = await user(['reset-password', id], 'another horse battery\n')
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^reset@example\.com has a new password and no session\. [^\n]+\n$/)
    assert.equal((await auth(server, 'GET', '/token', { session })).status, 401)
    assert.equal((await signIn(server, 'reset@example.com')).status, 401)
    assert.equal((await signIn(server, 'reset@example.com', 'another horse battery')).status, 200)
    assertRefused(await user(['reset-password', id], 'short'), /8 to 128/)
    assert.equal((await signIn(server, 'reset@example.com', 'another horse battery')).status, 200)
  })

  it('reset-password: who came by a provider gets a password beside it', async () => {
    await test.admin(`with person as (
        insert into todo_auth."user" (id, name, email, "emailVerified")
        values ('by-google', 'x', 'google@example.com', true) returning id)
      insert into todo_auth.account (id, "accountId", "providerId", "userId", "updatedAt")
      select 'google', '1234', 'google', id, now() from person`)
    const { stdout } = await user(['reset-password', 'google@example.com'])
    const password = /\npassword\t([\w-]{24})\n$/.exec(stdout)?.[1]
    assert.equal((await signIn(server, 'google@example.com', password)).status, 200)
    const ways = `select "providerId" as way from todo_auth.account where "userId" = 'by-google' order by 1`
    assert.deepEqual(await test.admin(ways), [{ way: 'credential' }, { way: 'google' }])
  })

  it('refuses what it does not know, and a server without accounts, in one line', async () => {
    const USAGE = /^Usage: npm run user -- create <email>/
    const NOBODY = /^There is no account nobody/
    const cases: [string[], RegExp, object?][] = [
      [[], USAGE],
      [['rename', 'alice@example.com'], USAGE],
      [['create'], USAGE],
      [['create', 'a@example.com', PASSWORD], USAGE],
      [
        ['create', 'a@example.com', '--password', PASSWORD],
        /^Unknown argument --password\. Usage: /,
      ],
      [['list', '--yes'], USAGE],
      [['delete', 'nobody@example.com', '--yes'], NOBODY],
      [['reset-password', 'nobody'], NOBODY],
      [['list'], /^ACCOUNTS is off/, { ACCOUNTS: 'off' }],
    ]
    await twoAtATime(cases, async ([parameters, reason, environment]) =>
      assertRefused(await user(parameters, PASSWORD, environment), reason, String(parameters)),
    )
  })
})

describe('npm run user on the embedded database', () => {
  it('creates the tables if they are missing, and works beside a running server', async () => {
    const folder = await embeddedFolder('empty')
    const user = (parameters: string[], input?: string) =>
      run('commands/user.ts', parameters, { DATABASE_URL: `pglite:${folder}` }, input)
    const created = await user(['create', 'alice@example.com'], PASSWORD)
    assert.deepEqual([created.code, created.stderr], [0, ''])
    const open = await connectPglite(folder)
    const { stdout, stderr } = await user(['list'])
    assert.equal(stderr, '')
    assert.match(stdout.trimEnd(), ENTRY)
    assert.equal(stdout.split('\t')[0], created.stdout.split('\t')[0])
    const session = await withDirectClient(open.direct, (client) => client.query('select 1 as one'))
    assert.deepEqual(session.rows, [{ one: 1 }])
    await open.close()
    await rm(folder, { recursive: true })
  })
})
