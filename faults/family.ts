import { readdirSync, readFileSync } from 'node:fs'

/** The children of a process, as Linux tells them. */
export function children(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** A process, its children and theirs. */
export function family(pid: number): number[] {
  return [pid, ...children(pid).flatMap(family)]
}

/** How many files and sockets a process and its family have open. */
export function openFiles(pid: number): number {
  return family(pid).reduce((sum, one) => sum + readdirSync(`/proc/${one}/fd`).length, 0)
}

/** Stops a process and its family where they are, or lets them go on. */
export function freeze(pid: number, frozen: boolean): void {
  // A parent that still runs could start another child.
  for (const one of family(pid)) process.kill(one, frozen ? 'SIGSTOP' : 'SIGCONT')
}
