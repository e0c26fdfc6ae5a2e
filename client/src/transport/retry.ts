import { ConnectionError, TodoError } from './errors.ts'

const LONGEST_WAIT_MS = 30_000

/**
 * @param attempt the number of the attempt that failed, from 1.
 * @returns the milliseconds to wait before the next one, or null if it would fail as well: 1 s, 2 s,
 *   4 s …, or the server's `Retry-After` if that is longer, and up to half of that longer, so that clients do not return together.
 */
export function waitBeforeRetry(error: unknown, attempt: number): number | null {
  const backoff = 1_000 * 2 ** (attempt - 1)
  let ms = error instanceof ConnectionError ? backoff : null
  if (error instanceof TodoError) {
    const { status, retryAfterMs } = error
    const isTemporary = retryAfterMs !== null || [502, 503, 504].includes(status)
    if (isTemporary) ms = Math.max(retryAfterMs ?? 0, backoff)
  }
  return ms === null || ms > LONGEST_WAIT_MS ? null : ms * (1 + Math.random() / 2)
}
