import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
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
