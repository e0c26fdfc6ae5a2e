import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface PostgresServer {
  /** A URL of the superuser `postgres`. */
  readonly url: string
  /** Stops the process of which PostgreSQL is a child. */
  stop(): Promise<void>
}

/** A PostgreSQL server that can be stopped and started again with its data. */
export interface PostgresToBreak extends PostgresServer {
  /** The id of PostgreSQL's first process, the parent of its sessions. Each start has another one. */
  readonly pid: number
  /** Stops PostgreSQL: `SIGINT` ends its sessions first, `SIGQUIT` ends it like a crash. */
  end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>
  /** Starts it again, and waits until it accepts connections. */
  start(): Promise<void>
  /** Starts it again if it has ended by itself. */
  startIfEnded(): Promise<void>
}

export interface PostgresOptions {
  /** Such as `fsync=off`. */
  readonly settings?: readonly string[]
  /** An empty folder for the data, if not one of the temporary directory. */
  readonly folder?: string
  /** A folder with server.crt, server.key, ca.crt and pg_hba.conf, for a server with TLS. */
  readonly tls?: string
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * Starts a new PostgreSQL server (see postgres-server.ts), which ends with this process.
 *
 * @param settings such as `fsync=off`.
 */
export function startPostgres(...settings: string[]): Promise<PostgresServer> {
  return startPostgresToBreak({ settings })
}

export async function startPostgresToBreak({
  settings = [],
  folder,
  tls,
  environment = {},
}: PostgresOptions): Promise<PostgresToBreak> {
  const program = fileURLToPath(new URL('./postgres-server.ts', import.meta.url))
  // Of a run of the tests, whose servers start with the same data.
  const { TEST_CLUSTER } = process.env
  const parameters = [
    ...settings.map((setting) => `--${setting}`),
    ...(folder === undefined ? [] : [`--in=${folder}`]),
    ...(tls === undefined ? [] : [`--tls=${tls}`]),
    ...(TEST_CLUSTER === undefined ? [] : [`--cluster=${TEST_CLUSTER}`]),
    ...Object.entries(environment).map(([name, value]) => `--with=${name}=${value}`),
  ]
  const child = spawn(process.execPath, [program, ...parameters], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const told = new EventEmitter()
  let pid: number | undefined
  let url = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word, number, address] = line.split(' ')
    pid = word === 'ready' ? Number(number) : undefined
    url = address ?? url
    told.emit('line')
  })
  const until = async (isUp: boolean) => {
    while ((pid !== undefined) !== isUp) await once(told, 'line')
  }
  await Promise.race([
    until(true),
    exited.then(([code]) => Promise.reject(new Error(`PostgreSQL did not start (${code})`))),
  ])
  const start = async () => {
    child.stdin.write('start\n')
    await until(true)
  }
  return {
    url,
    get pid() {
      if (pid === undefined) throw new Error('PostgreSQL is down')
      return pid
    },
    end: async (signal) => {
      child.stdin.write(`${signal}\n`)
      await until(false)
    },
    start,
    startIfEnded: async () => {
      if (pid === undefined) await start()
    },
    stop: async () => {
      child.stdin.end()
      await exited
    },
  }
}
