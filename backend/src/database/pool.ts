import type { ClientConfig } from 'pg'
import { AppError } from '../core/errors.ts'
import { LIMITS, type Limits } from '../core/limits.ts'
import { Connection } from './connection.ts'
import { fromDatabase, unavailable } from './errors.ts'
import type { Database, Statement } from './session.ts'
import { overloaded, WaitingLine } from './waiting-line.ts'

/** How often connections and waiting statements are looked at. */
const LOOK_MS = 250

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
 * answer waited for, behind others' (pg's pipeline mode). When each connection owes as much as it
 * may, statements wait here, where they can still be refused and go to whichever is free first.
 * Connections are opened as they are needed and replaced when they are lost; what was in flight on
 * a lost one fails, nothing else.
 */
export class PipelinedPool implements Database {
  readonly description: string
  readonly failed: Promise<Error>
  readonly #connector: Connector
  readonly #connections = new Set<Connection>()
  readonly #watchdog: NodeJS.Timeout
  readonly #line: WaitingLine
  readonly #limits: Limits
  readonly #report: (error: Error) => void
  readonly #drained = Promise.withResolvers<void>()
  #opening: Promise<void> | undefined
  #inFlight = 0
  #closed = false

  /**
   * @param limits those of the server, or shorter ones for tests.
   * @param report is given why a connection is given up whose answers were not its own.
   */
  constructor(
    connector: Connector,
    limits: Limits = LIMITS,
    report: (error: Error) => void = () => {},
  ) {
    this.description = connector.description
    this.failed = connector.failed
    this.#connector = connector
    this.#limits = limits
    this.#report = report
    this.#line = new WaitingLine(limits.statementWaitMs)
    this.#watchdog = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  async asUser<Result>(userId: string, statement: Statement<Result>): Promise<Result> {
    return statement.read(await this.#use((connection) => connection.send(userId, statement)))
  }

  async ping(): Promise<void> {
    await this.#use((connection) => connection.ping())
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#inFlight > 0) await this.#drained.promise
    clearInterval(this.#watchdog)
    await this.#opening
    await Promise.all([...this.#connections].map((connection) => connection.end()))
    await this.#connector.close()
  }

  async #use<Result>(run: (connection: Connection) => Promise<Result>): Promise<Result> {
    if (this.#closed) throw unavailable(new Error('the pool is closed'))
    if (this.#inFlight >= this.#limits.statementsInFlight) throw overloaded()
    this.#inFlight += 1
    try {
      const connection = this.#free()
      return await (connection === undefined ? this.#wait(run) : run(connection))
    } catch (error) {
      throw error instanceof AppError ? error : fromDatabase(error)
    } finally {
      this.#inFlight -= 1
      if (this.#line.length > 0) this.#goOn()
      else if (this.#closed && this.#inFlight === 0) this.#drained.resolve()
    }
  }

  /** The least busy connection of those that may be given more; one more is opened beside busy ones. */
  #free(): Connection | undefined {
    let least: Connection | undefined
    for (const connection of this.#connections) {
      const { pending, ahead } = connection
      if (pending < ahead && (least === undefined || pending < least.pending)) least = connection
    }
    const busy = least === undefined || least.pending > 0
    if (busy && this.#connections.size < this.#connector.size) this.#opening ??= this.#open()
    return least
  }

  /** @throws {AppError} at once when the line does not move: it would come to nothing later. */
  async #wait<Result>(run: (connection: Connection) => Promise<Result>): Promise<Result> {
    const nowMs = performance.now()
    const heardMs = Math.max(...[...this.#connections].map((connection) => connection.heardMs))
    const stuckMs = Math.max(this.#line.waitedMs(nowMs), nowMs - heardMs)
    // While the first connection is opened there is nothing to hear, and the wait for it is bounded.
    if (this.#connections.size > 0 && stuckMs > this.#limits.statementStuckMs) throw overloaded()
    return this.#line.wait(run)
  }

  /** After an answer, while others wait. */
  #goOn(): void {
    for (const connection of this.#connections) {
      // It had answered all before this turn of the event loop could send it more.
      if (connection.pending === 0) connection.giveMoreAhead()
    }
    this.#letIn()
  }

  #letIn(): void {
    if (this.#connections.size > 0) this.#line.refuseLate()
    while (this.#line.length > 0) {
      const connection = this.#free()
      if (connection === undefined) return
      this.#line.admit(connection)
    }
  }

  async #open(): Promise<void> {
    try {
      const connection = await Connection.open(this.#connector.pooled, {
        lost: (lost) => this.#connections.delete(lost),
        mismatched: this.#report,
      })
      if (this.#connections.size === 0) this.#line.startTime()
      this.#connections.add(connection)
    } catch (error) {
      // While there is another, nobody depends on this one, nor is the next opened for now.
      if (this.#connections.size === 0) this.#line.refuseAll(unavailable(error))
      return
    } finally {
      this.#opening = undefined
    }
    this.#letIn()
  }

  #look(): void {
    for (const connection of this.#connections) {
      connection.endIfSilent()
      connection.giveLessAhead()
    }
    if (this.#connections.size > 0) this.#line.refuseLate()
  }
}
