import { cpus } from 'node:os'

/**
 * How many cores were busy, on average, while the work went on: whoever used them, so that a machine
 * that others use as well shows.
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
