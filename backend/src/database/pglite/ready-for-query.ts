/** ReadyForQuery, which ends a response, with the state "idle" (PostgreSQL manual §54.7). */
const IDLE = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/** The last bytes of a response, as many as {@link endsIdle} needs. */
export function lastBytes(earlier: Uint8Array, later: Uint8Array): Uint8Array {
  return Buffer.concat([earlier, later.subarray(-IDLE.length)]).subarray(-IDLE.length)
}

/** Whether the response with this end says that no transaction is open. */
export function endsIdle(end: Uint8Array): boolean {
  return IDLE.equals(end.subarray(-IDLE.length))
}
