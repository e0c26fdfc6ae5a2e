import { AppError } from '../core/errors.ts'
import { isDeadlock } from '../database/errors.ts'

/**
 * Whether a concurrent request made this one fail: two sign-ups with one address, or two uses of an
 * account's codes. A second attempt gives the usual response, which reveals no more than it should. Using
 * a code locks it and then changes the password, which deletes all codes, so two uses deadlock.
 */
export function crossedAnother(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  return error.code === 'conflict' || isDeadlock(error.cause)
}

/** Better Auth throws only for faults and for input that it cannot parse; it returns its refusals. */
export function asFailure(cause: unknown): AppError {
  const unreadable = cause instanceof Error && cause.name === 'ZodError'
  return new AppError(unreadable ? 'bad_request' : 'internal_error', { cause })
}
