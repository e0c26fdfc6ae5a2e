import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { validate } from 'dockerfile-utils'
import { parse } from 'yaml'
import {
  nameOf,
  optionalPeers,
  productionPackages,
  readLockfile,
  readPackage,
} from '../../scripts/lockfile.ts'
import { loadConfig } from '../src/core/config/config.ts'
import { STOP_LIMITS } from '../src/processes/stop.ts'
import { signUp } from './support/accounts.ts'
import { exchange, SECRET } from './support/app.ts'
import { embeddedFolder, emptyPostgres, KINDS, type Kind } from './support/databases.ts'
import { layOut, readContext, readImage } from './support/image.ts'
import { runProgram } from './support/process.ts'
import { startProcess } from './support/started.ts'

const ROOT = new URL('../../', import.meta.url)
const image = readImage()
const rootPackage: { scripts: Record<string, string> } = JSON.parse(
  readFileSync(new URL('package.json', ROOT), 'utf8'),
)

const COMMANDS = ['user', 'migrate', 'backup', 'restore', 'export', 'token']

describe('the Dockerfile', () => {
  it('has nothing that its linter finds, warnings included', () => {
    assert.deepEqual(validate(readFileSync(new URL('Dockerfile', ROOT), 'utf8')), [])
  })

  it('is built on the Node of the tests, by its exact version', () => {
    const node = `node:${readPackage().optionalDependencies?.node}-slim`
    const bases = [node, 'manifests', 'manifests', node, 'server', 'server']
    assert.deepEqual(image.bases, bases)
  })

  it('has the packages of the server alone, and the page without what built it', () => {
    const [install, remove = ''] = image.packages
    const common = '--ignore-scripts --workspace=backend --no-audit --no-fund'
    assert.equal(install, `npm ci --omit=dev --omit=optional ${common}`)
    assert.deepEqual(JSON.parse(remove), ['rm', '-r', ...optionalPeers(readLockfile())])
    assert.deepEqual(image.page, [
      'npm ci --omit=dev --ignore-scripts --workspace=web --no-audit --no-fund',
      '["node", "scripts/web.mjs", "--required"]',
    ])
    const ofPage = image.copied.filter(({ from }) => from === 'page')
    assert.deepEqual(
      ofPage.map(({ sources, to }) => [sources, to]),
      [[['/app/web/dist'], 'web/dist/']],
    )
    const names = productionPackages(readLockfile()).map(([path]) => nameOf(path))
    const { dependencies = {} } = readPackage('web')
    assert.ok(names.includes('fastify') && 'vite' in dependencies)
    for (const name of Object.keys(dependencies)) assert.ok(!names.includes(name), name)
  })

  it('starts what npm start does, as nobody, with no shell in between', () => {
    // In production nothing reads .env, and the image has Node and the packages, so it needs no script for that.
    const started = rootPackage.scripts.start?.replace(
      / --import \.\/scripts\/(requirements|dotenv)\.mjs/g,
      '',
    )
    const arenas = `MALLOC_ARENA_MAX=${image.environment.MALLOC_ARENA_MAX}`
    assert.equal(`exec env ${arenas} ${image.command.join(' ')}`, started)
    assert.match(image.user, /^[1-9]\d*:[1-9]\d*$/)
    const [uid, gid] = image.user.split(':')
    const own = `install --directory --owner=${uid} --group=${gid} --mode=0700 /data`
    assert.deepEqual([image.runs, image.stopSignal], [[own], 'SIGTERM'])
  })

  it('compiles its code as its user and with its flags, because V8 refuses the code of others', () => {
    const [node, ...parameters] = image.command
    const fill = [node, 'scripts/fill-compile-cache.mjs', ...parameters]
    const owner = image.user.split(':')[0]
    assert.deepEqual(JSON.parse(image.compiled[1] ?? ''), fill)
    assert.equal(image.compiledAs.split(':')[0], owner)
  })

  it('is given all that it copies, and nothing that is a secret or not for the image', () => {
    const isGiven = readContext()
    assert.ok(image.taken.length > 8)
    for (const path of image.taken) assert.ok(isGiven(path), `.dockerignore keeps ${path} out`)
    for (const path of [
      '.env',
      '.data/secret',
      'secrets/auth-secret',
      '.git/config',
      'node_modules',
    ]) {
      assert.ok(!isGiven(path), path)
    }
    const tests = globSync('backend/tests/**/*.ts', { cwd: ROOT })
    assert.ok(tests.length > 30 && !tests.some(isGiven))
    assert.ok(isGiven('backend/src/main.ts'))
  })
})

/** Root may write anywhere, so the image's user runs it; whoever else runs the tests may not. */
const isRoot = process.getuid?.() === 0
const [uid, gid] = image.user.split(':').map(Number)
const account = isRoot ? { uid, gid } : {}

describe('what is in the image, without Docker', () => {
  // Here the account of the image may read. Writing its thousands of files to a disk takes 20 times the CPU time.
  const folder = mkdtempSync(join(process.env.TEST_CLUSTER ?? tmpdir(), 'todo-image-'))
  // A file system in memory may refuse to run programs.
  const programs = mkdtempSync(join(tmpdir(), 'todo-programs-'))
  const node = join(programs, 'node')
  const data = join(folder, 'data')
  // In place of the compile cache of the image, which is not laid out. The first start fills it.
  const compiled = join(folder, 'compiled')
  let workdir: string
  let laidOut: string[]
  let drop = async () => {}
  let environment: Record<string, string> = {
    ...image.environment,
    PATH: programs,
    NODE_COMPILE_CACHE: compiled,
    DATABASE_URL_FILE: join(folder, 'database-url'),
    BETTER_AUTH_SECRET_FILE: join(folder, 'auth-secret'),
    // Apart from that cache there is no other place to write.
    HOME: '/nonexistent',
    TMPDIR: '/nonexistent',
  }

  /** Everything below the working directory, by name, size and time of its last change. */
  const everything = () =>
    globSync('**', { cwd: workdir }).map((path) => {
      const { size, mtimeMs } = lstatSync(join(workdir, path))
      return `${path} ${size} ${mtimeMs}`
    })
  const start = ([command = '', ...parameters]: readonly string[]) =>
    startProcess(command, parameters, { cwd: workdir, env: environment, ...account })
  const healthy = async () => (await once(start(image.healthcheck), 'exit'))[0] === 0

  before(async () => {
    for (const path of [folder, programs]) chmodSync(path, 0o755)
    workdir = layOut(image, folder)
    await runProgram('chmod', ['-R', 'a-w', join(folder, 'image')], {})
    laidOut = everything()
    // Beside the image: a Node that its user can run, and what would be mounted.
    copyFileSync(process.execPath, node)
    for (const path of [data, compiled]) mkdirSync(path, { mode: 0o700 })
    cpSync(await embeddedFolder('migrated'), join(data, 'tasks'), { recursive: true })
    if (isRoot) await runProgram('chown', ['-R', image.user, data, compiled], {})
    writeFileSync(join(folder, 'auth-secret'), SECRET)
  })
  after(async () => {
    await drop()
    await runProgram('chmod', ['-R', 'u+w', folder], {})
    for (const path of [folder, programs]) rmSync(path, { recursive: true })
  })

  it('has the commands of npm run, without npm', async () => {
    const paths = COMMANDS.map((name) => `backend/src/commands/${name}.ts`)
    // One after the other: each finds in the compile cache what the commands share.
    for (const path of paths) {
      const { stdout } = await runProgram(node, [path, '--help'], {
        cwd: workdir,
        env: environment,
      })
      assert.match(stdout, /^Usage: npm run /)
    }
  })

  it('has everything with which npm run starts the commands, and nothing is installed', async () => {
    const { scripts } = rootPackage
    const env = { ...environment, PATH: `${programs}:${process.env.PATH}` }
    for (const name of COMMANDS) {
      const script = `${scripts[`pre${name}`]} && ${scripts[name]} --help`
      const { stdout, stderr } = await runProgram('sh', ['-c', script], { cwd: workdir, env })
      assert.match(stdout, new RegExp(`^Usage: npm run ${name}\\b`))
      assert.equal(stderr, '')
    }
  })

  /** What a program of the image prints on standard error before it ends with 1. */
  async function failureOf(command: readonly string[], added: Record<string, string> = {}) {
    const [program = '', ...parameters] = command
    const env = { ...environment, ...added }
    const failing = startProcess(program, parameters, { cwd: workdir, env, ...account })
    let output = ''
    failing.stderr?.on('data', (chunk) => {
      output += chunk
    })
    assert.deepEqual(await once(failing, 'close'), [1, null])
    return output
  }
  const remedy = (path: string) =>
    `${path} belongs to user 0, and this process runs as user ${uid}. Give it to that user (for a mount, on the host): chown -R ${uid}:${gid} ${path}.`

  it('names the owner that a mounted folder must have', async (t) => {
    if (!isRoot) return t.skip('only root can give a folder to another account')
    const mounted = join(folder, 'mounted')
    mkdirSync(mounted, { mode: 0o700 })
    writeFileSync(join(folder, 'database-url'), `pglite:${join(mounted, 'tasks')}`)
    const { msg, level } = JSON.parse(await failureOf(image.command))
    assert.equal(level, 60)
    assert.match(msg, /EACCES: permission denied/)
    assert.ok(msg.includes(remedy(mounted)), msg)
  })

  for (const part of ['database', 'database/base', 'database/pg_wal', 'database/global/pg_control'])
    it(`names the owner of a part of the database that was not given along: ${part}`, async (t) => {
      if (!isRoot) return t.skip('only root can give a folder to another account')
      const path = join(data, 'tasks', part)
      writeFileSync(join(folder, 'database-url'), `pglite:${join(data, 'tasks')}`)
      await runProgram('chown', ['0:0', path], {})
      await runProgram('chmod', ['go=', path], {})
      try {
        const { msg } = JSON.parse(await failureOf(image.command))
        assert.ok(msg.includes(remedy(path)), msg)
        assert.doesNotMatch(msg, /restore a backup/)
      } finally {
        await runProgram('chown', [image.user, path], {})
      }
    })

  it('names the owner of a secret, and of a folder for backups', async (t) => {
    if (!isRoot) return t.skip('only root has files that another account cannot read')
    const secret = join(folder, 'private')
    writeFileSync(secret, SECRET, { mode: 0o600 })
    writeFileSync(join(folder, 'database-url'), `pglite:${join(data, 'tasks')}`)
    const start = await failureOf(image.command, { BETTER_AUTH_SECRET_FILE: secret })
    assert.ok(JSON.parse(start).msg.includes(remedy(secret)), start)
    // Docker creates a folder where the source of a mount is missing.
    const none = await failureOf(image.command, { BETTER_AUTH_SECRET_FILE: folder })
    assert.match(JSON.parse(none).msg, /cannot be read: \S+ It is a folder\./)
    const backups = join(folder, 'backups')
    mkdirSync(backups, { mode: 0o700 })
    const command = ['node', 'backend/src/commands/backup.ts', join(backups, 'tasks.backup')]
    const backup = await failureOf(command)
    assert.ok(backup.includes(remedy(backups)), backup)
  })

  async function databaseUrl(kind: Kind): Promise<string> {
    if (kind === 'pglite') return `pglite:${join(data, 'tasks')}`
    const made = await emptyPostgres()
    drop = made.drop
    return made.url
  }

  for (const kind of KINDS) {
    it(`starts, serves, writes nothing, and ends with 0 when it is told to: ${kind}`, async () => {
      assert.ok(laidOut.length > 1000)
      writeFileSync(join(folder, 'database-url'), await databaseUrl(kind))
      environment = { ...environment, PORT: '0' }
      const server = start(image.command)
      const ended = once(server, 'exit')
      const output = await listening(server)
      const port = Number(/listens on \S+:(\d+)/.exec(output)?.[1])
      // The health check finds the server by its setting.
      environment = { ...environment, PORT: String(port) }
      assert.ok(await healthy())
      const { id, token } = await signUp({ port }, 'alice@example.com')
      const made = await exchange(port, 'POST', `/api/${id}/tasks`, {
        headers: { authorization: `Bearer ${token}` },
        body: { title: 'Buy milk' },
      })
      assert.equal(made.status, 201)
      for (const path of ['/readyz', '/docs', '/openapi.json', '/today', '/sw.js']) {
        assert.equal((await exchange(port, 'GET', path, {})).status, 200, path)
      }
      assert.doesNotMatch(output, /EACCES|EROFS|ENOENT|eyJ/)
      for (const line of output.trim().split('\n')) assert.ok(JSON.parse(line).msg, line)
      assert.deepEqual(everything(), laidOut)
      server.kill(image.stopSignal as NodeJS.Signals) // SIGTERM, as another test has it
      assert.deepEqual(await ended, [0, null])
      assert.ok(!(await healthy()))
    })
  }
})

/** What it wrote up to when it says where it listens. */
function listening(server: ChildProcess): Promise<string> {
  let output = ''
  return new Promise((resolve, reject) => {
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on('data', (chunk) => {
        output += chunk
        if (/listens on [\s\S]*database/.test(output)) resolve(output)
      })
    }
    server.on('exit', () => reject(new Error(`it ended: ${output}`)))
  })
}

describe('compose.yaml', () => {
  const { services, secrets, volumes, networks } = parse(
    readFileSync(new URL('compose.yaml', ROOT), 'utf8'),
  )

  it('locks every container down, and pins what it does not build', () => {
    assert.deepEqual(Object.keys(services), ['caddy', 'database', 'server'])
    for (const service of Object.values<Record<string, unknown>>(services)) {
      const { read_only, cap_drop, security_opt, deploy } = service
      assert.deepEqual([read_only, cap_drop], [true, ['ALL']])
      assert.deepEqual(security_opt, ['no-new-privileges:true'])
      const { limits } = (deploy as { resources: { limits: object } }).resources // checked here
      assert.deepEqual(Object.keys(limits), ['cpus', 'memory', 'pids'])
      // It deletes old lines, unlike Docker's default.
      assert.deepEqual(service.logging, { driver: 'local' })
    }
    assert.match(services.database.image, /^postgres:18\.\d+$/)
    assert.match(services.caddy.image, /^caddy:2\.\d+\.\d+$/)
    assert.deepEqual(services.caddy.profiles, ['caddy'])
    assert.equal(services.server.cap_add, undefined)
    assert.deepEqual(services.database.ports, undefined)
    assert.deepEqual(services.server.ports, ['127.0.0.1:8000:8000'])
    assert.deepEqual(services.database.volumes, ['database:/var/lib/postgresql'])
    assert.deepEqual(Object.keys(volumes), ['caddy-config', 'caddy-data', 'database'])
  })

  it('starts the server when the database is ready, and gives it time to stop', () => {
    assert.equal(services.server.depends_on.database.condition, 'service_healthy')
    assert.match(services.database.healthcheck.test.join(' '), /^CMD pg_isready /)
    const seconds = Number(/^(\d+)s$/.exec(services.server.stop_grace_period)?.[1])
    assert.ok(seconds * 1_000 > STOP_LIMITS.lastMs)
  })

  it('has its secrets from files that scripts/secrets.sh makes once, and the server takes them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'todo-secrets-'))
    mkdirSync(join(folder, 'scripts'))
    const script = join(folder, 'scripts/secrets.sh')
    cpSync(new URL('scripts/secrets.sh', ROOT), script)
    const read = (name: string) => readFileSync(join(folder, secrets[name].file), 'utf8')
    const all = () => Object.keys(secrets).map(read)
    await runProgram('sh', [script], {})
    const made = all()
    assert.equal(new Set(made).size, 3)
    await runProgram('sh', [script], {})
    assert.deepEqual(all(), made)
    assert.equal(lstatSync(join(folder, 'secrets')).mode & 0o777, 0o700)
    for (const name of Object.keys(secrets)) {
      assert.equal(lstatSync(join(folder, secrets[name].file)).mode & 0o777, 0o644)
    }

    const { environment: given } = services.server as { environment: Record<string, string> } // ours
    const settings = Object.entries(given).map(([name, value]) => {
      const mounted = /^\/run\/secrets\/(.+)$/.exec(value)?.[1]
      const fallback = /^\$\{\w+:-(.*)\}$/.exec(value)?.[1]
      return [name, mounted ? join(folder, secrets[mounted].file) : (fallback ?? value)]
    })
    // A file .env may be there for development. It cannot change what the container depends on.
    assert.deepEqual(services.server.env_file, [{ path: '.env', required: false }])
    const { DATABASE_URL, BETTER_AUTH_SECRET, NODE_ENV, HOST, PORT } = given
    assert.deepEqual([DATABASE_URL, BETTER_AUTH_SECRET], ['', ''])
    const { MALLOC_ARENA_MAX: _ofTheProcess, ...ofTheServer } = image.environment
    assert.deepEqual({ NODE_ENV, HOST, PORT }, ofTheServer)
    const config = loadConfig({ ...image.environment, ...Object.fromEntries(settings) })
    const url = `postgres://todo:${read('database-password')}@database/todo`
    assert.deepEqual(config.database, { kind: 'postgres', url, directUrl: url })
    const [{ subnet, gateway }] = networks.outside.ipam.config
    const caddy = services.caddy.networks.outside.ipv4_address
    assert.deepEqual(config.trustProxy, [gateway, caddy])
    assert.equal(subnet, '172.30.83.0/24')
    assert.equal(services.server.init, true)
    assert.deepEqual([config.secret, config.production], [read('auth-secret'), true])
    const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE } = services.database.environment
    assert.deepEqual([POSTGRES_USER, POSTGRES_DB], ['todo', 'todo'])
    assert.equal(POSTGRES_PASSWORD_FILE, '/run/secrets/database-password')
    for (const { secrets: mounted = [] } of Object.values<{ secrets?: string[] }>(services)) {
      for (const name of mounted) assert.ok(name in secrets)
    }
    rmSync(folder, { recursive: true })
  })
})
