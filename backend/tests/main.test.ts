import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../src/core/config/config.ts'
import type { Environment } from '../src/core/config/settings.ts'
import { signToken } from '../src/core/token.ts'
import { exchange, SECRET } from './support/app.ts'
import {
  embeddedFolder,
  emptyPostgres,
  KINDS,
  type Kind,
  migratedPostgres,
  testFolder,
} from './support/databases.ts'
import {
  PROGRAM_ENVIRONMENT,
  run,
  runProgram,
  type Serving,
  serve,
  start,
} from './support/process.ts'
import { type Output, outputOf, startProcess } from './support/started.ts'

const ROOT = new URL('../../', import.meta.url)

async function settings(kind: Kind): Promise<{ environment: Environment; drop(): Promise<void> }> {
  if (kind === 'postgres') {
    const { url, drop } = await emptyPostgres()
    return { environment: { DATABASE_URL: url }, drop }
  }
  const folder = await embeddedFolder('empty')
  const environment = { DATABASE_URL: `pglite:${folder}`, BETTER_AUTH_SECRET: undefined }
  return { environment, drop: () => rm(folder, { recursive: true }) }
}

/** Libraries ask for these to be less strict. */
const NOT_IN_PRODUCTION = { NODE_ENV: 'test', TEST: 'true', TRUST_PROXY: 'loopback' }
const ONE_TASK = /^\{"id":.*"title":"Buy milk".*\}\[\{"id":.*"title":"Buy milk".*\}\]$/s
const CREATES = /Creating the embedded database, once/

const linesToType = (printed: string) =>
  printed.split('\n').filter((line) => /^ {2}(SESSION=|TOKEN=|TASKS=|curl )/.test(line))

/** What the lines print that a person types in. */
async function typed(lines: string[], environment: Environment): Promise<string> {
  const script = lines.map((line) => line.replace(/^ {2}curl /, 'curl -s ')).join('\n')
  const env = { ...process.env, BETTER_AUTH_SECRET: SECRET, ...environment }
  return (await runProgram('sh', ['-c', script], { cwd: ROOT, env })).stdout
}

for (const kind of KINDS) {
  describe(`the server on ${kind}`, () => {
    let environment: Environment
    let drop: () => Promise<void>
    let server: Serving
    before(async () => {
      const made = await settings(kind)
      environment = made.environment
      drop = made.drop
    })
    after(() => drop())

    const token = (user: string) =>
      signToken(loadConfig({ BETTER_AUTH_SECRET: SECRET, ...environment }), user)

    describe('with accounts', () => {
      before(async () => {
        server = await serve({ ...environment, ...NOT_IN_PRODUCTION })
      })

      it('the first task, from the lines that are printed', async () => {
        assert.match(server.printed, /docs {6}http:\/\/127\.0\.0\.1:\d+\/docs/)
        assert.match(
          server.printed,
          kind === 'pglite' ? /a killed process and a power cut/ : /PostgreSQL, database test_/,
        )
        const lines = linesToType(server.printed)
        assert.equal(lines.length, 6)
        assert.match(await typed(lines, environment), ONE_TASK)
      })

      it('origins are checked and sign-ins limited whatever NODE_ENV says', async () => {
        const signIn = (origin: string, from: string) =>
          exchange(server.port, 'POST', '/api/auth/sign-in/email', {
            headers: { origin, 'x-forwarded-for': from },
            body: { email: 'a@example.com', password: 'wrong password' },
          })
        assert.equal((await signIn('http://localhost:0', '192.0.2.1')).status, 401)
        const statuses = []
        // Three in 10 s are let in. On a machine that takes longer for four the count begins anew.
        for (let client = 2; statuses.at(-1) !== 429; client += 1) {
          statuses.length = 0
          for (const origin of [...Array(3).fill('https://evil.example'), 'http://localhost:0']) {
            statuses.push((await signIn(origin, `192.0.2.${client}`)).status)
          }
        }
        assert.deepEqual(statuses, [403, 403, 403, 429])
      })

      endsAfterRequests('SIGINT')
    })

    describe('without accounts', () => {
      before(async () => {
        server = await serve({ ...environment, ACCOUNTS: 'off' })
      })

      it('the first task without accounts, from the lines that are printed', async () => {
        const lines = linesToType(server.printed)
        assert.equal(lines.length, 3)
        // A token of a given secret is not printed, where it could end in a log.
        assert.equal(lines.join().includes('TOKEN=eyJ'), kind === 'pglite')
        assert.match(await typed(lines, environment), ONE_TASK)
      })

      if (kind === 'pglite') {
        it('a start on an existing folder does not say that it creates the database', () => {
          assert.doesNotMatch(server.printed, CREATES)
        })

        it('a second process on the same folder is refused with a clear line, while the first serves', async () => {
          const second = await run('main.ts', [], { PORT: '0', ...environment })
          assert.equal(second.code, 1)
          assert.match(
            second.stderr,
            /^The embedded database is in use by process \d+ on .*DATABASE_URL=pglite:<directory>.*\n$/,
          )
          assert.equal((await exchange(server.port, 'GET', '/readyz', {})).status, 200)
        })
      }

      it('kill -9 loses no acknowledged task, and the next process takes the database', async () => {
        const bearer = await token('killed')
        const acknowledged: string[] = []
        const { promise: enough, resolve } = Promise.withResolvers<void>()
        let going = true
        const writing = Array.from({ length: 8 }, async () => {
          while (going) {
            const answer = await exchange(server.port, 'POST', '/api/killed/tasks', {
              headers: { authorization: `Bearer ${bearer}` },
              body: { title: 'acknowledged' },
            }).catch(() => undefined)
            // 503 where the machine is busy, and nothing where the server was killed.
            if (answer?.status !== 201) continue
            acknowledged.push(answer.json.id)
            if (acknowledged.length > 50) resolve()
          }
        })
        await Promise.race([enough, server.ended])
        const killed = server.kill('SIGKILL')
        going = false
        await killed
        await Promise.all(writing)
        server = await serve({ ...environment, ACCOUNTS: 'off' })
        const kept = await exchange(server.port, 'GET', '/api/killed/tasks', {
          headers: { authorization: `Bearer ${bearer}` },
        })
        const ids = new Set(kept.json.map(({ id }: { id: string }) => id))
        assert.deepEqual(
          acknowledged.filter((id) => !ids.has(id)),
          [],
        )
      })

      endsAfterRequests('SIGTERM')
    })

    /** The test that ends a server. */
    function endsAfterRequests(signal: 'SIGINT' | 'SIGTERM'): void {
      it(`${signal} ends it with 0 after the requests under way, though it comes twice at once`, async () => {
        const authorization = `Bearer ${await token('alice')}`
        const writes = Array.from({ length: 20 }, () =>
          exchange(server.port, 'POST', '/api/alice/tasks', {
            headers: { authorization },
            body: { title: 'x' },
          }).catch(() => undefined),
        )
        await Promise.race(writes)
        const ended = server.kill(signal)
        server.kill(signal).catch(() => undefined)
        const { code, output } = await ended
        assert.equal(code, 0, output)
        assert.doesNotMatch(output, /"level":(50|60)/)
        for (const answer of await Promise.all(writes))
          assert.ok(answer === undefined || answer.status === 201)
      })
    }
  })
}

/** Starts the server with another limit of open files. */
function startWithOpenFiles(files: number, environment: Environment): Output {
  const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  const script = `ulimit -n ${files} && exec "$0" "$1"`
  return outputOf(
    startProcess('sh', ['-c', script, process.execPath, program], {
      env: { ...PROGRAM_ENVIRONMENT, PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}

describe('a start', { concurrency: 3 }, () => {
  it('on a port in use is refused with a clear line', async () => {
    const { url, drop } = await migratedPostgres()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const { code, stderr } = await run('main.ts', [], {
      PORT: String(port),
      DATABASE_URL: url,
    })
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`^Port ${port} .*in use.*PORT.*\n$`))
    taken.close()
    await drop()
  })

  it('with a folder that cannot be used says which, and where to name another', async () => {
    for (const secret of [SECRET, undefined]) {
      const { code, stderr } = await run('main.ts', [], {
        DATABASE_URL: `pglite:${process.execPath}`,
        BETTER_AUTH_SECRET: secret,
      })
      assert.equal(code, 1)
      assert.match(
        stderr,
        /^The folder .*node cannot be used: E.*DATABASE_URL=pglite:<directory>\n$/,
      )
    }
  })

  it('with a bad setting ends with one line that names it', async () => {
    for (const [name, value] of [
      ['PORT', 'x'],
      ['DATABASE_URL', 'mysql://h'],
      ['BETTER_AUTH_SECRET', 'short'],
    ]) {
      const { code, stderr } = await run('main.ts', [], {
        DATABASE_URL: 'pglite:memory',
        [String(name)]: value,
      })
      assert.equal(code, 1)
      assert.match(stderr, new RegExp(`^${name} .*\n$`))
    }
  })

  it('takes a database that comes up meanwhile', async () => {
    const { url, drop } = await migratedPostgres()
    const { startProxy } = await import('./support/proxy.ts')
    const proxy = await startProxy(url)
    proxy.away(true)
    const server = startWithOpenFiles(12_000, { DATABASE_URL: proxy.url })
    await server.until(/The database is unreachable/)
    proxy.away(false)
    const output = await server.until(/listens on .*\n/)
    const [, port] = /listens on \S+:(\d+)/.exec(output) ?? []
    assert.equal((await exchange(Number(port), 'GET', '/readyz', {})).status, 200)
    // These are enough; the next test has fewer.
    assert.doesNotMatch(output, /files at once/)
    server.kill('SIGTERM')
    await server.ended
    await proxy.close()
    await drop()
  })

  it('with fewer open files than streams says so', async () => {
    const { url, drop } = await migratedPostgres()
    const server = startWithOpenFiles(2_048, { DATABASE_URL: url })
    const output = await server.until(/listens on .*\n/)
    assert.match(output, /This process may open 2048 files at once/)
    server.kill('SIGTERM')
    assert.equal((await server.ended).code, 0)
    await drop()
  })

  it('with a database that does not exist says so at once', async () => {
    const { url, drop } = await emptyPostgres()
    const wrong = new URL(url)
    wrong.pathname = '/nowhere'
    const { code, stderr } = await run('main.ts', [], { DATABASE_URL: wrong.href })
    assert.equal(code, 1)
    assert.match(stderr, /^The database refused: database "nowhere" does not exist/)
    await drop()
  })
})

/** The name of a database, which only its test uses. */
const nameOf = (url: string) => new URL(url).pathname.slice(1)

describe('npm start', () => {
  it('reads .env outside production only, and names a misspelt setting', async () => {
    const { url, drop } = await migratedPostgres()
    const folder = await testFolder()
    const root = fileURLToPath(ROOT)
    const { scripts, version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    for (const name of ['backend', 'scripts', 'node_modules', 'package.json']) {
      await symlink(join(root, name), join(folder, name))
    }
    const lines = ['PORT=0', `DATABASE_URL=${url}`, `BETTER_AUTH_SECRET=${SECRET}`]
    await writeFile(join(folder, '.env'), [...lines, 'TRUSTED_ORIGIN=x'].join('\n'))
    const begin = (environment: Environment) =>
      outputOf(
        startProcess('sh', ['-c', scripts.start], {
          cwd: folder,
          env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, ...environment },
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      )
    const server = begin({})
    const output = await server.until(/ {2}database .*\n/)
    assert.match(output, new RegExp(`^[^\\n]*"msg":"Todo Backend ${version} listening at http://`))
    assert.match(output, new RegExp(`^Todo Backend ${version} listens on http://`, 'm'))
    assert.match(output, /TRUSTED_ORIGIN is not a setting: did you mean TRUSTED_ORIGINS\?/)
    assert.match(output, new RegExp(` {2}database .*${nameOf(url)}`))
    server.kill('SIGTERM')
    await server.ended
    const refused = await begin({ NODE_ENV: 'production' }).ended
    assert.match(JSON.parse(refused.output).msg, /^DATABASE_URL is required/)
    await drop()
  })
})

describe('a first start', () => {
  it('says that it creates the embedded database', async () => {
    const empty = `pglite:${join(await testFolder(), 'data')}`
    const first = outputOf(start('main.ts', [], { PORT: '0', DATABASE_URL: empty }))
    await first.until(CREATES)
    first.kill('SIGKILL')
    await first.ended
  })
})

describe('npm run dev', () => {
  it('serves with the settings of .env, and gives its options to Node: --inspect', async () => {
    const { url, drop } = await migratedPostgres()
    const folder = await testFolder()
    const root = fileURLToPath(ROOT)
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    for (const name of ['backend', 'scripts']) await symlink(join(root, name), join(folder, name))
    await writeFile(join(folder, '.env'), `PORT=0\nDATABASE_URL=${url}\n`)
    // npm appends the options to the text of the script in the same way.
    const child = startProcess('sh', ['-c', `${scripts.dev} "--inspect=127.0.0.1:0"`], {
      cwd: folder,
      env: {
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        BETTER_AUTH_SECRET: SECRET,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { until, kill, ended } = outputOf(child)
    const output = await until(/listens on [\s\S]* {2}database .*\n|Failed running/)
    assert.match(output, /Debugger listening on ws:/)
    assert.match(output, new RegExp(` {2}database .*${nameOf(url)}`))
    kill('SIGTERM')
    await ended
    await drop()
  })
})

describe('npm run token', () => {
  it('prints a token for a user id, and refuses in production', async () => {
    const { code, stdout } = await run('commands/token.ts', ['auth0|x/y'], {
      DATABASE_URL: 'pglite:memory',
    })
    assert.equal(code, 0)
    assert.match(stdout, /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/)
    const payload = JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString())
    assert.deepEqual(Object.keys(payload), ['sub', 'iat', 'exp'])
    assert.deepEqual([payload.sub, payload.exp - payload.iat], ['auth0|x/y', 900])
    for (const [parameters, environment] of [
      [['alice'], { NODE_ENV: 'production' }],
      [[], {}],
      [[''], {}],
      [['a'.repeat(256)], {}],
    ] as const) {
      const refused = await run('commands/token.ts', [...parameters], {
        DATABASE_URL: 'pglite:memory',
        ...environment,
      })
      assert.deepEqual([refused.code, refused.stdout], [1, ''])
      assert.match(refused.stderr, /Usage|production/)
    }
  })
})
