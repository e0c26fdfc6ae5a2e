import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** @returns the children of a process, from /proc. A process that has ended has none. */
export function children(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return text.split(' ').filter(Boolean).map(Number)
}

/** @returns a process and its descendants. */
export function family(pid: number): number[] {
  return [pid, ...children(pid).flatMap(family)]
}

/** @returns the number of files and sockets that a process and its descendants have open. */
export function openFiles(pid: number): number {
  return family(pid).flatMap(filesOf).length
}

/** @returns how many of these are sockets. An embedded database opens further files as long as it is new. */
export function openSockets(pid: number): number {
  return family(pid)
    .flatMap(filesOf)
    .filter((file) => file.startsWith('socket:')).length
}

/** @returns the target of each open file. */
function filesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  if (!existsSync(folder)) return []
  return readdirSync(folder).map((file) => targetOf(`${folder}/${file}`))
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return 'closed meanwhile'
  }
}

/** Suspends a process and its descendants, or continues them. */
export function freeze(pid: number, frozen: boolean): void {
  // Before the search for its children, because a running parent could start another child.
  if (!signal(pid, frozen ? 'SIGSTOP' : 'SIGCONT')) return
  for (const child of children(pid)) freeze(child, frozen)
}

/** @returns whether the process existed. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
