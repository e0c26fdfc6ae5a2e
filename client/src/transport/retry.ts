import { ConnectionError, TodoError } from './errors.ts'

const LONGEST_WAIT_MS = 30_000

/**
 * @param attempt the number of the attempt that failed, from 1.
 * @returns the milliseconds to wait before the next one, or null if it would fail as well: the server's
 *   `Retry-After`, or else 1 s, 2 s, 4 s …, and up to half of that longer, so that clients do not return together.
 */
export function waitBeforeRetry(error: unknown, attempt: number): number | null {
  const backoff = 1_000 * 2 ** (attempt - 1)
  let ms: number | null = null
  if (error instanceof ConnectionError) ms = backoff
  else if (error instanceof TodoError) {
    ms = error.retryAfterMs ?? ([502, 503, 504].includes(error.status) ? backoff : null)
  }
  return ms === null || ms > LONGEST_WAIT_MS ? null : ms * (1 + Math.random() / 2)
}
