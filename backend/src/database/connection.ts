import { Client, type ClientConfig } from 'pg'
import { LIMITS } from '../core/limits.ts'
import { isDisagreement, isSpent, MismatchError } from './errors.ts'
import { ScopedQuery } from './scoped-query.ts'
import {
  POOLED_SCOPE,
  type Row,
  SCOPE,
  SESSION_LIMITS,
  type Sql,
  type Statement,
} from './session.ts'

export const CONNECT_TIMEOUT_MS = 5_000

export interface ConnectionEvents {
  /** It can be given nothing more. */
  lost(connection: Connection): void
  /** Its answers are those of other requests; it is lost as well. */
  mismatched(error: MismatchError): void
}

/** One connection in pipeline mode, with the count of what it owes. */
export class Connection {
  readonly #client: Client
  readonly #events: ConnectionEvents
  #scope: Sql = POOLED_SCOPE
  /** Until it shows that it stands before a pooler which forgets prepared statements. */
  #prepares = true
  #gathering = false
  #ranDry = false
  /** Why nothing that still arrives counts. */
  #givenUp: unknown
  /** When the last answer came, or the first statement after a rest was sent. */
  heardMs = 0
  pending = 0
  /** How many statements it may owe before others wait. */
  ahead: number = LIMITS.statementsAhead

  private constructor(client: Client, events: ConnectionEvents) {
    this.#client = client
    this.#events = events
  }

  /** @throws whatever pg reports when the server is away, or the login may not take the role. */
  static async open(config: ClientConfig, events: ConnectionEvents): Promise<Connection> {
    const client = new Client({
      ...config,
      pipeline: true,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    })
    const connection = new Connection(client, events)
    // Without a listener the loss of an idle connection would end the process.
    client.on('error', () => events.lost(connection))
    client.on('end', () => events.lost(connection))
    try {
      await client.connect()
      await connection.#begin()
    } catch (error) {
      client.end().catch(() => undefined)
      throw error
    }
    return connection
  }

  /** Writes the statement, in the user's scope, behind those that are under way. */
  send(userId: string, statement: Statement<unknown>): Promise<readonly Row[]> {
    this.#sent()
    this.#gather()
    const prepared = this.#prepares
    return new Promise((resolve, reject) => {
      const run = { scope: this.#scope, userId, statement, prepared }
      const query = new ScopedQuery(run, (failed, rows) => {
        const error = this.#givenUp ?? failed
        if (prepared && this.#isForgotten(error)) {
          this.#prepares = false
          this.#heard(undefined)
          return this.send(userId, statement).then(resolve, reject)
        }
        this.#heard(error)
        if (error === undefined) resolve(rows)
        else reject(error)
      })
      this.#client.query(query)
    })
  }

  /** Behind a pooler, another session of the server has not seen what this connection prepared. */
  #isForgotten(error: unknown): boolean {
    return error !== undefined && this.#scope === POOLED_SCOPE && isDisagreement(error)
  }

  /** Finds out whose the session is, and that the login may take the role; that leaves no trace. */
  async #begin(): Promise<void> {
    const limits = { query_timeout: CONNECT_TIMEOUT_MS }
    const { processID } = this.#client as { processID?: number } // pg's types lack it
    const session = { text: SESSION_LIMITS.text, values: [processID ?? 0], ...limits }
    const { rows } = await this.#client.query<{ own: boolean }>(session)
    if (rows[0]?.own) this.#scope = SCOPE
    await this.#client.query({ text: this.#scope.text, values: ['', ''], ...limits })
  }

  /**
   * What this turn of the event loop sends goes out in one write. Under load a write is the dearest
   * thing a request does here, and several requests come with one turn.
   */
  #gather(): void {
    if (this.#gathering) return
    this.#gathering = true
    const { stream } = this.#client.connection
    stream.cork()
    setImmediate(() => {
      this.#gathering = false
      stream.uncork()
    })
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

  giveMoreAhead(): void {
    this.#ranDry = true
    this.ahead = Math.min(2 * this.ahead, LIMITS.statementsInFlight)
  }

  /** Unless it has run dry since the last time. */
  giveLessAhead(): void {
    if (!this.#ranDry) this.ahead = Math.max(this.ahead / 2, LIMITS.statementsAhead)
    this.#ranDry = false
  }

  endIfSilent(): void {
    if (this.pending === 0) return
    if (performance.now() - this.heardMs > LIMITS.databaseSilenceMs) {
      this.#giveUp(new Error('the database stopped answering'))
    }
  }

  #sent(): void {
    if (this.pending === 0) this.heardMs = performance.now()
    this.pending += 1
  }

  #heard(error: unknown): void {
    this.pending -= 1
    this.heardMs = performance.now()
    if (error === undefined) return
    if (error instanceof MismatchError && this.#givenUp === undefined)
      this.#events.mismatched(error)
    if (isSpent(error)) this.#giveUp(error)
  }

  /** What it still owes fails, though it may have arrived already. */
  #giveUp(reason: unknown): void {
    this.#givenUp ??= reason
    this.#events.lost(this)
    this.#client.connection.stream.destroy(
      new Error('the connection is given up', { cause: reason }),
    )
  }
}
