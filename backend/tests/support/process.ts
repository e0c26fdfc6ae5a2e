import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../src/core/settings.ts'
import { SECRET } from './app.ts'

const SOURCE = new URL('../../src/', import.meta.url)

export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts a program of `backend/src` as a process, with these settings and no others. */
export function start(
  program: string,
  parameters: string[],
  environment: Environment,
  flags: string[] = [],
  input: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  return spawn(
    process.execPath,
    [...flags, fileURLToPath(new URL(program, SOURCE)), ...parameters],
    {
      env: { PATH: process.env.PATH, BETTER_AUTH_SECRET: SECRET, ...environment },
      stdio: [input, 'pipe', 'pipe'],
    },
  )
}

/** Runs a program of `backend/src` to its end, with what it is to read on standard input. */
export async function run(
  program: string,
  parameters: string[],
  environment: Environment,
  input?: string | Buffer,
): Promise<Run> {
  const child = start(program, parameters, environment, [], input === undefined ? 'ignore' : 'pipe')
  child.stdin?.on('error', () => {}) // a program may end without having read it
  child.stdin?.end(input)
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, ...output }
}

/** The server as a process, which has said how to make the first task. */
export interface Serving {
  readonly pid: number
  readonly port: number
  readonly printed: string
  /** What it has written up to when that matches; what it writes later counts as well. */
  until(pattern: RegExp): Promise<string>
  /** Ends when every process that writes to its output has ended. */
  kill(signal: NodeJS.Signals): Promise<{ code: number | null; output: string }>
}

/** Starts `main.ts` and waits until it has greeted. */
export async function serve(environment: Environment): Promise<Serving> {
  const child = start('main.ts', [], { PORT: '0', ...environment })
  const closed = once(child, 'close')
  let output = ''
  const wrote = new EventEmitter().setMaxListeners(0)
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk
      wrote.emit('more')
    })
  }
  let ended = false
  child.on('close', () => {
    ended = true
    wrote.emit('more')
  })
  const until = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(output)) {
      if (ended) throw new Error(`the server ended without ${pattern}: ${output}`)
      await once(wrote, 'more')
    }
    return output
  }
  const printed = await until(/ {2}database .*\n[\s\S]*\n$/)
  return {
    pid: child.pid ?? 0,
    printed,
    port: Number(/listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]),
    until,
    kill: async (signal) => {
      child.kill(signal)
      const [code] = await closed
      return { code, output }
    },
  }
}
