import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithThisProcess, freePort } from '../../bench/servers/start-server.ts'
import { needFile } from '../programs.ts'

const PROGRAM = '/usr/sbin/pgbouncer'

/** PgBouncer in transaction mode, before a PostgreSQL. */
export interface Pgbouncer {
  readonly url: string
  readonly version: string
  restart(): Promise<void>
  close(): Promise<void>
}

/** @param sessions the number of its sessions in PostgreSQL, for all clients. @throws {NotTried} */
export async function startPgbouncer(target: string, sessions: number): Promise<Pgbouncer> {
  needFile(PROGRAM, 'pgbouncer')
  const folder = mkdtempSync(join(tmpdir(), 'todo-pgbouncer-'))
  chmodSync(folder, 0o755)
  const url = new URL(target)
  const { hostname, port, username, password } = url
  url.port = String(await freePort())
  const users = join(folder, 'users')
  writeFileSync(users, `"${username}" "${password}"\n`)
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(
    file,
    `[databases]
postgres = host=${hostname} port=${port}
[pgbouncer]
listen_addr = ${hostname}
listen_port = ${url.port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${sessions}
max_client_conn = 200
; After a login that failed it would answer nobody for 15 s, which is its default.
server_login_retry = 1
`,
  )
  const start = async () => {
    // PgBouncer refuses to run as root.
    const account = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const started = spawn(PROGRAM, ['-q', file], { ...account, stdio: 'ignore' })
    endWithThisProcess(started)
    while (!(await listens(Number(url.port)))) {
      if (started.exitCode !== null) throw new Error(`PgBouncer ended with ${started.exitCode}`)
      await sleep(20)
    }
    return started
  }
  let running: ChildProcess = await start()
  const end = async () => {
    const exited = once(running, 'exit')
    running.kill('SIGKILL')
    await exited
  }
  const [, version = 'unknown'] =
    /PgBouncer (\S+)/.exec(execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' })) ?? []
  return {
    url: url.href,
    version,
    restart: async () => {
      await end()
      running = await start()
    },
    close: async () => {
      await end()
      rmSync(folder, { recursive: true })
    },
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
