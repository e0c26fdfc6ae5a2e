import type { ClientConfig } from 'pg'
import { LIMITS } from '../core/limits.ts'
import { Connection } from './connection.ts'
import { fromDatabase, unavailable } from './errors.ts'
import type { Database, Statement } from './session.ts'

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

/**
 * Connections shared by all requests: a statement is written to the least busy one at once and its
 * answer waited for, behind others' (pg's pipeline mode). Connections are opened as they are
 * needed and replaced when they are lost; what was in flight on a lost one fails, nothing else.
 */
export class PipelinedPool implements Database {
  readonly description: string
  readonly failed: Promise<Error>
  readonly #connector: Connector
  readonly #connections = new Set<Connection>()
  readonly #watchdog: NodeJS.Timeout
  #opening: Promise<Connection> | undefined
  #inFlight = 0
  #closed = false

  constructor(connector: Connector) {
    this.description = connector.description
    this.failed = connector.failed
    this.#connector = connector
    this.#watchdog = setInterval(() => this.#endSilentConnections(), 1_000).unref()
  }

  async asUser<Result>(userId: string, statement: Statement<Result>): Promise<Result> {
    return statement.read(await this.#use((connection) => connection.send(userId, statement)))
  }

  async ping(): Promise<void> {
    await this.#use((connection) => connection.ping())
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#watchdog)
    await this.#opening?.catch(() => undefined)
    await Promise.all([...this.#connections].map((connection) => connection.end()))
    await this.#connector.close()
  }

  async #use<Result>(run: (connection: Connection) => Promise<Result>): Promise<Result> {
    if (this.#closed) throw unavailable(new Error('the pool is closed'))
    if (this.#inFlight >= LIMITS.statementsInFlight) {
      throw unavailable(new Error(`${this.#inFlight} statements are in flight`))
    }
    this.#inFlight += 1
    try {
      return await run(this.#leastBusy() ?? (await this.#open()))
    } catch (error) {
      throw fromDatabase(error)
    } finally {
      this.#inFlight -= 1
    }
  }

  #leastBusy(): Connection | undefined {
    let least: Connection | undefined
    for (const connection of this.#connections) {
      if (least === undefined || connection.pending < least.pending) least = connection
    }
    if (least !== undefined && least.pending > 0 && this.#connections.size < this.#connector.size) {
      // One more for the requests to come; when it fails, those that need it will see why.
      this.#open().catch(() => undefined)
    }
    return least
  }

  #open(): Promise<Connection> {
    this.#opening ??= Connection.open(this.#connector.pooled, (connection) =>
      this.#connections.delete(connection),
    )
      .then((connection) => {
        this.#connections.add(connection)
        return connection
      })
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }

  #endSilentConnections(): void {
    for (const connection of this.#connections) connection.endIfSilent()
  }
}
