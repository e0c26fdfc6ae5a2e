import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../bench/servers/start-server.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A server of `npm start` on a database in a temporary folder. */
export interface TemporaryServer {
  readonly url: string
  close(): Promise<void>
}

/**
 * @param environment of the server.
 * @param prepare runs before the start, such as a program that fills the database.
 */
export async function startTemporaryServer(
  environment: NodeJS.ProcessEnv = {},
  prepare: (environment: NodeJS.ProcessEnv) => Promise<unknown> = async () => {},
): Promise<TemporaryServer> {
  const folder = await mkdtemp(join(tmpdir(), 'todo-page-'))
  const port = await freePort()
  const env = {
    ...{ PATH: process.env.PATH, DATABASE_URL: `pglite:${join(folder, 'tasks')}` },
    ...{ PORT: String(port), ...environment },
  }
  await prepare(env)
  const server = spawn(process.execPath, ['backend/src/main.ts'], { cwd: ROOT, env, stdio: 'pipe' })
  // The server prints its address when it listens.
  await once(server.stdout, 'data')
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.kill()
      await once(server, 'exit')
      await rm(folder, { recursive: true })
    },
  }
}
