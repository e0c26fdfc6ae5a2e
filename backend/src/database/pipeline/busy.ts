import type { Connection } from './connection.ts'

/** @returns the free connection that owes the fewest responses; undefined if none is free. */
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
 * Whether each connection owes a response and has sent nothing for `stuckMs`. False without connections,
 * because opening the first one has its own time limit.
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
