import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface PostgresServer {
  /** A URL of the superuser `postgres`. */
  readonly url: string
  /** The process to stop; PostgreSQL itself is a child of it. */
  stop(): Promise<void>
}

/**
 * Starts a PostgreSQL server of this machine's own (see postgres-server.ts), gone with this process.
 *
 * @param settings such as `fsync=off`.
 */
export async function startPostgres(...settings: string[]): Promise<PostgresServer> {
  const program = fileURLToPath(new URL('./postgres-server.ts', import.meta.url))
  const child = spawn(process.execPath, [program, ...settings.map((setting) => `--${setting}`)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const url = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    exited.then(([code]) => Promise.reject(new Error(`PostgreSQL did not start (${code})`))),
  ])
  return {
    url,
    stop: async () => {
      child.stdin.end()
      await exited
    },
  }
}
