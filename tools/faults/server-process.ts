import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { endWithThisProcess, freePort, SERVICE } from '../bench/servers/start-server.ts'
import { SECRET } from './load/secret.ts'
import { ORIGIN } from './load/sign-up.ts'
import { collectable, collectGarbage } from './memory/collect-garbage.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START_LIMIT_MS = 40_000

export interface ServerOptions {
  readonly settings: Readonly<Record<string, string>>
  /** The folder of its log. */
  readonly folder: string
  /** Another copy of the sources. */
  readonly root?: string
  /** A command that runs the server, such as `unshare` with its arguments. */
  readonly under?: readonly string[]
}

/** A process that runs the same program as `npm start` in production. */
export interface ServerProcess {
  readonly pid: number
  readonly port: number
  /** Resolves with the exit code, or with the signal that ended the process. */
  readonly ended: Promise<number | string>
  runs(): boolean
  kill(signal: NodeJS.Signals): void
  /** Resolves when all of its processes have collected their garbage. */
  collectGarbage(): Promise<void>
  log(): string
}

let started = 0

/** Starts a server and does not wait for it. */
export async function launch({
  settings,
  folder,
  root = ROOT,
  under = [],
}: ServerOptions): Promise<ServerProcess> {
  const port = await freePort()
  started += 1
  const file = join(folder, `server-${started}.log`)
  const log = openSync(file, 'w')
  const collected = join(folder, `collected-${started}`)
  const [command = '', ...parameters] = [...under, ...SERVICE]
  const child = spawn(command, parameters, {
    cwd: root,
    env: {
      ...{ PATH: process.env.PATH, NODE_ENV: 'production', BETTER_AUTH_SECRET: SECRET },
      ...{ BETTER_AUTH_URL: ORIGIN, HOST: '127.0.0.1', PORT: String(port) },
      // Each sign-up uses its own client address.
      ...{ RATE_LIMIT_PER_MINUTE: '0', TRUST_PROXY: '127.0.0.1' },
      ...collectable(collected),
      ...settings,
    },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  endWithThisProcess(child)
  const pid = child.pid ?? 0
  return {
    pid,
    port,
    ended: endOf(child),
    runs: () => child.exitCode === null && child.signalCode === null,
    kill: (signal) => void child.kill(signal),
    collectGarbage: () => collectGarbage(pid, collected),
    log: () => readFileSync(file, 'utf8'),
  }
}

/** Starts a server and waits until it is ready. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const server = await launch(options)
  const limitMs = performance.now() + START_LIMIT_MS
  while (!(await isReady(server.port))) {
    if (!server.runs() || performance.now() > limitMs) {
      throw new Error(`the server did not start: ${server.log().slice(-2_000)}`)
    }
    await sleep(20)
  }
  return server
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.status === 200
}

async function endOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = await once(child, 'exit')
  return code ?? signal
}
