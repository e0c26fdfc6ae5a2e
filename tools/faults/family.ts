import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** The children of a process, as Linux tells them; one that has ended has none. */
export function children(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return text.split(' ').filter(Boolean).map(Number)
}

/** A process, its children and theirs. */
export function family(pid: number): number[] {
  return [pid, ...children(pid).flatMap(family)]
}

/** How many files and sockets a process and its family have open. */
export function openFiles(pid: number): number {
  return family(pid).reduce((sum, one) => sum + filesOf(one), 0)
}

function filesOf(pid: number): number {
  const folder = `/proc/${pid}/fd`
  return existsSync(folder) ? readdirSync(folder).length : 0
}

/** Stops a process and its family where they are, or lets them go on. */
export function freeze(pid: number, frozen: boolean): void {
  // Before its children are looked for: a parent that runs could start another.
  if (!signal(pid, frozen ? 'SIGSTOP' : 'SIGCONT')) return
  for (const child of children(pid)) freeze(child, frozen)
}

/** @returns whether there was such a process. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
