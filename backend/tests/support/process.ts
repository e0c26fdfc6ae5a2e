import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../src/core/config/settings.ts'
import type { Bounds } from '../../src/processes/bounds.ts'
import { LONG_MS, PATIENT, SECRET } from './app.ts'
import { outputOf, startProcess } from './started.ts'

const SOURCE = new URL('../../src/', import.meta.url)
/** What a program of `backend/src` is given besides its settings. */
export const PROGRAM_ENVIRONMENT = {
  PATH: process.env.PATH,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
  BETTER_AUTH_SECRET: SECRET,
}

/** Bounds in place of the server's own. */
export type OwnBounds = { readonly [Name in keyof Bounds]?: Partial<Bounds[Name]> }

/** Nothing that a test waits for exceeds these, however slow or busy the machine is. */
export const PATIENT_BOUNDS = {
  limits: PATIENT,
  stop: {
    sameSignalMs: LONG_MS,
    requestsMs: LONG_MS,
    closeMs: LONG_MS,
    hangingMs: LONG_MS,
    lastMs: LONG_MS,
  },
  lease: { answerMs: LONG_MS, returnMs: LONG_MS },
  steadyMs: LONG_MS,
} satisfies OwnBounds

/** The program and the parameters of a server with these bounds. */
export function serverWith(bounds: OwnBounds): [program: string, ...parameters: string[]] {
  const program = new URL('bounded-main.ts', import.meta.url)
  return [fileURLToPath(program), JSON.stringify(bounds)]
}

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
  return startProcess(
    process.execPath,
    [...flags, fileURLToPath(new URL(program, SOURCE)), ...parameters],
    {
      env: { ...PROGRAM_ENVIRONMENT, ...environment },
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
  return read(child)
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
  /** When the process itself has ended; what it started may not have. */
  readonly exited: Promise<unknown>
  /** Fails if it ends before that. */
  readonly ended: Promise<never>
}

/** Starts the server as `main.ts` does, and waits until it has greeted. */
export async function serve(
  environment: Environment,
  bounds: OwnBounds = PATIENT_BOUNDS,
): Promise<Serving> {
  const [program, ...parameters] = serverWith(bounds)
  const { pid, until, kill, exited, ended } = outputOf(
    start(program, parameters, { PORT: '0', ...environment }),
  )
  const printed = await until(/ {2}database .*\n[\s\S]*\n$/)
  const before = ended.then(({ output }) => {
    throw new Error(`the server ended: ${output}`)
  })
  before.catch(() => {}) // it ends some time
  return {
    pid,
    printed,
    port: Number(/listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]),
    until,
    exited,
    ended: before,
    kill: (signal) => {
      kill(signal)
      return ended
    },
  }
}

/** Runs any program to its end. @throws when it fails, with what it wrote. */
export async function runProgram(
  command: string,
  parameters: readonly string[],
  options: SpawnOptions,
): Promise<Run> {
  const ended = await read(startProcess(command, parameters, options))
  if (ended.code === 0) return ended
  throw Object.assign(new Error(`${command} ended with ${ended.code}: ${ended.stderr}`), ended)
}

async function read(child: ChildProcess): Promise<Run> {
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk) => {
      output[name] += chunk
    })
  }
  const [code] = await once(child, 'close')
  return { code, ...output }
}
