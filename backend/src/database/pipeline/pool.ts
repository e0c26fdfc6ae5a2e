import { AppError } from '../../core/errors.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import type { Connector } from '../connector.ts'
import { fromDatabase, LockedError, UnexecutedError, unavailable } from '../errors.ts'
import type { Answer, Asked, Database } from '../session.ts'
import { type Batch, batchOf, type RowsOfEach } from './batch.ts'
import { areStuck, leastBusy } from './busy.ts'
import { Connection } from './connection.ts'
import { Ping } from './ping.ts'
import { Ticks } from './ticks.ts'
import { overloaded, type UserLine } from './user-line.ts'
import { UserLines } from './user-lines.ts'

/** How often the pool checks connections and waiting statements. */
const CHECK_MS = 250

/**
 * Connections shared by all requests. The pool sends a statement at once on the least busy connection,
 * after others' statements (pg's pipeline mode). If the connections or the user have enough in
 * progress, the statement waits in its user's queue, where it can still be refused. The pool serves the
 * queues round-robin, so that one user's load delays only that user. It opens connections as needed and
 * replaces lost ones; only the statements in progress on a lost one fail.
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
  #inProgress = 0
  /** The statements in progress of users whose statements are slow. */
  #slow = 0
  #closed = false

  /**
   * @param limits tests pass shorter ones.
   * @param report is called with the reason if a connection delivers another request's response.
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
    const checkMs = Math.min(CHECK_MS, limits.statementWaitMs / 2)
    this.#watchdog = setInterval(() => this.#check(), checkMs).unref()
  }

  /** Its connections and statements, for metrics. */
  get load() {
    const counts = { inProgress: this.#inProgress, waiting: this.#lines.waitingCount }
    return { ...counts, connections: this.#connections.size, size: this.#connector.size }
  }

  async asUser<const A extends Asked>(userId: string, asked: A): Promise<Answer<A>> {
    const batch = batchOf(asked)
    if (this.#closed) throw unavailable(new Error('The pool is closed'))
    const { statementsInProgress: most, statementsOfOneUser } = this.#limits
    const line = this.#lines.of(userId, this.#ticks.touch())
    if (this.#inProgress >= most || line.size >= statementsOfOneUser) throw overloaded()
    this.#inProgress += 1
    let rows: RowsOfEach
    try {
      rows = await this.#sendOnce(line, batch)
    } finally {
      this.#inProgress -= 1
      if (this.#closed && this.#inProgress === 0) this.#drained.resolve()
    }
    return batch.read(rows)
  }

  /** Bypasses the users' queues: it neither counts as one of their statements nor waits for them. */
  async ping(): Promise<void> {
    if (this.#closed) throw unavailable(new Error('The pool is closed'))
    await this.#ping.result()
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#inProgress > 0) await this.#drained.promise
    clearInterval(this.#watchdog)
    await this.#opening
    await Promise.all([...this.#connections].map((connection) => connection.end()))
    await this.#connector.close()
  }

  /** Sends the batch again while it was certainly not executed, for up to `statementMs`. @throws {AppError} */
  async #sendOnce(line: UserLine, batch: Batch): Promise<RowsOfEach> {
    let endMs: number | undefined
    let patient = false
    for (;;) {
      try {
        return await this.#send(line, batch, patient)
      } catch (error) {
        endMs ??= performance.now() + this.#limits.statementMs
        patient ||= error instanceof LockedError
        if (error instanceof UnexecutedError && performance.now() < endMs) continue
        throw error instanceof AppError ? error : fromDatabase(error)
      }
    }
  }

  /** @param patient whether it may wait for a lock for long; then it counts as slow. */
  #send(line: UserLine, batch: Batch, patient = false): Promise<RowsOfEach> {
    const nowMs = this.#ticks.touch()
    // A new statement must not overtake a waiting one.
    const waits = patient || this.#lines.waiting
    const connection = waits ? undefined : this.#connectionFor(line, nowMs)
    if (connection !== undefined) return this.#run(connection, line, batch)
    const { statementStuckMs } = this.#limits
    if (
      line.waitedMs(nowMs) > statementStuckMs ||
      areStuck(line.spreadOver(1) ?? this.#connections, nowMs, statementStuckMs)
    ) {
      // Refuses now what would otherwise be refused after a wait.
      return Promise.reject(overloaded())
    }
    return new Promise((resolve, refuse) => {
      const start = (free: Connection) => resolve(this.#run(free, line, batch, patient))
      this.#lines.wait(line, { start, refuse, sinceMs: nowMs, patient })
      this.#admitWaiting()
    })
  }

  async #run(
    connection: Connection,
    line: UserLine,
    { statements }: Batch,
    patient = false,
  ): Promise<RowsOfEach> {
    const { userId, estimateMs } = line
    const slow = patient || line.slow
    line.begun(connection)
    if (slow) this.#slow += 1
    const note = (serviceMs: number) => line.note(serviceMs)
    try {
      return await connection.send({ userId, statements, patient, estimateMs, note })
    } finally {
      line.ended(connection)
      if (slow) this.#slow -= 1
      if (this.#lines.waiting) {
        if (connection.pending === 0) connection.giveMoreAhead()
        this.#admitWaiting()
      }
    }
  }

  /**
   * @returns the least busy connection that this user may use. One user uses at most two connections, or a
   * quarter if that is more, and never all. A user who is alone uses at most half of them, with one statement
   * on each regardless of its work. Users of slow statements together leave a quarter to others, and at least
   * one.
   */
  #connectionFor(line: UserLine, nowMs: number): Connection | undefined {
    const { size } = this.#connector
    const leftToOthers = Math.max(1, Math.floor(size / 4))
    if (line.slow && this.#slow >= Math.max(1, size - leftToOthers)) return undefined
    const alone = this.#lines.isAlone(line, nowMs)
    if (line.inProgress >= line.allowance && !alone) return undefined
    const share = Math.max(Math.min(2, size - 1), Math.floor(size / (alone ? 2 : 4)), 1)
    const own = line.spreadOver(share)
    const connection = own === undefined ? this.#free(nowMs) : leastBusy(nowMs, own)
    if (line.inProgress < line.allowance || connection?.pending === 0) return connection
    return undefined
  }

  /** @returns the least busy of all connections. Opens another one if all are busy. */
  #free(nowMs: number): Connection | undefined {
    const least = leastBusy(nowMs, this.#connections)
    const busy = least === undefined || least.pending > 0
    if (busy && this.#connections.size < this.#connector.size) this.#opening ??= this.#open()
    return least
  }

  #admitWaiting(): void {
    const nowMs = this.#ticks.touch()
    if (this.#connections.size === 0) return void this.#free(nowMs)
    const connectionFor = (line: UserLine) => this.#connectionFor(line, nowMs)
    while (this.#free(nowMs) !== undefined && this.#lines.admit(nowMs, connectionFor)) {
      // Each call starts one statement of the next user.
    }
  }

  async #open(): Promise<void> {
    try {
      const connection = await Connection.open({
        config: this.#connector.pooled,
        chooseScope: this.#connector.chooseScope,
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
      // With other connections open, no statement depends on this one.
      this.#notOpened = error
      if (this.#connections.size === 0) this.#lines.refuseAll(unavailable(error))
      return
    } finally {
      this.#opening = undefined
    }
    this.#admitWaiting()
  }

  async #askDatabase(): Promise<void> {
    let connection = this.#free(this.#ticks.touch())
    if (connection === undefined) {
      // Use a new connection if one is being opened; otherwise the one with the fewest statements.
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
      if (this.#lines.waiting) this.#admitWaiting()
    }
  }

  #check(): void {
    for (const connection of this.#connections) {
      connection.endIfSilent()
      connection.giveLessAhead()
    }
    if (!this.#lines.waiting) return
    if (this.#connections.size > 0) this.#lines.refuseLate(performance.now())
    this.#admitWaiting()
  }
}
