import type { ClientConfig } from 'pg'

/** How to connect to a PostgreSQL server or to the embedded database. */
export interface Connector {
  readonly description: string
  /** The largest number of connections at once. */
  readonly size: number
  /** For users' statements. The connection may go through a transaction pooler. */
  readonly pooled: ClientConfig
  /** For migrations and the startup check, which need one session per connection. */
  readonly direct: ClientConfig
  readonly failed: Promise<Error>
  close(): Promise<void>
}
