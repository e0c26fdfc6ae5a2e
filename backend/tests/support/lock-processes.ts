import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startProcess } from './started.ts'

const PROGRAM = fileURLToPath(new URL('lock-process.ts', import.meta.url))

/** Another process that takes folders; see lock-process.ts. */
export interface LockProcess {
  readonly pid: number
  /** @returns `held`, `refused: …`, `released`, or at the end of the process `ended`. */
  ask(line: string): Promise<string>
  /** What it says next by itself. */
  next(): Promise<string>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<unknown>
}

/** @param unreaped under a parent that never reaps it, as pid 1 of many containers. */
export async function startLockProcess(
  options: object = {},
  unreaped = false,
): Promise<LockProcess> {
  const own = [process.execPath, PROGRAM, JSON.stringify(options)]
  // The shell becomes `sleep`, which has a child and does not know. fd 3 is its standard input.
  const parent = ['sh', '-c', '"$@" <&3 & exec sleep 600', 'sh', ...own]
  const [command = '', ...parameters] = unreaped ? parent : own
  const child = startProcess(command, parameters, { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] })
  const input = unreaped ? child.stdio[3] : child.stdin
  if (child.stdout === null || !input || !('write' in input)) throw new Error('it has no pipes')
  const lines = linesOf(createInterface({ input: child.stdout }))
  const pid = Number(/^ready (\d+)$/.exec(await lines.next())?.[1])
  return {
    pid,
    ask: (line) => {
      input.write(`${line}\n`)
      return lines.next()
    },
    next: () => lines.next(),
    kill: (signal) => process.kill(pid, signal),
    ended: endOf(child, unreaped),
  }
}

async function endOf(child: ChildProcess, unreaped: boolean): Promise<unknown> {
  running.add(child)
  if (unreaped) return undefined
  await once(child, 'exit')
  return running.delete(child)
}

const running = new Set<ChildProcess>()

/** Ends those of this test file, however the test ended. */
export async function endLockProcesses(): Promise<void> {
  for (const child of running) {
    // The one that is not reaped ends with its input.
    child.stdio[3] && 'end' in child.stdio[3] && child.stdio[3].end()
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  running.clear()
}

function linesOf(lines: Interface) {
  const said: string[] = []
  const waiting: ((line: string) => void)[] = []
  const say = (line: string) => {
    const next = waiting.shift()
    if (next) next(line)
    else said.push(line)
  }
  lines.on('line', say)
  lines.on('close', () => say('ended'))
  return {
    next: () => {
      const line = said.shift()
      if (line !== undefined) return Promise.resolve(line)
      return new Promise<string>((resolve) => waiting.push(resolve))
    },
  }
}
