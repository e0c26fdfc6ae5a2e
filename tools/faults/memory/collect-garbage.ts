import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { family, signal } from '../family.ts'

const PROGRAM = new URL('collect-on-signal.mjs', import.meta.url)
/** The bit of SIGUSR2, which is 12, in a mask of signals. */
const SIGUSR2 = 1n << 11n
const COLLECTED_MS = 20_000

/**
 * @param file the beginning of the names of files that the processes write.
 * @returns the environment of a process whose garbage {@link collectGarbage} collects.
 */
export function collectable(file: string): Record<string, string> {
  return { NODE_OPTIONS: `--import ${PROGRAM.href}`, COLLECTED_FILE: file }
}

/** Makes a process and its descendants collect the garbage of their main threads, and waits until they have. */
export async function collectGarbage(pid: number, file: string): Promise<void> {
  const asked = family(pid).filter(listens)
  const fileOf = (one: number) => `${file}.${one}`
  for (const one of asked) {
    rmSync(fileOf(one), { force: true })
    signal(one, 'SIGUSR2')
  }
  const limitMs = performance.now() + COLLECTED_MS
  while (asked.some((one) => !existsSync(fileOf(one)) && listens(one))) {
    if (performance.now() > limitMs) throw new Error('the server did not collect its garbage')
    await sleep(10)
  }
}

/** Whether a process handles SIGUSR2, which would end any other process. It needs /proc. */
function listens(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const [, handled = '0'] = /^SigCgt:\s+([0-9a-f]+)$/m.exec(status) ?? []
    return (BigInt(`0x${handled}`) & SIGUSR2) !== 0n
  } catch {
    return false // it has ended
  }
}
