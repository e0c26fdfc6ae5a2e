import { cpus } from 'node:os'

/**
 * Measures how many cores were busy on average during some work. It includes other programs, so that the
 * report shows whether the machine was shared.
 */
export async function busyCores<Result>(
  work: () => Promise<Result>,
): Promise<{ cores: number; result: Result }> {
  const startedMs = performance.now()
  const before = busyMs()
  const result = await work()
  return { cores: (busyMs() - before) / (performance.now() - startedMs), result }
}

function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}
