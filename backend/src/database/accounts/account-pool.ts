import { Pool, type PoolClient, type QueryResult } from 'pg'
import { AppError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Connector } from '../connector.ts'
import { fromDatabase, hasIdledOut, isSpent, MismatchError, unavailable } from '../errors.ts'
import type { Row, Value } from '../session.ts'
import { type AccountQueryConfig, query } from './account-query.ts'

/** Accounts are used seldom, and never by a request for tasks. */
const MAX_CONNECTIONS = 4
const IDLE_TIMEOUT_MS = 10_000
/** An answer that is later than PostgreSQL's own limit allows will not come. */
const ANSWER_TIMEOUT_MS = LIMITS.statementMs + 3_000

/** Every column as the text PostgreSQL sent. */
const AS_TEXT = { getTypeParser: () => String }

/** One statement on accounts, and how its rows are read. Only {@link AccountPool.run} runs one. */
export interface AccountStatement<Result> {
  readonly text: string
  /** Of `$1` and the following places. */
  readonly values: readonly Value[]
  readonly read: (rows: readonly Row[]) => Result
}

/**
 * The way to the accounts: pg's own pool, each statement preceded by the role it runs as, in the
 * same write and the same transaction, so nothing of it is left on a connection.
 */
export class AccountPool {
  readonly #pool: Pool
  readonly #lost = new WeakSet<PoolClient>()
  readonly #failed: (error: AppError) => void
  readonly #report: (error: Error) => void

  /**
   * @param failed is also called with each failure, for callers behind a library that hides it.
   * @param report is called with the reason when a connection delivers another request's response.
   */
  constructor(
    connector: Connector,
    failed: (error: AppError) => void = () => {},
    report: (error: Error) => void = () => {},
  ) {
    this.#failed = failed
    this.#report = report
    this.#pool = new Pool({
      ...connector.pooled,
      application_name: 'todo-backend accounts',
      max: Math.min(connector.size, MAX_CONNECTIONS),
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      connectionTimeoutMillis: LIMITS.connectMs,
      query_timeout: ANSWER_TIMEOUT_MS,
      allowExitOnIdle: true,
    })
    // Without listeners the loss of a connection, idle or in use, would end the process.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => this.#lost.add(client)))
  }

  /** Runs one statement in a transaction of its own. @throws {AppError} */
  async run<Result>({ text, values, read }: AccountStatement<Result>): Promise<Result> {
    const config = { text, values, rowMode: 'array', types: AS_TEXT } as const
    const { rows } = await this.once(config)
    return read(rows as unknown as Row[]) // rowMode: 'array'
  }

  /** The same for a query of the library's. @throws {AppError} */
  async once(config: AccountQueryConfig): Promise<QueryResult> {
    return this.#onceTaken((client) => query(client, config), true).then(({ result }) => result)
  }

  /** @returns a connection in a transaction; call {@link use}, then release it. @throws {AppError} */
  async begin(): Promise<PoolClient> {
    const { client } = await this.#onceTaken((connected) => connected.query('begin'), false)
    return client
  }

  /**
   * Sends the first statement on a connection. If the session had ended while it was idle, PostgreSQL
   * did not execute the statement, and it is sent again on another connection.
   */
  async #onceTaken<Result>(
    work: (client: PoolClient) => Promise<Result>,
    giveBack: boolean,
  ): Promise<{ client: PoolClient; result: Result }> {
    const endMs = performance.now() + LIMITS.statementMs
    for (;;) {
      const client = await this.connect()
      const lost = this.#lost.has(client)
      try {
        const result = await work(client)
        if (giveBack) client.release()
        return { client, result }
      } catch (error) {
        client.release(!(error instanceof AppError) && isSpent(error))
        // Nothing was written on a client that was lost before.
        if (!(lost || hasIdledOut(error)) || performance.now() > endMs) throw this.fail(error)
      }
    }
  }

  /** A connection; {@link use} it, and release it. @throws {AppError} */
  async connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (error) {
      throw this.fail(unavailable(error))
    }
  }

  /**
   * Works with a connection, which is given back afterwards where asked, and closed when it failed
   * in a way that leaves it in doubt.
   *
   * @throws {AppError}
   */
  async use<Result>(
    client: PoolClient,
    work: (client: PoolClient) => Promise<Result>,
    giveBack: boolean,
  ): Promise<Result> {
    try {
      const result = await work(client)
      if (giveBack) client.release()
      return result
    } catch (error) {
      if (giveBack) client.release(!(error instanceof AppError) && isSpent(error))
      throw this.fail(error)
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  /** Tells of a failure, and returns what it means to the client. */
  fail(cause: unknown): AppError {
    const error = cause instanceof AppError ? cause : fromDatabase(cause)
    if (cause instanceof MismatchError) this.#report(cause)
    this.#failed(error)
    return error
  }
}
