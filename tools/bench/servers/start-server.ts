import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** A command and its arguments, run in the folder of this repository. */
export type Program = readonly [command: string, ...args: string[]]

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Benchmarks do not depend on a developer's file. */
const DOTENV = ' --import ./scripts/dotenv.mjs'

/** A program of this repository, with the options that `npm start` gives the server. */
export function node(file: string): Program {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const [, setting, options] =
    /^exec env (\S+) node (.*) backend\/src\/main\.ts$/.exec(scripts.start.replace(DOTENV, '')) ??
    []
  if (setting === undefined || options === undefined)
    throw new Error('The start script in package.json has another form. Adapt this pattern')
  return ['env', setting, process.execPath, ...options.split(' '), file]
}

/** The program that `npm start` runs. */
export const SERVICE = node('backend/src/main.ts')
const READY_LIMIT_MS = 30_000
const POLL_MS = 5
const ANSWER_LIMIT_MS = 1_000

export interface Server {
  readonly url: string
  readonly pid: number
  /** The time from spawn to the first 200 of /readyz. */
  readonly readyMs: number
  stop(): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
// An ordinary exit, so that the exit listener runs.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

/** Ends a child process when this process ends. */
export function endWithThisProcess(child: ChildProcess): ChildProcess {
  running.add(child)
  child.on('exit', () => running.delete(child))
  return child
}

/**
 * Starts a server of this repository on a free port and waits until it is ready.
 *
 * @param settings its whole environment except PATH, HOST and PORT, so that settings in the environment of
 *   the benchmark have no effect.
 * @param folder of its log.
 */
export async function startServer(
  program: Program,
  settings: Record<string, string>,
  folder: string,
): Promise<Server> {
  const port = await freePort()
  const logFile = join(folder, `server-${port}.log`)
  const log = openSync(logFile, 'w')
  const startedMs = performance.now()
  const [command, ...args] = program
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(port), ...settings },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  endWithThisProcess(child)
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  while ((await statusOf(`${url}/readyz`)) !== 200) {
    if (child.exitCode !== null || performance.now() - startedMs > READY_LIMIT_MS) {
      child.kill('SIGKILL')
      throw new Error(`${program.at(-1)} did not start:\n${readFileSync(logFile, 'utf8')}`)
    }
    await sleep(POLL_MS)
  }
  return {
    url,
    pid: child.pid ?? Number.NaN, // a running process has one
    readyMs: performance.now() - startedMs,
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const sent = get(url, { agent: false, timeout: ANSWER_LIMIT_MS }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve(undefined))
  })
}

/** @returns a port that no program listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (typeof address !== 'object' || address === null) throw new Error('There is no free port')
  return address.port
}
