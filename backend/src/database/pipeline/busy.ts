import type { Connection } from './connection.ts'

/** @returns the connection that owes the fewest responses among those that are free; undefined without one. */
export function leastBusy(
  nowMs: number,
  connections: ReadonlySet<Connection>,
): Connection | undefined {
  let least: Connection | undefined
  for (const connection of connections) {
    if (least !== undefined && connection.pending >= least.pending) continue
    if (connection.isFree(nowMs)) least = connection
  }
  return least
}

/**
 * Whether each connection owes a response and has sent none for `stuckMs`. False without connections,
 * because the time to open the first one is bounded by itself.
 */
export function areStuck(
  connections: ReadonlySet<Connection>,
  nowMs: number,
  stuckMs: number,
): boolean {
  for (const { pending, heardMs } of connections) {
    if (pending === 0 || nowMs - heardMs <= stuckMs) return false
  }
  return connections.size > 0
}
