import type { Connection } from './connection.ts'

/** The connection that owes the fewest answers, of those that may be given more. */
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
 * Whether each owes an answer, and none has answered for so long. While the first connection is opened
 * there is nothing to hear, and the wait for it is bounded.
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
