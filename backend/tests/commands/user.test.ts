import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createAccount, newAddress } from '../../src/accounts/administer.ts'
import { readStatistics } from '../../src/database/statistics.ts'
import { auth, BEHIND_PROXY, PASSWORD, signIn } from '../support/accounts.ts'
import { startApp, type TestApp } from '../support/app.ts'
import type { Rows, TestDatabase } from '../support/databases.ts'
import type { Run } from '../support/process.ts'
import { runUser } from '../support/user-command.ts'

const TIME = String.raw`\d{4}-\d\d-\d\dT[\d:.]{12}Z`
const ENTRY = new RegExp(
  String.raw`^\w{32}\t[^\t\n]+@[^\t\n]+\t(verified|unverified)\t(enabled|disabled)\t${TIME}\t[^\t\n]+$`,
)
const NO_ACCOUNT = 2

/** A command that ends with one line of why, and with nothing on standard output. */
function assertRefused(
  { code, stdout, stderr }: Run,
  reason: RegExp,
  what = '',
  expectedCode = 1,
): void {
  assert.deepEqual([code, stdout], [expectedCode, ''], what + stderr)
  assert.match(stderr, /^[^\n]+\n$/, what)
  assert.match(stderr, reason, what)
}

describe('npm run user', () => {
  let server: TestApp
  let test: TestDatabase
  before(async () => {
    server = await startApp('postgres', { ...BEHIND_PROXY, SIGN_UP: 'off' })
    test = server.test
  })
  after(() => server.close())

  const user = (parameters: string[], input?: string | Buffer) => runUser(server, parameters, input)

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

  describe('create: refuses what sign-up would refuse', () => {
    const TAKEN = /^An account with the address taken@example\.com already exists\n$/
    const ADDRESS = / is not an e-mail address\n?$/
    const CHARACTERS = /The password must have 8 to 128 characters, and no U\+0000\n?$/
    const NAME = /The name must have 1 to 200 characters\n?$/
    const LATIN = Buffer.from('not UTF-8 \xff', 'latin1')
    let unchanged: Rows
    const people = () => test.admin('select * from todo_auth."user" order by id')
    before(async () => {
      await create('taken@example.com')
      unchanged = await people()
    })
    after(async () => assert.deepEqual(await people(), unchanged))

    const cases: [what: string, string[], string | Buffer, RegExp][] = [
      ['an address that is taken', ['taken@example.com'], PASSWORD, TAKEN],
      ['the same in capital letters', ['TAKEN@Example.com'], PASSWORD, TAKEN],
      ['an address of no domain', ['refused@localhost'], PASSWORD, ADDRESS],
      ['a password with U+0000', ['refused@example.com'], 'with\0 a zero', CHARACTERS],
      ['a password that is not UTF-8', ['refused@example.com'], LATIN, /is not UTF-8\n$/],
      ['a long name', ['refused@example.com', '--name', 'x'.repeat(201)], PASSWORD, NAME],
    ]
    for (const [what, parameters, input, reason] of cases) {
      it(what, async () => assertRefused(await user(['create', ...parameters], input), reason))
    }

    it('and each other address, password and name', async () => {
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
    })
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

  it('list: a page of accounts, and how to get the next', async () => {
    await test.admin(`insert into todo_auth."user" (id, name, email, "emailVerified")
      select lpad(n::text, 32, '0'), 'Page ' || n, lpad(n::text, 3, '0') || '@many.example', false
      from generate_series(1, 250) n`)
    const first = await user(['list', '@MANY'])
    assert.equal(first.code, 0)
    assert.equal(first.stderr, 'There are more accounts. Continue with --after 100@many.example\n')
    const lines = first.stdout.trimEnd().split('\n')
    for (const line of lines) assert.match(line, ENTRY)
    assert.equal(lines.length, 100)
    assert.match(lines[99] ?? '', /\t100@many\.example\tunverified\tenabled\t\S+\tPage 100$/)
    const [rest, named] = await Promise.all([
      user(['list', '@many', '--after', '100@MANY.example', '--limit', '150', '--json']),
      user(['list', 'pAGE 25']),
    ])
    assert.deepEqual([rest.code, rest.stderr], [0, ''])
    const json = rest.stdout.trimEnd().split('\n')
    assert.equal(json.length, 150)
    const { createdAt, ...account } = JSON.parse(json[0] ?? '')
    assert.match(createdAt, new RegExp(`^${TIME}$`))
    assert.deepEqual(account, {
      id: '101'.padStart(32, '0'),
      email: '101@many.example',
      name: 'Page 101',
      ...{ emailVerified: false, disabled: false },
    })
    assert.deepEqual(
      named.stdout.match(/\d+@many/g),
      ['025@many', '250@many'],
      'a part of the name in any case',
    )
    await test.admin(`delete from todo_auth."user" where email like '%@many.example'`)
  })

  it('list: the characters of a name cannot control the terminal', async () => {
    const name = 'a\u001b[2Jb\u009bc\u202ed\ne'
    await test.admin(
      `insert into todo_auth."user" (id, name, email, "emailVerified") values ('esc', $1, 'esc@example.com', false)`,
      [name],
    )
    const [plain, json] = await Promise.all([
      user(['list', 'esc@']),
      user(['list', 'esc@', '--json']),
    ])
    assert.match(plain.stdout, /\ta\\u001b\[2Jb\\u009bc\\u202ed\\u000ae\n$/)
    assert.match(json.stdout, /^[\x20-\x7e]+\n$/)
    assert.equal(JSON.parse(json.stdout).name, name)
  })

  it('disable and enable: no session, no sign-in, and the tasks stay', async () => {
    const id = await create('off@example.com')
    const { session, token } = await enter('off@example.com')
    assert.equal((await tasks('POST', id, token)).status, 201)
    const disabled = await user(['disable', 'OFF@example.com'])
    assert.deepEqual([disabled.code, disabled.stderr], [0, ''])
    assert.match(disabled.stdout, /^off@example\.com is disabled: [^\n]+\n$/)
    assert.equal((await auth(server, 'GET', '/token', { session })).status, 401)
    const refused = await signIn(server, 'off@example.com')
    assert.deepEqual(
      [refused.status, refused.json.detail, refused.json.code],
      [403, 'The operator has disabled this account', 'BANNED_USER'],
    )
    // Only the password reveals that the account is disabled.
    assert.equal((await signIn(server, 'off@example.com', 'another horse battery')).status, 401)
    assert.match((await user(['list', 'off@'])).stdout, /\tdisabled\t/)
    const enabled = await user(['enable', id, '--json'])
    assert.deepEqual(JSON.parse(enabled.stdout), { id, email: 'off@example.com', disabled: false })
    const again = await enter('off@example.com')
    const { json } = await auth(server, 'GET', '/get-session', { session: again.session })
    assert.equal(json.user.id, id)
    assert.ok(!Object.keys(json.user).some((name) => /disabled/i.test(name)))
    assert.equal((await tasks('GET', id, again.token)).json.length, 1)
  })

  it('disable: a sign-in at the same moment leaves no session', async () => {
    const id = await create('race@example.com')
    const session = (n: number) =>
      test.admin(
        `insert into todo_auth.session (id, token, "userId", "expiresAt", "updatedAt")
         values ('race' || $1, 'race' || $1, $2, now() + interval '1 day', now())`,
        [n, id],
      )
    const disable = () =>
      test.admin('update todo_auth."user" set disabled_at = now() where id = $1', [id])
    await session(0)
    const settled = await Promise.allSettled([session(1), disable(), session(2), session(3)])
    for (const each of settled) {
      if (each.status === 'rejected') assert.equal(each.reason.code, 'TD403')
    }
    await assert.rejects(session(4), { code: 'TD403' })
    const left = await test.admin('select id from todo_auth.session where "userId" = $1', [id])
    assert.deepEqual(left, [])
  })

  it('sessions: each with its device, address and times, without its token; --end ends them', async () => {
    const id = await create('devices@example.com')
    const signedIn = await auth(server, 'POST', '/sign-in/email', {
      body: { email: 'devices@example.com', password: PASSWORD },
      headers: { 'user-agent': 'Phone \u009b2J' },
      from: '203.0.113.9',
    })
    assert.equal(signedIn.status, 200)
    const [plain, json] = await Promise.all([
      user(['sessions', id]),
      user(['sessions', 'devices@example.com', '--json']),
    ])
    const line = String.raw`^\w{32}\t${TIME}\t${TIME}\t${TIME}\t203\.0\.113\.9\tPhone \S*\\u009b2J\n$`
    assert.match(plain.stdout, new RegExp(line))
    assert.doesNotMatch(plain.stdout + json.stdout, new RegExp(signedIn.json.token))
    const listed = JSON.parse(json.stdout)
    assert.deepEqual(Object.keys(listed), [
      ...['id', 'device', 'address', 'createdAt', 'renewedAt', 'expiresAt'],
    ])
    const ended = await user(['sessions', id, '--end', '--json'])
    assert.deepEqual(JSON.parse(ended.stdout), { id, email: 'devices@example.com', ended: 1 })
    const { token: session } = signedIn.json
    assert.equal((await auth(server, 'GET', '/token', { session })).status, 401)
    assert.equal((await user(['sessions', id])).stdout, '')
  })

  it('stats: counts, and an estimate above the bound', async () => {
    const [expected] =
      await test.admin(`select (select count(*)::int from todo_auth."user") as people,
      (select count(*)::int from todo_auth."user" where disabled_at is not null) as disabled,
      (select count(*)::int from todo_auth.session) as sessions,
      (select count(*)::int from todo.users) as users, (select count(*)::int from todo.tasks) as tasks`)
    assert.ok(Number(expected?.tasks) > 0)
    const { stdout, stderr } = await user(['stats', '--json'])
    const exact = Object.entries(expected ?? {}).map(([name, count]) => [
      name,
      { count, exact: true },
    ])
    assert.deepEqual([JSON.parse(stdout), stderr], [Object.fromEntries(exact), ''])
    await test.admin('analyze todo_auth."user"')
    const { people } = await readStatistics(test.connector, 2)
    assert.deepEqual(people, { count: expected?.people, exact: false })
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

  it('refuses what it does not know, in one line', async () => {
    const USAGE = /^Usage: npm run user -- create \| list /
    const NOBODY = /^There is no account nobody/
    const cases: [string[], RegExp][] = [
      [[], USAGE],
      [['rename', 'alice@example.com'], USAGE],
      [['create'], /^Usage: npm run user -- create <email>/],
      [['create', 'a@example.com', PASSWORD], /^Usage: npm run user -- create <email>/],
      [
        ['create', 'a@example.com', '--password', PASSWORD],
        /^Unknown argument --password\. Usage: /,
      ],
      [['list', '--yes'], /^Unknown argument --yes\. Usage: npm run user -- list /],
      [['list', '--limit', '0'], /^--limit takes a whole number from 1 to 10000/],
      [['stats', 'now'], /^Usage: npm run user -- stats \[--json\]/],
    ]
    for (const [parameters, reason] of cases) {
      assertRefused(await user(parameters, PASSWORD), reason, String(parameters))
    }
    for (const parameters of [
      ['delete', 'nobody@example.com', '--yes'],
      ['sessions', 'nobody\u001b'],
    ]) {
      assertRefused(await user(parameters), NOBODY, String(parameters), NO_ACCOUNT)
    }
  })
})
