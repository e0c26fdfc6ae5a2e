import assert from 'node:assert/strict'
import type { SpawnSyncReturns } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Runs programs in a copy of the repository. */
export interface Trial {
  readonly folder: string
  readonly image: string
  /** @returns its standard output. @throws {Error} if it failed. */
  run(program: string, parameters: string[], input?: string): string
  attempt(program: string, parameters: string[]): SpawnSyncReturns<string>
  /** Runs `docker compose`. */
  compose(parameters: string[], input?: string): string
}

const SERVER = 'http://127.0.0.1:8000'
/** Has no packages to download of its own, so that it also works where only the host reaches the registry. */
const BUILD = ['build', '--network', 'host', '--tag']
const COMMANDS = 'backend/src/commands'
const EMBEDDED = 'todo-trial-embedded'
const FORGED = '198.51.100.7'

const inServer = ({ compose }: Trial, command: string[], input?: string) =>
  compose(['exec', '-T', 'server', ...command], input)
/** From the engine, because Compose writes control characters between the lines. */
function logOf({ attempt }: Trial): string {
  const { stdout, stderr } = attempt('docker', ['logs', 'todo-trial-server-1'])
  return stdout + stderr
}

/** Asks again until the value is not undefined. */
async function until<Value>(ask: () => Value | undefined, what: string): Promise<Value> {
  for (let time = 0; time < 120; time += 1) {
    const value = ask()
    if (value !== undefined) return value
    await sleep(500)
  }
  throw new Error(`In 60 seconds it did not happen: ${what}`)
}

/** The flags of `docker run` in docs/operations.md. */
const embedded = (image: string, name: string, data: string, secret: string) => [
  ...['run', '--detach', '--name', name, '--init', '--read-only', '--tmpfs', '/tmp'],
  ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--memory', '1g'],
  ...['--pids-limit', '128', '--stop-timeout', '20', '--log-driver', 'local'],
  ...['--volume', `${data}:/data`],
  ...['--volume', `${secret}:/run/secrets/auth-secret:ro`],
  ...['--env', 'DATABASE_URL=pglite:/data/tasks'],
  ...['--env', 'BETTER_AUTH_SECRET_FILE=/run/secrets/auth-secret', image],
]

async function embeddedServer({ run, attempt, folder, image }: Trial): Promise<void> {
  const secret = join(folder, 'secrets/auth-secret')
  const start = embedded(image, EMBEDDED, 'todo-trial-data', secret)
  const user = ['exec', '--interactive', EMBEDDED, 'node', `${COMMANDS}/user.ts`]
  const healthy = () =>
    until(() => {
      const format = '{{.State.Health.Status}}'
      const state = run('docker', ['inspect', '--format', format, EMBEDDED]).trim()
      return state === 'healthy' || undefined
    }, 'the embedded server is healthy')
  run('docker', start)
  await healthy()
  run('docker', [...user, 'create', 'carol@example.com'], 'correct horse battery staple\n')
  run('docker', ['stop', EMBEDDED])
  assert.equal(run('docker', ['inspect', '--format', '{{.State.ExitCode}}', EMBEDDED]).trim(), '0')
  run('docker', ['rm', EMBEDDED])
  run('docker', start)
  await healthy()
  assert.match(run('docker', [...user, 'list']), /carol@example\.com/)
  attempt('docker', ['rm', '--force', EMBEDDED])
  const withoutVolume = start.filter((word, at) => {
    const isFlag = (index: number) =>
      start[index] === '--volume' && start[index + 1]?.endsWith(':/data')
    return word !== '--detach' && !isFlag(at) && !isFlag(at - 1)
  })
  const readOnly = attempt('docker', withoutVolume)
  assert.match(JSON.parse(readOnly.stderr).msg, /EROFS.* mount a volume there/)
  attempt('docker', ['rm', '--force', EMBEDDED])
  // A bind mount that belongs to somebody else.
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  const { uid } = statSync(data)
  const foreground = embedded(image, EMBEDDED, data, secret).filter((word) => word !== '--detach')
  const refused = attempt('docker', foreground)
  assert.equal(refused.status, 1)
  const { msg } = JSON.parse(refused.stderr)
  assert.match(msg, new RegExp(`/data belongs to user ${uid}, and .* chown -R 65534:65534 /data`))
}

/** Status of a request to Caddy, whose certificate for localhost is its own. */
function throughCaddy(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'X-Forwarded-For': FORGED, 'User-Agent': 'trial through Caddy' }
    const options = { host: 'localhost', path, headers, rejectUnauthorized: false }
    request(options, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
}

export const CHECKS: readonly (readonly [string, (trial: Trial) => void | Promise<void>])[] = [
  [
    'the two commands of docs/operations.md start PostgreSQL and the server',
    async ({ run, compose, image }) => {
      run('docker', [...BUILD, image, '.'])
      run('sh', ['scripts/secrets.sh'])
      compose(['up', '--detach', '--no-build', '--wait'])
      assert.equal((await fetch(`${SERVER}/readyz`)).status, 200)
    },
  ],
  [
    'the image has the page, and neither Vite nor React',
    async (trial) => {
      const headers = { accept: 'text/html' }
      const response = await fetch(SERVER, { headers })
      assert.match(String(response.headers.get('content-type')), /^text\/html/)
      assert.match(await response.text(), /<div id="root">/)
      const packages = inServer(trial, ['node', '-p', 'fs.readdirSync("node_modules").join()'])
      assert.match(packages, /fastify/)
      assert.doesNotMatch(packages, /vite|react|rolldown/)
    },
  ],
  [
    'the log has JSON lines only',
    (trial) => {
      const lines = logOf(trial).trim().split('\n')
      assert.ok(lines.length > 2)
      for (const line of lines) assert.ok(JSON.parse(line).msg, line)
    },
  ],
  [
    'a setting of .env reaches the server, and those of development do not',
    (trial) => {
      const ask = ['node', '-p', '[process.env.RATE_LIMIT_PER_MINUTE, process.env.DATABASE_URL]']
      assert.match(inServer(trial, ask), /'555', ''/)
    },
  ],
  [
    'the server believes the X-Forwarded-For of a proxy on this machine',
    async (trial) => {
      const headers = { 'X-Forwarded-For': FORGED }
      assert.equal((await fetch(`${SERVER}/api/alice/tasks`, { headers })).status, 401)
      const line = () => logOf(trial).includes(`"address":"${FORGED}"`) || undefined
      await until(line, 'the log has the address')
    },
  ],
  [
    'the commands work in the container, and through npm',
    (trial) => {
      const command = (name: string, ...words: string[]) => [
        'node',
        `${COMMANDS}/${name}`,
        ...words,
      ]
      const password = 'correct horse battery staple\n'
      inServer(trial, command('user.ts', 'create', 'bob@example.com'), password)
      assert.match(inServer(trial, ['npm', 'run', '-s', 'user', '--', 'list']), /bob@example\.com/)
      assert.match(inServer(trial, command('migrate.ts')), /Nothing to apply/)
      assert.match(inServer(trial, command('export.ts', 'bob@example.com')), /todo_auth\.user/)
      const folder = join(trial.folder, 'backups')
      mkdirSync(folder)
      trial.run('chown', ['65534:65534', folder])
      const mounted = ['run', '--rm', '--no-deps', '--volume', `${folder}:/backups`, 'server']
      trial.compose([...mounted, ...command('backup.ts', '/backups/tasks.backup')])
      assert.equal(statSync(join(folder, 'tasks.backup')).mode & 0o777, 0o600)
      // Without the memory limit of compose.yaml, which is for PostgreSQL.
      const alone = ['run', '--rm', '--volume', `${folder}:/backups`, '--env']
      const restore = command('restore.ts', '/backups/tasks.backup')
      trial.run('docker', [
        ...alone,
        'DATABASE_URL=pglite:/backups/copy',
        '--env',
        `BETTER_AUTH_SECRET=${'x'.repeat(32)}`,
        trial.image,
        ...restore,
      ])
    },
  ],
  [
    'users are isolated: npm run verify',
    ({ run }) => {
      const verify = fileURLToPath(new URL('../verify/verify.ts', import.meta.url))
      const found = run(process.execPath, [verify, SERVER, '--sign-up'])
      assert.match(found, / 0 failed, 0 foreign bytes/)
    },
  ],
  [
    'orphans are reaped',
    async (trial) => {
      inServer(trial, ['sh', '-c', '(sleep 0.2 &)'])
      const states = ['sh', '-c', 'cat /proc/[0-9]*/stat']
      const processes = () => inServer(trial, states)
      const gone = () => !/\((sleep)\)/.test(processes()) || undefined
      await until(gone, 'the orphan is neither running nor a zombie')
      assert.match(processes(), /^1 \((docker-init|tini)\)/m)
    },
  ],
  [
    'the compile cache of the image is used, and complete',
    ({ attempt, image }) => {
      const url = 'DATABASE_URL=postgres://todo@127.0.0.1:1/todo'
      const secret = 'BETTER_AUTH_SECRET=for this start only, nobody reaches it'
      const environment = ['NODE_DEBUG_NATIVE=COMPILE_CACHE', url, secret]
      const flags = ['run', '--rm', '--init', '--read-only', '--network', 'none']
      const given = environment.flatMap((one) => ['--env', one])
      const limited = ['timeout', '20', 'node', '--max-semi-space-size=16']
      const program = ['--import', './scripts/compile-cache.mjs', 'backend/src/main.ts']
      const { stdout, stderr } = attempt('docker', [
        ...flags,
        ...given,
        image,
        ...limited,
        ...program,
      ])
      const output = stdout + stderr
      assert.ok((output.match(/accepted/g)?.length ?? 0) > 200, output.slice(0, 2_000))
      assert.doesNotMatch(output, /permission denied|rejected/)
    },
  ],
  [
    'Caddy terminates TLS, and its clients cannot forge their address',
    async (trial) => {
      trial.compose(['--profile', 'caddy', 'up', '--detach', '--no-build', '--wait'])
      let status: number | undefined
      for (let time = 0; status === undefined && time < 60; time += 1) {
        status = await throughCaddy('/api/alice/tasks').catch(() => sleep(500, undefined))
      }
      assert.equal(status, 401)
      const find = () => /"address":"([^"]+)","agent":"trial through Caddy"/.exec(logOf(trial))?.[1]
      const address = await until(find, 'the log has the request')
      assert.notEqual(address, FORGED)
      // The client is on this machine, so Caddy sees the gateway, and not itself.
      assert.notEqual(address, '172.30.83.2')
    },
  ],
  [
    'a killed server starts again',
    async (trial) => {
      // The child of the init process.
      const kill = 'kill -9 $(cat /proc/1/task/1/children)'
      inServer(trial, ['sh', '-c', kill])
      const count = ['inspect', '--format', '{{.RestartCount}}', 'todo-trial-server-1']
      await until(() => trial.run('docker', count).trim() === '1' || undefined, 'the restart')
      for (let time = 0; time < 60; time += 1) {
        const response = await fetch(`${SERVER}/readyz`).catch(() => undefined)
        if (response?.status === 200) return
        await sleep(500)
      }
      assert.fail('the server does not serve again')
    },
  ],
  [
    'the server stops with 0',
    (trial) => {
      trial.compose(['stop', 'server'])
      const format = ['ps', '--all', '--format', '{{.Service}} {{.ExitCode}}']
      assert.match(trial.compose(format), /^server 0$/m)
    },
  ],
  [
    'a backup is restored into the PostgreSQL of a new machine, as docs/operations.md says',
    (trial) => {
      trial.compose(['--profile', 'caddy', 'down', '--volumes'])
      const mounted = ['run', '--rm', '--volume', `${join(trial.folder, 'backups')}:/backups`]
      const restore = ['node', `${COMMANDS}/restore.ts`, '/backups/tasks.backup']
      trial.compose([...mounted, 'server', ...restore])
      trial.compose(['up', '--detach', '--no-build', '--wait'])
      const list = ['node', `${COMMANDS}/user.ts`, 'list']
      assert.match(inServer(trial, list), /bob@example\.com/)
      trial.compose(['down', '--volumes'])
    },
  ],
  [
    'docker run with the embedded database keeps data, and names the owner of a mount',
    embeddedServer,
  ],
]
