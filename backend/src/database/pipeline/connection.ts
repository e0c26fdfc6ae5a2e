import type { Client } from 'pg'
import type { Limits } from '../../core/limits.ts'
import { DatabaseClient } from '../database-client.ts'
import {
  hasIdledOut,
  isDisagreement,
  isLockTimeout,
  isSpent,
  LockedError,
  MismatchError,
  UnexecutedError,
} from '../errors.ts'
import { POOLED } from '../scope.ts'
import type { RowsOfEach } from './batch.ts'
import type { ConnectionEvents, ConnectionOptions, Sending } from './connection-options.ts'
import { ScopedQuery } from './scoped-query.ts'
import type { Ticks } from './ticks.ts'
import { type Departure, WriteBatch } from './write-batch.ts'

/** With two, PostgreSQL can start the next statement without waiting for this process. */
const LEAST_AHEAD = 2

/** One connection in pipeline mode. It counts the responses that it owes. */
export class Connection {
  readonly #client: Client
  readonly #events: ConnectionEvents
  readonly #limits: Limits
  readonly #ticks: Ticks
  readonly #batch: WriteBatch
  /** The names of the statements that the server has parsed. */
  readonly #parsed = new Set<string>()
  #scope = POOLED
  /** True until we detect a pooler that does not keep prepared statements. */
  #prepares = true
  /** The number of statements in progress after which nothing may be pipelined. */
  #alone = 0
  #ranDry = false
  /** The reason for which every further response fails. */
  #givenUp: unknown
  /** The shortest measured round trip to the database. */
  #wayMs = Number.POSITIVE_INFINITY
  #cameMs = 0
  #workMs = 0
  #quick = true
  #idledOut = false
  #lostBy: unknown
  /** When the last response arrived, or the first statement after an idle time was sent. */
  heardMs = 0
  pending = 0
  /** How many statements may be in progress before others wait. */
  ahead: number

  private constructor(client: Client, { limits, ticks, events }: ConnectionOptions) {
    this.#client = client
    this.#batch = new WriteBatch(client.connection)
    this.#events = events
    this.#limits = limits
    this.#ticks = ticks
    this.ahead = limits.statementsAhead
  }

  /** @throws pg's error if the server is unreachable, or the login may not assume the role. */
  static async open(options: ConnectionOptions, sinceMs = performance.now()): Promise<Connection> {
    const { config, limits, chooseScope } = options
    const client = new DatabaseClient({
      ...config,
      pipeline: true,
      keepAlive: true,
      connectionTimeoutMillis: limits.connectMs,
    })
    const connection = new Connection(client, options)
    // Without a listener, the loss of an idle connection would end the process.
    client.on('error', (error) => connection.#fails(error))
    client.on('end', () => connection.#fails(undefined))
    try {
      await client.connect()
      const askedMs = performance.now()
      connection.#scope = await chooseScope(client, limits.connectMs)
      connection.#wayMs = performance.now() - askedMs
      // The pool does not have the connection yet, so it ignored the event of this loss.
      if (connection.#lostBy !== undefined) throw connection.#lostBy
    } catch (error) {
      client.end().catch(() => undefined)
      // On a slow machine `idle_session_timeout` may end a session before its first query.
      const inTime = performance.now() - sinceMs < limits.connectMs
      // pg rejects the query without PostgreSQL's reason.
      const idledOut = connection.#idledOut || hasIdledOut(error)
      if (idledOut && inTime) return Connection.open(options, sinceMs)
      throw error
    }
    return connection
  }

  /** Whether it may receive another statement now. */
  isFree(nowMs: number): boolean {
    if (this.pending === 0) return true
    if (this.#alone > 0) return false
    if (this.pending >= this.ahead || this.#workMs > this.#limits.workAheadMs + this.#wayMs)
      return false
    const { behindMs } = this.#limits
    return nowMs - this.heardMs <= behindMs + Math.min(behindMs, this.#wayMs)
  }

  /**
   * Writes the statements, in the user's scope, after those in progress. Nothing is pipelined after one that
   * the server has to parse, because parsing may fail.
   *
   * @returns the rows of each statement.
   * @throws {LockedError} if one waited for a lock, unless it is patient; otherwise as {@link ScopedQuery}.
   */
  send(sending: Sending): Promise<RowsOfEach> {
    const { userId, statements, patient, estimateMs, note } = sending
    const idle = this.pending === 0
    const prepared = this.#prepares
    const parses = prepared && !statements.every(({ sql }) => this.#parsed.has(sql.name))
    const alone = patient || parses
    this.#sent()
    this.#workMs += estimateMs
    if (alone) this.#alone += 1
    const departure = this.#batch.join()
    return new Promise((resolve, reject) => {
      const scope = patient ? this.#scope.patient : this.#scope.behind
      const parsed = prepared ? this.#parsed : undefined
      const query = new ScopedQuery({ scope, userId, statements, parsed }, (failed, rows) => {
        const error = this.#givenUp ?? failed
        this.#workMs -= estimateMs
        if (alone) this.#alone -= 1
        // A pooler may use another session, which does not have the prepared statements.
        if (prepared && !this.#scope.ownsSession && isDisagreement(error)) {
          this.#prepares = false
          this.#heard(undefined)
          return this.send(sending).then(resolve, reject)
        }
        this.#heard(error)
        if (this.#givenUp === undefined) note(this.#serviceMs(departure.leftMs, idle))
        if (error === undefined) return resolve(rows)
        // An error before the scope's row may belong to another request.
        if (!patient && query.answered && isLockTimeout(error)) {
          return reject(new LockedError(error))
        }
        reject(this.#isUnexecuted(query, departure, failed) ? new UnexecutedError(error) : error)
      })
      this.#client.query(query)
    })
  }

  /**
   * Whether a statement was certainly not executed: the connection was lost before the write, or the session
   * ended while it was idle and no part of a response arrived. Behind a pooler the latter is certain only for
   * the statement whose response was the end of the session, because later ones may have reached another.
   */
  #isUnexecuted(query: ScopedQuery, { leftMs }: Departure, error: unknown): boolean {
    if (query.answered) return false
    if (leftMs === Number.POSITIVE_INFINITY) return true
    return this.#scope.ownsSession ? this.#idledOut : hasIdledOut(error)
  }

  #fails(error: unknown): void {
    this.#idledOut ||= hasIdledOut(error)
    this.#lostBy ??= error ?? new Error('The connection ended')
    this.#events.lost(this)
  }

  /** @returns how long the database worked on this response, without the time of earlier ones. */
  #serviceMs(leftMs: number, idle: boolean): number {
    if (leftMs === Number.POSITIVE_INFINITY) return 0 // it was never written
    const cameMs = Math.max(this.#ticks.cameMs, this.#cameMs)
    if (idle) this.#wayMs = Math.min(this.#wayMs, Math.max(0, cameMs - leftMs))
    const serviceMs = Math.max(0, cameMs - Math.max(leftMs + this.#wayMs, this.#cameMs))
    this.#cameMs = cameMs
    this.#quick = serviceMs <= this.#limits.workAheadMs
    if (!this.#quick) this.ahead = Math.max(LEAST_AHEAD, Math.floor(this.ahead / 2))
    return serviceMs
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

  /** Call it if the connection had sent every response before the next statement was written. */
  giveMoreAhead(): void {
    if (!this.#quick) return
    this.#ranDry = true
    this.ahead = Math.min(2 * this.ahead, this.#limits.statementsAheadMost)
  }

  /** Reduces `ahead`, unless the connection has been idle since the last call. */
  giveLessAhead(): void {
    const { statementsAhead } = this.#limits
    if (!this.#ranDry && this.ahead > statementsAhead) this.ahead /= 2
    this.#ranDry = false
  }

  endIfSilent(): void {
    if (this.pending === 0) return
    if (performance.now() - this.heardMs > this.#limits.databaseSilenceMs) {
      this.#giveUp(new Error('The database stopped responding'))
    }
  }

  #sent(): void {
    const nowMs = this.#ticks.touch()
    if (this.pending === 0) this.heardMs = nowMs
    this.pending += 1
  }

  #heard(error: unknown): void {
    this.pending -= 1
    if (this.pending === 0) this.#workMs = 0
    this.heardMs = this.#ticks.touch()
    if (error === undefined) return
    this.#idledOut ||= hasIdledOut(error)
    const mismatched = error instanceof MismatchError && this.#givenUp === undefined
    if (mismatched) this.#events.mismatched(error)
    if (isSpent(error)) this.#giveUp(error)
  }

  /** Every response that it still owes fails, even if it has already arrived. */
  #giveUp(reason: unknown): void {
    this.#givenUp ??= reason
    this.#events.lost(this)
    this.#client.connection.stream.destroy(
      new Error('The server closed the connection to the database', { cause: reason }),
    )
  }
}
