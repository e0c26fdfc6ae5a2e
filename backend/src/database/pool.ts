import { Client, type ClientConfig } from 'pg'
import { AppError } from '../core/errors.ts'
import { fromDatabase, sqlState, unavailable } from './errors.ts'
import { ScopedQuery } from './scoped-query.ts'
import { type Database, SCOPE, type Statement } from './session.ts'

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

export const CONNECT_TIMEOUT_MS = 5_000
/** A connection that owes answers and sends nothing for this long is given up. */
const SILENCE_LIMIT_MS = 10_000
/** Statements one connection may owe at once; beyond it the server says 503 at once. */
const MAX_IN_FLIGHT_PER_CONNECTION = 128
/** Prepares the scope and shows that the login may take the role; it leaves no trace. */
const prologue = { ...SCOPE, values: [''], query_timeout: CONNECT_TIMEOUT_MS }
/**
 * SQLSTATEs after which a connection is of no more use: the server is ending it (57P…), it has
 * become a standby, or pg and the server disagree on what is prepared.
 */
const SPENT = /^57P|^25006$|^26000$|^42P05$/

/**
 * Connections shared by all requests: a statement is written to the least busy one at once and its
 * answer waited for, behind others' (pg's pipeline mode). Connections are opened as they are
 * needed and replaced when they are lost; what was in flight on a lost one fails, nothing else.
 */
export class PipelinedPool implements Database {
  readonly description: string
  readonly failed: Promise<Error>
  readonly #connector: Connector
  readonly #maxInFlight: number
  readonly #sessions = new Set<Session>()
  readonly #watchdog: NodeJS.Timeout
  #opening: Promise<Session> | undefined
  #inFlight = 0
  #closed = false

  constructor(connector: Connector) {
    this.description = connector.description
    this.failed = connector.failed
    this.#connector = connector
    this.#maxInFlight = connector.size * MAX_IN_FLIGHT_PER_CONNECTION
    this.#watchdog = setInterval(() => this.#endSilentSessions(), 1_000).unref()
  }

  asUser<Result>(userId: string, statement: Statement<Result>): Promise<Result> {
    return this.#use(
      (session) =>
        new Promise((resolve, reject) => {
          session.send(userId, statement, (error, result) => {
            // A statement without an error has a result: its `read` returned it.
            if (error === undefined) resolve(result as Result)
            else reject(error)
          })
        }),
    )
  }

  async ping(): Promise<void> {
    await this.#use((session) => session.ping())
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#watchdog)
    await this.#opening?.catch(() => undefined)
    await Promise.all([...this.#sessions].map((session) => session.end()))
    await this.#connector.close()
  }

  async #use<Result>(run: (session: Session) => Promise<Result>): Promise<Result> {
    if (this.#closed) throw unavailable(new Error('the pool is closed'))
    if (this.#inFlight >= this.#maxInFlight) {
      throw unavailable(new Error(`${this.#inFlight} statements are in flight`))
    }
    this.#inFlight += 1
    try {
      return await run(this.#leastBusy() ?? (await this.#open()))
    } catch (error) {
      throw error instanceof AppError ? error : fromDatabase(error)
    } finally {
      this.#inFlight -= 1
    }
  }

  #leastBusy(): Session | undefined {
    let least: Session | undefined
    for (const session of this.#sessions) {
      if (least === undefined || session.pending < least.pending) least = session
    }
    if (least !== undefined && least.pending > 0 && this.#sessions.size < this.#connector.size) {
      // One more for the requests to come; when it fails, those that need it will see why.
      this.#open().catch(() => undefined)
    }
    return least
  }

  #open(): Promise<Session> {
    this.#opening ??= Session.open(this.#connector.pooled, (session) =>
      this.#sessions.delete(session),
    )
      .then((session) => {
        this.#sessions.add(session)
        return session
      })
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }

  #endSilentSessions(): void {
    for (const session of this.#sessions) session.endIfSilent()
  }
}

/** One connection in pipeline mode, with the count of what it owes. */
class Session {
  readonly #client: Client
  readonly #lost: (session: Session) => void
  #heardMs = 0
  pending = 0

  private constructor(client: Client, lost: (session: Session) => void) {
    this.#client = client
    this.#lost = lost
  }

  /** @throws whatever pg reports when the server is away, or the login may not take the role. */
  static async open(config: ClientConfig, lost: (session: Session) => void): Promise<Session> {
    const client = new Client({
      ...config,
      pipeline: true,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    })
    const session = new Session(client, lost)
    // Without a listener the loss of an idle connection would end the process.
    client.on('error', () => lost(session))
    client.on('end', () => lost(session))
    try {
      await client.connect()
      await client.query(prologue)
    } catch (error) {
      client.end().catch(() => undefined)
      throw error
    }
    return session
  }

  send<Result>(
    userId: string,
    statement: Statement<Result>,
    settle: (error: unknown, result?: Result) => void,
  ): void {
    this.#sent()
    this.#client.query(
      new ScopedQuery(userId, statement, (error, result?: Result) => {
        this.#heard(error)
        settle(error, result)
      }),
    )
  }

  async ping(): Promise<void> {
    this.#sent()
    try {
      await this.#client.query('select 1')
      this.#heard(undefined)
    } catch (error) {
      this.#heard(error)
      throw error
    }
  }

  async end(): Promise<void> {
    await this.#client.end()
  }

  endIfSilent(): void {
    if (this.pending > 0 && performance.now() - this.#heardMs > SILENCE_LIMIT_MS) this.#destroy()
  }

  #sent(): void {
    if (this.pending === 0) this.#heardMs = performance.now()
    this.pending += 1
  }

  #heard(error: unknown): void {
    this.pending -= 1
    this.#heardMs = performance.now()
    const state = error === undefined ? undefined : sqlState(error)
    if (state !== undefined && SPENT.test(state)) this.#destroy()
  }

  #destroy(): void {
    this.#lost(this)
    this.#client.connection.stream.destroy(new Error('the database stopped answering'))
  }
}
