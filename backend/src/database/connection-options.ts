import type { ClientConfig } from 'pg'
import type { Limits } from '../core/limits.ts'
import type { Connection } from './connection.ts'
import type { MismatchError } from './errors.ts'
import type { Statement } from './session.ts'
import type { Ticks } from './ticks.ts'

export interface ConnectionEvents {
  /** It can be given nothing more. */
  lost(connection: Connection): void
  /** Its answers are those of other requests; it is lost as well. */
  mismatched(error: MismatchError): void
}

export interface ConnectionOptions {
  readonly config: ClientConfig
  readonly limits: Limits
  readonly ticks: Ticks
  readonly events: ConnectionEvents
}

/** What is told of a statement, and of how long the database worked on it. */
export interface Sending {
  readonly userId: string
  readonly statement: Statement<unknown>
  readonly estimateMs: number
  readonly note: (serviceMs: number) => void
}
