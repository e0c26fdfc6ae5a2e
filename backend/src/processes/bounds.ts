import { LIMITS, type Limits } from '../core/limits.ts'
import { STOP_LIMITS, type StopLimits } from './stop.ts'

/** How long server processes wait for each other's messages about the limits of users. */
export interface LeaseLimits {
  /** A worker does not wait longer for the primary. */
  readonly answerMs: number
  /** The primary does not wait longer for a worker to return its lease, and counts all of it as used. */
  readonly returnMs: number
}

export const LEASE_LIMITS: LeaseLimits = { answerMs: 3_000, returnMs: 1_000 }

/** All bounds of a server's processes. A test passes others, so that a slow machine exceeds none of them. */
export interface Bounds {
  readonly limits: Limits
  readonly stop: StopLimits
  readonly lease: LeaseLimits
  /** A worker that listened for this long did not end because of its start. */
  readonly steadyMs: number
}

export const BOUNDS: Bounds = {
  limits: LIMITS,
  stop: STOP_LIMITS,
  lease: LEASE_LIMITS,
  steadyMs: 10_000,
}
