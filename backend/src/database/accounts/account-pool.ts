import { Pool, type PoolClient, type QueryResult } from 'pg'
import { AppError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Connector } from '../connector.ts'
import { DatabaseClient } from '../database-client.ts'
import { fromDatabase, hasIdledOut, isSpent, MismatchError, unavailable } from '../errors.ts'
import type { Row, Value } from '../session.ts'
import { type AccountQueryConfig, query } from './account-query.ts'

/** Few, because statements on accounts are rare. Requests for tasks do not use these connections. */
const MAX_CONNECTIONS = 4
const IDLE_TIMEOUT_MS = 10_000
/** Longer than PostgreSQL's statement_timeout: a later response will not arrive. */
const RESPONSE_TIMEOUT_MS = LIMITS.statementMs + 3_000

/** Makes pg return every column as the text that PostgreSQL sent. */
const AS_TEXT = { getTypeParser: () => String }

/** One statement on accounts, and how its rows are read. Only {@link AccountPool.run} runs one. */
export interface AccountStatement<Result> {
  readonly text: string
  /** The values of `$1`, `$2` and so on. */
  readonly values: readonly Value[]
  readonly read: (rows: readonly Row[]) => Result
}

/**
 * Connections for statements on accounts: pg's own pool. Each statement sets its role in the same write and
 * the same transaction, so that no role stays set on a connection.
 */
export class AccountPool {
  readonly #pool: Pool
  readonly #lost = new WeakSet<PoolClient>()
  readonly #failed: (error: AppError) => void
  readonly #report: (error: Error) => void

  /**
   * @param failed is also called with each error, because Better Auth hides errors from its callers.
   * @param report is called with the reason if a connection delivers another request's response.
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
      Client: DatabaseClient,
      application_name: 'todo-backend accounts',
      max: Math.min(connector.size, MAX_CONNECTIONS),
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      connectionTimeoutMillis: LIMITS.connectMs,
      query_timeout: RESPONSE_TIMEOUT_MS,
      allowExitOnIdle: true,
    })
    // Without these listeners a lost connection, idle or in use, would end the process.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => this.#lost.add(client)))
  }

  /** Runs one statement in its own transaction. @throws {AppError} as `fromDatabase` returns it. */
  async run<Result>({ text, values, read }: AccountStatement<Result>): Promise<Result> {
    const config = { text, values, rowMode: 'array', types: AS_TEXT } as const
    const { rows } = await this.once(config)
    return read(rows as unknown as Row[]) // rowMode: 'array'
  }

  /** Runs one of Better Auth's queries in its own transaction. @throws {AppError} */
  async once(config: AccountQueryConfig): Promise<QueryResult> {
    return this.#sendFirst((client) => query(client, config), true).then(({ result }) => result)
  }

  /** @returns a connection in a transaction; call {@link use}, then release it. @throws {AppError} */
  async begin(): Promise<PoolClient> {
    const { client } = await this.#sendFirst((connected) => connected.query('begin'), false)
    return client
  }

  /**
   * Sends the first statement on a connection. If the session had ended while it was idle, PostgreSQL
   * did not execute the statement, and it is sent again on another connection.
   */
  async #sendFirst<Result>(
    work: (client: PoolClient) => Promise<Result>,
    release: boolean,
  ): Promise<{ client: PoolClient; result: Result }> {
    const endMs = performance.now() + LIMITS.statementMs
    for (;;) {
      const client = await this.connect()
      const lost = this.#lost.has(client)
      try {
        const result = await work(client)
        if (release) client.release()
        return { client, result }
      } catch (error) {
        client.release(!(error instanceof AppError) && isSpent(error))
        // pg wrote nothing on a connection that was lost before.
        if (!(lost || hasIdledOut(error)) || performance.now() > endMs) throw this.fail(error)
      }
    }
  }

  /** @returns a connection; call {@link use}, then release it. @throws {AppError} `service_unavailable` */
  async connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (error) {
      throw this.fail(unavailable(error))
    }
  }

  /**
   * Runs `work` on a connection.
   *
   * @param release whether to return the connection to the pool. After an error that leaves its state
   *   unknown, the connection is closed instead.
   * @throws {AppError} for each error of `work`.
   */
  async use<Result>(
    client: PoolClient,
    work: (client: PoolClient) => Promise<Result>,
    release: boolean,
  ): Promise<Result> {
    try {
      const result = await work(client)
      if (release) client.release()
      return result
    } catch (error) {
      if (release) client.release(!(error instanceof AppError) && isSpent(error))
      throw this.fail(error)
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  /** Reports an error. @returns the problem for the client. */
  fail(cause: unknown): AppError {
    const error = cause instanceof AppError ? cause : fromDatabase(cause)
    if (cause instanceof MismatchError) this.#report(cause)
    this.#failed(error)
    return error
  }
}
