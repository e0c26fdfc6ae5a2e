import type { ClientConfig } from 'pg'
import { AppError } from '../core/errors.ts'
import { LIMITS, type Limits } from '../core/limits.ts'
import { areStuck, leastBusy } from './busy.ts'
import { Connection } from './connection.ts'
import { fromDatabase, UnexecutedError, unavailable } from './errors.ts'
import { Ping } from './ping.ts'
import type { Database, Row, Statement } from './session.ts'
import { Ticks } from './ticks.ts'
import { overloaded, type UserLine } from './user-line.ts'
import { UserLines } from './user-lines.ts'

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
 * answer waited for, behind others' (pg's pipeline mode). Where a connection has enough before it, or
 * the user has enough under way, statements wait here in their user's line, where they can still be
 * refused, and users are served in turn: much from one user delays that user alone. Connections are
 * opened as they are needed and replaced when they are lost; what was in flight on a lost one fails,
 * nothing else.
 */
export class PipelinedPool implements Database {
  readonly description: string
  readonly failed: Promise<Error>
  readonly #connector: Connector
  readonly #connections = new Set<Connection>()
  readonly #watchdog: NodeJS.Timeout
  readonly #lines: UserLines
  readonly #ticks = new Ticks()
  readonly #limits: Limits
  readonly #report: (error: Error) => void
  readonly #ping: Ping
  readonly #drained = Promise.withResolvers<void>()
  #opening: Promise<void> | undefined
  #notOpened: unknown
  #inFlight = 0
  /** Those under way of users whose statements are slow. */
  #slow = 0
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
    this.#lines = new UserLines(limits)
    this.#ping = new Ping(() => this.#askDatabase(), limits.statementWaitMs)
    const lookMs = Math.min(LOOK_MS, limits.statementWaitMs / 2)
    this.#watchdog = setInterval(() => this.#look(), lookMs).unref()
  }

  async asUser<Result>(userId: string, statement: Statement<Result>): Promise<Result> {
    if (this.#closed) throw unavailable(new Error('the pool is closed'))
    const { statementsInFlight, statementsOfOneUser } = this.#limits
    const line = this.#lines.of(userId, this.#ticks.touch())
    if (this.#inFlight >= statementsInFlight || line.size >= statementsOfOneUser) throw overloaded()
    this.#inFlight += 1
    try {
      return statement.read(await this.#send(line, statement))
    } catch (error) {
      if (error instanceof UnexecutedError) return await this.#sendAgain(line, statement)
      throw error instanceof AppError ? error : fromDatabase(error)
    } finally {
      this.#inFlight -= 1
      if (this.#closed && this.#inFlight === 0) this.#drained.resolve()
    }
  }

  /** Beside the users' lines: it is neither counted among their statements nor behind them. */
  async ping(): Promise<void> {
    if (this.#closed) throw unavailable(new Error('the pool is closed'))
    await this.#ping.answer()
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#inFlight > 0) await this.#drained.promise
    clearInterval(this.#watchdog)
    await this.#opening
    await Promise.all([...this.#connections].map((connection) => connection.end()))
    await this.#connector.close()
  }

  /** On another connection, while sessions end idle, for as long as a statement may take. */
  async #sendAgain<Result>(line: UserLine, statement: Statement<Result>): Promise<Result> {
    const endMs = performance.now() + this.#limits.statementMs
    for (;;) {
      try {
        return statement.read(await this.#send(line, statement))
      } catch (error) {
        if (error instanceof UnexecutedError && performance.now() < endMs) continue
        throw error instanceof AppError ? error : fromDatabase(error)
      }
    }
  }

  #send(line: UserLine, statement: Statement<unknown>): Promise<readonly Row[]> {
    const nowMs = this.#ticks.touch()
    // Nobody who comes now goes before one who waits.
    const connection = this.#lines.waiting ? undefined : this.#connectionFor(line, nowMs)
    if (connection !== undefined) return this.#run(connection, line, statement)
    const { statementStuckMs } = this.#limits
    if (
      line.waitedMs(nowMs) > statementStuckMs ||
      areStuck(line.spreadOver(1) ?? this.#connections, nowMs, statementStuckMs)
    ) {
      // It would come to nothing later.
      return Promise.reject(overloaded())
    }
    return new Promise((resolve, refuse) => {
      const start = (free: Connection) => resolve(this.#run(free, line, statement))
      this.#lines.wait(line, { start, refuse, sinceMs: nowMs })
      this.#letIn()
    })
  }

  async #run(
    connection: Connection,
    line: UserLine,
    statement: Statement<unknown>,
  ): Promise<readonly Row[]> {
    const { userId, slow, estimateMs } = line
    line.begun(connection)
    if (slow) this.#slow += 1
    const note = (serviceMs: number) => line.note(serviceMs)
    try {
      return await connection.send({ userId, statement, estimateMs, note })
    } finally {
      line.ended(connection)
      if (slow) this.#slow -= 1
      if (this.#lines.waiting) {
        if (connection.pending === 0) connection.giveMoreAhead()
        this.#letIn()
      }
    }
  }

  /**
   * The least busy connection of those that this user may have. One user stays on two of the connections,
   * or a quarter where that is more, and never on all; a user who is alone stays on half of them, and may
   * have a statement on each whatever work it is.
   * Users of slow statements together leave a quarter to others.
   */
  #connectionFor(line: UserLine, nowMs: number): Connection | undefined {
    const { size } = this.#connector
    if (line.slow && this.#slow >= Math.max(1, size - Math.floor(size / 4))) return undefined
    const alone = this.#lines.isAlone(line, nowMs)
    if (line.underWay >= line.allowance && !alone) return undefined
    const share = Math.max(Math.min(2, size - 1), Math.floor(size / (alone ? 2 : 4)), 1)
    const own = line.spreadOver(share)
    const connection = own === undefined ? this.#free(nowMs) : leastBusy(nowMs, own)
    if (line.underWay < line.allowance || connection?.pending === 0) return connection
    return undefined
  }

  /** The least busy of all connections; one more is opened beside busy ones. */
  #free(nowMs: number): Connection | undefined {
    const least = leastBusy(nowMs, this.#connections)
    const busy = least === undefined || least.pending > 0
    if (busy && this.#connections.size < this.#connector.size) this.#opening ??= this.#open()
    return least
  }

  #letIn(): void {
    const nowMs = this.#ticks.touch()
    if (this.#connections.size === 0) {
      this.#free(nowMs)
      return
    }
    const connectionFor = (line: UserLine) => this.#connectionFor(line, nowMs)
    while (this.#free(nowMs) !== undefined && this.#lines.admit(nowMs, connectionFor)) {
      // One after the other, each of another user.
    }
  }

  async #open(): Promise<void> {
    try {
      const connection = await Connection.open({
        config: this.#connector.pooled,
        limits: this.#limits,
        ticks: this.#ticks,
        events: {
          lost: (lost) => this.#connections.delete(lost),
          mismatched: this.#report,
        },
      })
      if (this.#connections.size === 0) this.#lines.startTime(performance.now())
      this.#connections.add(connection)
    } catch (error) {
      // While there is another, nobody depends on this one, nor is the next opened for now.
      this.#notOpened = error
      if (this.#connections.size === 0) this.#lines.refuseAll(unavailable(error))
      return
    } finally {
      this.#opening = undefined
    }
    this.#letIn()
  }

  async #askDatabase(): Promise<void> {
    let connection = this.#free(this.#ticks.touch())
    if (connection === undefined) {
      // A new one where there may be one, or else behind as little as there is.
      await this.#opening
      const all = [...this.#connections].sort((one, other) => one.pending - other.pending)
      connection = all[0]
    }
    if (connection === undefined) throw unavailable(this.#notOpened)
    try {
      await connection.ping()
    } catch (error) {
      throw fromDatabase(error)
    } finally {
      if (this.#lines.waiting) this.#letIn()
    }
  }

  #look(): void {
    for (const connection of this.#connections) {
      connection.endIfSilent()
      connection.giveLessAhead()
    }
    if (!this.#lines.waiting) return
    if (this.#connections.size > 0) this.#lines.refuseLate(performance.now())
    this.#letIn()
  }
}
