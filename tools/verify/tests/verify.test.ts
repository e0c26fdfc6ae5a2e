import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { BEHIND_PROXY } from '../../../backend/tests/support/accounts.ts'
import { startApp, type TestApp } from '../../../backend/tests/support/app.ts'
import { KINDS } from '../../../backend/tests/support/databases.ts'
import { Cut, type Fault, startFaulty } from '../../../backend/tests/support/faulty.ts'
import { run, runProgram, start } from '../../../backend/tests/support/process.ts'
import { CannotRun } from '../client.ts'
import { hasPassed, verify } from '../run.ts'

/** The path relative to `backend/src`. */
const VERIFY = '../../tools/verify/verify.ts'

const ROOT = new URL('../../../', import.meta.url)
const GOOD = /\n(\d+) checks, 0 failed, 0 foreign bytes\n$/

/** One of the servers is below a base path. */
const BASE = { pglite: '', postgres: '/todo' }

interface Tokens {
  a?: string | undefined
  b?: string | undefined
}

/** Runs the command as from a shell. */
const command = (parameters: string[], { a, b }: Tokens = {}) =>
  run(VERIFY, parameters, { TODO_TOKEN_A: a, TODO_TOKEN_B: b })

for (const kind of KINDS) {
  it(`a server that keeps users apart passes, and they keep their own tasks: ${kind}`, async () => {
    const test = await startApp(kind, { BASE_PATH: BASE[kind] })
    const people = ['auth0|a/b', 'Böb']
    for (const user of people) {
      const path = `${BASE[kind]}/api/${encodeURIComponent(user)}/tasks`
      await test.send('POST', path, { as: user, body: { title: 'their own' } })
    }
    const rows = 'select * from todo.tasks where purged_at is null order by id'
    const tasks = await test.admin(rows)
    const [a, b] = await Promise.all(people.map(test.token))
    const { code, stdout, stderr } = await command(
      [`http://127.0.0.1:${test.port}${BASE[kind]}/`],
      { a, b },
    )
    assert.deepEqual([code, stderr], [0, ''], stdout)
    assert.ok(Number(GOOD.exec(stdout)?.[1]) > 600, stdout)
    assert.match(stdout, /^(.+: \d+ checks, 0 failed\n){13}/)
    assert.equal(tasks.length, 2)
    assert.deepEqual(await test.admin(rows), tasks)
    await test.close()
  })
}

describe('npm run verify', () => {
  let test: TestApp
  let address: string
  let tokens: { a: string; b: string }
  before(async () => {
    test = await startApp('postgres', BEHIND_PROXY)
    address = `http://127.0.0.1:${test.port}`
    tokens = { a: await test.token('alice'), b: await test.token('bob') }
  })
  after(() => test.close())

  const noTasks = async () =>
    assert.deepEqual(await test.admin('select * from todo.tasks where purged_at is null'), [])

  it('as README has it: --sign-up makes two accounts and deletes them; --json has every check', async () => {
    const readme = await readFile(new URL('README.md', ROOT), 'utf8')
    const [line = ''] = /^npm run verify -- .*--sign-up$/m.exec(readme) ?? []
    const typed = line.replace('http://127.0.0.1:8000', address).replace('npm run', 'npm run -s')
    assert.ok(typed.includes(`${address} `))
    const { stdout, stderr } = await runProgram('sh', ['-c', `${typed} --json`], {
      cwd: ROOT,
    })
    assert.equal(stderr, '')
    const { checks, ...rest } = JSON.parse(stdout)
    assert.ok(checks.length > 600)
    assert.deepEqual(Object.keys(checks[0]), ['group', 'name', 'who'])
    assert.deepEqual(rest, { foreignBytes: 0, left: [] })
    assert.deepEqual(await test.admin('select * from todo_auth."user"'), [])
    await noTasks()
  })

  it('1 for a leak, each named, below a path and beyond a limit of requests', async () => {
    let limited = 0
    const server = await startFaulty(test.port, (request, passOn) => {
      const path = request.path.replace(/^\/below\/it(?=\/)/, '')
      if (path === request.path) return passOn({ ...request, path: '/' })
      limited += 1
      const headers = { 'retry-after': '1' }
      if (limited === 20) return Promise.resolve({ status: 429, headers, text: '' })
      // The server responds to the token of A on every path.
      const owner = /^\/api\/bob\//.test(path) ? tokens.b : tokens.a
      const authorization = request.headers.authorization === `Bearer ${tokens.a}`
      return passOn({
        ...request,
        path,
        headers: { ...request.headers, ...(authorization && { authorization: `Bearer ${owner}` }) },
      })
    })
    const { code, stdout, stderr } = await command([`${server.address}/below/it/`], tokens)
    await server.close()
    assert.equal(code, 1)
    assert.equal(stderr, 'A limit of requests is used up: waiting 1 s\n')
    assert.match(
      stdout,
      / {2}FAILED \(A on B\) GET \{other\} is answered 200 instead of 403, has \d+ bytes of another's tasks\n/,
    )
    assert.match(
      stdout,
      / {2}FAILED \(A on B\) DELETE \{other\}\/\{id of other\}: nothing changes tasks changed/,
    )
    assert.match(stdout, /\n\d+ checks, [1-9]\d* failed, [1-9]\d* foreign bytes\n$/)
    for (const token of Object.values(tokens)) assert.ok(!stdout.includes(token))
    await noTasks()
  })

  it('2 and everything deleted after Ctrl-C, a cut connection, and an end in the middle', async () => {
    let child: ReturnType<typeof start> | undefined
    const ends: Record<string, { after: number; fault: Fault; line: RegExp }> = {
      'Ctrl-C': {
        after: 100,
        fault: (request, passOn) => {
          child?.kill('SIGINT')
          return passOn(request)
        },
        line: /^Stopping after the tasks and accounts of this run are deleted\nStopped before the end\n$/,
      },
      'an answer to a new task that is lost': {
        after: 4,
        fault: async (request, passOn) => {
          await passOn(request)
          throw new Cut()
        },
        line: /does not answer POST \/api\/bob\/tasks: socket hang up\n$/,
      },
      'a refusal to make tasks': {
        after: 5,
        fault: async () => ({ status: 503, headers: {}, text: 'away' }),
        line: /^Not this API: where a task is made it answers 503 away\n$/,
      },
    }
    for (const [name, { after, fault, line }] of Object.entries(ends)) {
      let requests = 0
      const server = await startFaulty(test.port, (request, passOn) => {
        requests += 1
        return requests === after ? fault(request, passOn) : passOn(request)
      })
      const settings = { TODO_TOKEN_A: tokens.a, TODO_TOKEN_B: tokens.b }
      child = start(VERIFY, [server.address], settings)
      const closed = once(child, 'close')
      assert.ok(child.stdout && child.stderr)
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
      await server.close()
      assert.deepEqual([(await closed)[0], stdout], [2, ''], name)
      assert.match(stderr, line, name)
      assert.ok(requests > after, name)
      await noTasks()
    }
  })

  it('says what it could not delete, and deletes the rest', async () => {
    const server = await startFaulty(test.port, async (request, passOn) => {
      const deletion = request.method === 'DELETE' && request.path.startsWith('/api/alice/')
      const own = request.headers.authorization === `Bearer ${tokens.a}`
      const answer = await passOn(deletion && own ? { ...request, method: 'GET' } : request)
      return deletion && own && answer.status === 200 ? { ...answer, status: 500 } : answer
    })
    const lines: string[] = []
    const report = await verify({
      address: server.address,
      tokens: [tokens.a, tokens.b],
      stop: new AbortController().signal,
      groups: ['own tasks'],
      report: (line) => lines.push(line),
    })
    await server.close()
    assert.ok(report.checks.length > 0)
    assert.ok(!hasPassed(report))
    assert.ok(hasPassed({ ...report, left: [] }))
    const left = await test.admin(
      'delete from todo.tasks where deleted_at is null returning user_id, id',
    )
    assert.ok(left.length > 2)
    const path = ({ user_id, id }: Record<string, unknown>) => `/api/${user_id}/tasks/${id}`
    const line = (task: Record<string, unknown>) =>
      `Left behind, since it could not be deleted: ${path(task)}`
    assert.deepEqual(report.left.toSorted(), left.map(path).sort())
    assert.deepEqual(lines.sort(), left.map(line).sort())
    assert.ok(left.every(({ user_id }) => user_id === 'alice'))
  })

  it('2 and the usage for what it does not know, and never a token in it', async () => {
    const cases: [string[], Tokens, RegExp][] = [
      [[address, '--token', tokens.a], tokens, /^Unknown argument --token\. Usage: [^\n]+\n$/],
      [
        [address, tokens.a],
        tokens,
        /^Unknown argument …\. Usage: npm run verify -- <address>[^\n]+\n$/,
      ],
      [[address], { a: tokens.a }, /^TODO_TOKEN_B is not set\. Usage: [^\n]+\n$/],
      [
        [address, '--sign-up'],
        tokens,
        /^There are tokens, and --sign-up: leave one of them out\n$/,
      ],
    ]
    const runs = cases.map(async ([parameters, given, line]) => {
      const { code, stdout, stderr } = await command(parameters, given)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, line)
    })
    await Promise.all(runs)
  })

  it('one line of why where nothing can be found out', async () => {
    const other = createServer((_request, response) => response.end('<h1>It works!</h1>'))
    const moved = createServer((_request, response) =>
      response.writeHead(301, { location: 'https://todo.example.com/' }).end(),
    )
    const noAccounts = await startApp('postgres', { ACCOUNTS: 'off' })
    const verifies = await startApp('postgres', {
      SMTP_URL: 'smtp://127.0.0.1:1',
      SMTP_FROM: 'todo@example.com',
    })
    const addresses = []
    for (const server of [other, moved]) {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const at = server.address()
      addresses.push(`http://127.0.0.1:${typeof at === 'object' ? at?.port : ''}`)
    }
    const [elsewhere = '', away = ''] = addresses
    const unknown = `http://127.0.0.1:${noAccounts.port}`
    const verifying = `http://127.0.0.1:${verifies.port}`
    const { a, b } = tokens
    const cases: [string, [string, string] | null, RegExp][] = [
      ['localhost:8000', [a, b], /^localhost:8000 is no address such as https:/],
      [`${address}?x=1`, [a, b], /has more than a host and a path/],
      ['http://127.0.0.1:1', [a, b], /^http:\/\/127\.0\.0\.1:1\/ does not answer .*ECONNREFUSED/],
      ['https://127.0.0.1:1', [a, b], /^https:\/\/127\.0\.0\.1:1\/ does not answer .*ECONNREFUSED/],
      [elsewhere, [a, b], /^Not this API: GET \/api\/alice\/tasks is answered with 200\. Does the/],
      [away, [a, b], /^Not this API: .* with 301\. It leads to https:\/\/todo\.example\.com\/$/],
      [`${address}/api`, [a, b], /^Not this API: .* with 404\. Does the address/],
      [address, [a, b.slice(0, -8)], /^The server refuses the token of B: it expired, or/],
      [address, ['x', b], /^The token of A is no token of a user/],
      [address, [a, a], /^Both tokens are of the user alice: it takes/],
      [elsewhere, null, /^Not this API: POST \/api\/auth\/sign-up\/email is answered/],
      [unknown, null, /^No account can be made \(404 not_found\): set TODO_TOKEN_A/],
      [
        verifying,
        null,
        /^The server verifies addresses .* The account verify-\w+@todo\.invalid is left/,
      ],
    ]
    const stop = new AbortController().signal
    for (const [address, tokens, line] of cases) {
      const lines: string[] = []
      const end = verify({ address, tokens, stop, report: (line) => lines.push(line) })
      const error = await end.catch((error) => error)
      assert.ok(error instanceof CannotRun, `${address}: ${error}`)
      assert.match(error.message, line)
      assert.doesNotMatch(error.message, /\n|eyJ/)
      assert.deepEqual(lines, [])
    }
    await Promise.all([noAccounts.close(), verifies.close()])
    for (const server of [other, moved]) server.close()
    await noTasks()
  })
})
