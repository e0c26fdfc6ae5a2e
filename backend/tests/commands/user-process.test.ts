import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { scryptPasswords } from '../../src/accounts/passwords.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { connectPglite } from '../../src/database/pglite/pglite.ts'
import { auth, BEHIND_PROXY, PASSWORD, signIn } from '../support/accounts.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { embeddedFolder } from '../support/databases.ts'
import { type Run, run } from '../support/process.ts'

const TIME = String.raw`\d{4}-\d\d-\d\dT[\d:.]{12}Z`
const ENTRY = new RegExp(
  String.raw`^\w{32}\t[^\t\n]+@[^\t\n]+\t(verified|unverified)\t(enabled|disabled)\t${TIME}\t[^\t\n]+$`,
)
const SIGN_UP_OFF = { SIGN_UP: 'off' }

/** A command that ends with one line of why, and with nothing on standard output. */
function assertRefused({ code, stdout, stderr }: Run, expectedCode: number, reason: RegExp): void {
  assert.deepEqual([code, stdout], [expectedCode, ''], stderr)
  assert.match(stderr, /^[^\n]+\n$/)
  assert.match(stderr, reason)
}

describe('npm run user as a process', { concurrency: 2 }, () => {
  let server: TestApp
  let url: string
  before(async () => {
    server = await startApp('postgres', { ...BEHIND_PROXY, ...SIGN_UP_OFF }, undefined, undefined, {
      // The command hashes at the server's own cost.
      passwords: scryptPasswords(),
    })
    const { config } = server.test
    url = config.kind === 'postgres' ? config.url : ''
  })
  after(() => server.close())

  const user = (parameters: string[], input?: string, environment = {}) =>
    run(
      'commands/user.ts',
      parameters,
      { DATABASE_URL: url, ...SIGN_UP_OFF, ...environment },
      input,
    )

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
    const headers = { authorization: `Bearer ${token}` }
    const created = { as: null, headers, body: { title: 'x' } }
    assert.equal((await server.send('POST', `/api/${id}/tasks`, created)).status, 201)
    const { stdout: listed } = await user(['list', 'alice@'])
    assert.match(listed.trimEnd(), ENTRY)
  })

  it('2 where there is no such account, and 1 for every other failure, each in one line', async () => {
    const password = `${PASSWORD}\n`
    assertRefused(await user(['create'], password), 1, /^Usage: npm run user -- create <email>/)
    assertRefused(await user(['create', 'refused@localhost'], password), 1, / is not an e-mail /)
    assertRefused(await user(['list'], '', { ACCOUNTS: 'off' }), 1, /^ACCOUNTS is off/)
    const nobody = await user(['delete', 'nobody@example.com', '--yes'])
    assertRefused(nobody, 2, /^There is no account nobody@example\.com\n$/)
  })

  it('prints the usage of each action for --help', async () => {
    const { stdout } = await user(['--help'])
    assert.match(stdout, /^Usage: [^\n]+\n$/)
    for (const action of ['disable', 'stats']) {
      const help = await user([action, '--help'])
      assert.deepEqual([help.code, help.stderr], [0, ''])
      assert.match(help.stdout, new RegExp(`^Usage: npm run user -- ${action} [^\n]+\n$`))
      assert.ok(stdout.includes(action))
    }
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
    const id = created.stdout.split('\t')[0]
    const disabled = await user(['disable', 'alice@example.com', '--json'])
    assert.deepEqual(JSON.parse(disabled.stdout), {
      id,
      email: 'alice@example.com',
      disabled: true,
    })
    const stats = JSON.parse((await user(['stats', '--json'])).stdout)
    assert.deepEqual([stats.people.count, stats.disabled.count, stats.tasks.count], [1, 1, 0])
    const session = await withDirectClient(open.direct, (client) => client.query('select 1 as one'))
    assert.deepEqual(session.rows, [{ one: 1 }])
    await open.close()
    await rm(folder, { recursive: true })
  })
})
