import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Linux reports CPU time in hundredths of a second on every machine (USER_HZ). */
const TICK_MS = 10
const HAS_PROC = existsSync('/proc/self/stat')

export interface Memory {
  readonly rssBytes: number
  /** The highest value so far; null if the system does not record it. */
  readonly peakRssBytes: number | null
}

/**
 * @returns the CPU time, user and system, that a process and its children have used in all threads, in
 * milliseconds.
 */
export function cpuMs(pid: number): number {
  return processes(pid).reduce(
    (sum, one) => sum + (HAS_PROC ? ticks(one) * TICK_MS : clock(ps(one, 'time')) * 1_000),
    0,
  )
}

/**
 * The same as {@link cpuMs} in nanoseconds' resolution where Linux reports it, for measurements of a fraction of a
 * second. Threads and processes that have ended are not in it.
 */
export function fineCpuMs(pid: number): number {
  if (!existsSync(`/proc/${pid}/schedstat`)) return cpuMs(pid)
  return processes(pid)
    .flatMap((one) => readdirSync(`/proc/${one}/task`).map((thread) => `${one}/task/${thread}`))
    .reduce((sum, thread) => sum + runMs(thread), 0)
}

/** The first field of schedstat is the time on a processor in nanoseconds. */
function runMs(thread: string): number {
  return Number(readFileSync(`/proc/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6
}

/** @returns the memory of a process and its children. Shared memory counts for each. */
export function memory(pid: number): Memory {
  return processes(pid)
    .map(memoryOfOne)
    .reduce((sum, one) => ({
      rssBytes: sum.rssBytes + one.rssBytes,
      peakRssBytes:
        sum.peakRssBytes === null || one.peakRssBytes === null
          ? null
          : sum.peakRssBytes + one.peakRssBytes,
    }))
}

function memoryOfOne(pid: number): Memory {
  if (!HAS_PROC) return { rssBytes: Number(ps(pid, 'rss')) * 1024, peakRssBytes: null }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return { rssBytes: kilobytes(status, 'VmRSS'), peakRssBytes: kilobytes(status, 'VmHWM') }
}

/** @returns the process and, if the system reports them, its descendants. */
function processes(pid: number): number[] {
  const children = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(children)) return [pid]
  const pids = readFileSync(children, 'utf8').split(' ').filter(Boolean).map(Number)
  return [pid, ...pids.flatMap(processes)]
}

/** Fields 14 and 15 of proc_pid_stat(5), counted after the name in field 2, which may contain spaces. */
function ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

function kilobytes(status: string, name: string): number {
  const [, value] = status.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm')) ?? []
  return Number(value) * 1024
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim()
}

/** @returns a time such as `1:02:03.4` in seconds. */
function clock(text: string): number {
  return text.split(':').reduce((total, part) => total * 60 + Number(part), 0)
}
