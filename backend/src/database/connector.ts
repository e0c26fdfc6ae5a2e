import type { ConnectionConfig } from './database-client.ts'
import type { ScopeChoice } from './scope.ts'

/** How to connect to a PostgreSQL server or to the embedded database. */
export interface Connector {
  readonly description: string
  /** The largest number of connections at once. */
  readonly size: number
  /** For users' statements. The connection may go through a transaction pooler. */
  readonly pooled: ConnectionConfig
  /** Decides how users' statements run on a connection. */
  readonly chooseScope: ScopeChoice
  /** For migrations and the startup check, which need one session per connection. */
  readonly direct: ConnectionConfig
  readonly failed: Promise<Error>
  close(): Promise<void>
}
