import { hintOf } from '../../models/changes/hints.ts'
import type { ChangeStream } from './stream.ts'

/** The pause after a failed read. It doubles with each further one, and half of it is random. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/** The streams of one user in this process. At most one read is in progress for them. */
export interface Reader {
  readonly userId: string
  readonly hint: string
  readonly streams: Set<ChangeStream>
  isReading: boolean
  failures: number
  /** After a failure, on the monotonic clock. */
  pausedUntilMs: number
}

export function newReader(userId: string): Reader {
  return {
    ...{ userId, hint: hintOf(userId), streams: new Set<ChangeStream>() },
    ...{ isReading: false, failures: 0, pausedUntilMs: 0 },
  }
}

/** Whether the stream may read, and has something to read. */
export const isReady = ({ isReading, isStale }: ChangeStream): boolean => isReading && isStale

export function nextOf({ streams }: Reader): ChangeStream | undefined {
  for (const stream of streams) if (isReady(stream)) return stream
  return undefined
}

export function pauseAfterFailure(reader: Reader): void {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** reader.failures)
  reader.failures += 1
  reader.pausedUntilMs = performance.now() + (pauseMs / 2) * (1 + Math.random())
}
