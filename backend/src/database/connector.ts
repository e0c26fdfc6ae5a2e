import type { ClientConfig } from 'pg'

/** Where connections come from: a PostgreSQL server, or the embedded database. */
export interface Connector {
  readonly description: string
  /** How many connections there may be at once. */
  readonly size: number
  /** Connections that statements of users travel on; a transaction pooler may stand between. */
  readonly pooled: ClientConfig
  /** Connections that keep a session, for migrations. */
  readonly direct: ClientConfig
  readonly failed: Promise<Error>
  close(): Promise<void>
}
