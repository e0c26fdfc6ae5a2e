import type { Limits } from '../../core/limits.ts'
import type { ConnectionConfig } from '../database-client.ts'
import type { MismatchError } from '../errors.ts'
import type { ScopeChoice } from '../scope.ts'
import type { Batch } from './batch.ts'
import type { Connection } from './connection.ts'
import type { Ticks } from './ticks.ts'

export interface ConnectionEvents {
  /** The connection accepts no more statements. */
  lost(connection: Connection): void
  /** A response belongs to another request. The connection is lost as well. */
  mismatched(error: MismatchError): void
}

export interface ConnectionOptions {
  readonly config: ConnectionConfig
  readonly chooseScope: ScopeChoice
  readonly limits: Limits
  readonly ticks: Ticks
  readonly events: ConnectionEvents
}

/** The statements of a user's transaction, their estimated work, and a callback for the time that they took. */
export interface Sending {
  /** Whether it may wait for a lock for `lockMs`. Nothing is pipelined after it. */
  readonly patient: boolean
  readonly userId: string
  readonly statements: Batch['statements']
  readonly estimateMs: number
  readonly note: (serviceMs: number) => void
}
