import { Pool, type PoolClient, Query, type QueryResult } from 'pg'
import { AppError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { AnswerCheck, requestNumber } from './answer-check.ts'
import { CONNECT_TIMEOUT_MS } from './connection.ts'
import {
  fromDatabase,
  isSpent,
  MismatchError,
  ScopeError,
  sqlState,
  unavailable,
} from './errors.ts'
import type { Connector } from './pool.ts'
import { pinPath, type Row, type Statement, timeLimits } from './session.ts'

/** The role every statement on accounts runs as. It owns nothing, and reaches no task. */
export const ACCOUNTS_ROLE = 'todo_accounts'

/** Accounts are used seldom, and never by a request for tasks. */
const MAX_CONNECTIONS = 4
const IDLE_TIMEOUT_MS = 10_000
/** An answer that is later than PostgreSQL's own limit allows will not come. */
const ANSWER_TIMEOUT_MS = LIMITS.statementMs + 3_000

/** `$1` is the number of the request, which comes back. */
const SCOPE = `select pg_catalog.set_config('role', '${ACCOUNTS_ROLE}', true), $1, ${pinPath('true')}, ${timeLimits('true')}`

export interface AccountQueryConfig {
  readonly text: string
  readonly values: readonly unknown[]
  readonly rowMode?: 'array'
  readonly types?: { getTypeParser(): (text: string) => string }
}

/** Every column as the text PostgreSQL sent. */
const AS_TEXT = { getTypeParser: () => String }

/**
 * The way to the accounts: pg's own pool, each statement preceded by the role it runs as, in the
 * same write and the same transaction, so nothing of it is left on a connection.
 */
export class AccountPool {
  readonly #pool: Pool
  readonly #failed: (error: AppError) => void
  readonly #report: (error: Error) => void

  /**
   * @param failed is given each failure as well, for callers behind a library that hides it.
   * @param report is given why a connection is given up whose answers were not its own.
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
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      allowExitOnIdle: true,
    })
    // Without listeners the loss of a connection, idle or in use, would end the process.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => {}))
  }

  /** Runs one statement in a transaction of its own. @throws {AppError} */
  async run<Result>({ sql, values, read }: Statement<Result>): Promise<Result> {
    const config = { text: sql.text, values, rowMode: 'array', types: AS_TEXT } as const
    const { rows } = await this.once(config)
    return read(rows as unknown as Row[]) // rowMode: 'array'
  }

  /** The same for a query of the library's. @throws {AppError} */
  async once(config: AccountQueryConfig): Promise<QueryResult> {
    const client = await this.connect()
    return this.use(client, (connection) => query(connection, config), true)
  }

  /** A connection for a transaction; {@link use} it, and release it. @throws {AppError} */
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

/** Sends a query behind the role. @throws {AppError} `bad_request` for text PostgreSQL cannot hold. */
export async function query(client: PoolClient, config: AccountQueryConfig): Promise<QueryResult> {
  if (config.values.some((value) => typeof value === 'string' && value.includes('\0'))) {
    throw new AppError('bad_request', { detail: 'Text must be without U+0000' })
  }
  return new Promise((resolve, reject) => {
    const settle = (error: unknown, result: QueryResult) => {
      if (error) reject(error)
      else resolve(result)
    }
    client.query(new AccountQuery({ ...config, queryMode: 'extended' }, settle) as never)
  })
}

/** The part of pg's Connection used here; its types lag behind. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void; destroy(error: Error): void }
  parse(message: { text: string }): void
  bind(message: object): void
  execute(message: object): void
}

/** pg declares these as properties, which methods may not override; at run time they are methods. */
const PgQuery = Query as unknown as new (
  config: object,
  settle: (error: unknown, result: QueryResult) => void,
) => {
  submit(wire: Wire): Error | null
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, wire: Wire): void
  handleReadyForQuery(wire: Wire): void
  handlePortalSuspended(wire: Wire): void
  handleCopyInResponse(wire: Wire): void
  handleError(error: unknown, wire: Wire): void
}

/**
 * pg's query, with the scope parsed, bound and executed before it. The scope's row is dropped when it
 * shows that the answer is this request's; otherwise the connection is given up.
 */
class AccountQuery extends PgQuery {
  readonly #number = requestNumber()
  readonly #check = new AnswerCheck([ACCOUNTS_ROLE, this.#number])
  #wire: Wire | undefined
  #mismatched = false

  override submit(wire: Wire): Error | null {
    this.#wire = wire
    wire.stream.cork()
    try {
      wire.parse({ text: SCOPE })
      wire.bind({ values: [this.#number] })
      wire.execute({})
      return super.submit(wire)
    } finally {
      wire.stream.uncork()
    }
  }

  override handleDataRow(message: { fields: Row }): void {
    this.#look(() => {
      if (this.#check.row(message.fields)) super.handleDataRow(message)
    })
  }

  override handleCommandComplete(message: { text: string }, wire: Wire): void {
    this.#look(() => {
      if (this.#check.complete(message.text)) super.handleCommandComplete(message, wire)
    })
  }

  override handleReadyForQuery(wire: Wire): void {
    this.#look(() => {
      this.#check.end()
      super.handleReadyForQuery(wire)
    })
  }

  // Nothing that is sent here is answered with these, and pg would answer them by itself.
  override handlePortalSuspended(): void {
    this.#giveUp(new MismatchError('it answers in pieces'))
  }

  override handleCopyInResponse(): void {
    this.#giveUp(new MismatchError('it wants data'))
  }

  override handleError(error: unknown, wire: Wire): void {
    if (this.#mismatched) return
    const unscoped = !this.#check.scoped && sqlState(error) !== undefined
    super.handleError(unscoped ? new ScopeError(error) : error, wire)
  }

  #look(check: () => void): void {
    if (this.#mismatched) return
    try {
      check()
    } catch (error) {
      if (!(error instanceof MismatchError)) throw error
      this.#giveUp(error)
    }
  }

  #giveUp(error: MismatchError): void {
    if (this.#mismatched) return
    this.#mismatched = true
    if (this.#wire === undefined) return // before it was sent there is nothing to read
    super.handleError(error, this.#wire)
    this.#wire.stream.destroy(error)
  }
}
