import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  SelectQueryNode,
} from 'kysely'
import type { PoolClient } from 'pg'
import type { AccountPool } from './account-pool.ts'
import { query } from './account-query.ts'

/**
 * A transaction blocks the whole embedded database, so one that does not end is closed. The limit is shorter
 * than the time after which a waiting connection fails.
 */
const TRANSACTION_LIMIT_MS = 3_000

/** @returns a Kysely dialect whose statements run through {@link AccountPool}, as its role. */
export function accountDialect(pool: AccountPool): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createDriver: (): Driver => ({
      init: async () => {},
      acquireConnection: async () => new AccountConnection(pool),
      beginTransaction: async (connection) => asAccountConnection(connection).begin(),
      commitTransaction: async (connection) => asAccountConnection(connection).end('commit'),
      rollbackTransaction: async (connection) => asAccountConnection(connection).end('rollback'),
      releaseConnection: async () => {},
      destroy: async () => {},
    }),
  }
}

function asAccountConnection(connection: DatabaseConnection): AccountConnection {
  if (connection instanceof AccountConnection) return connection
  throw new Error('The connection was made by another Kysely driver')
}

/**
 * Begins a transaction, and takes a connection, only with its first write. Better Auth opens a transaction
 * before it hashes a password, which takes 0.1 s or longer, and reads before it writes.
 */
class AccountConnection implements DatabaseConnection {
  readonly #pool: AccountPool
  #inTransaction = false
  #client: PoolClient | undefined
  #limit: NodeJS.Timeout | undefined
  #overdue = false

  constructor(pool: AccountPool) {
    this.#pool = pool
  }

  begin(): void {
    this.#inTransaction = true
  }

  async executeQuery<Row>({
    sql: text,
    parameters: values,
    query: node,
  }: CompiledQuery): Promise<QueryResult<Row>> {
    this.#assertInTime()
    const reads = SelectQueryNode.is(node) && node.endModifiers === undefined
    const client = this.#client ?? (this.#inTransaction && !reads ? await this.#begin() : undefined)
    const { rows, rowCount } =
      client === undefined
        ? await this.#pool.once({ text, values })
        : await this.#pool.use(client, () => query(client, { text, values }), false)
    return { rows, numAffectedRows: BigInt(rowCount ?? 0) }
  }

  // biome-ignore lint/correctness/useYield: nothing here is streamed
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('Queries on accounts cannot be streamed')
  }

  /** Ends the transaction, if it has begun. @throws {AppError} if PostgreSQL did not commit it. */
  async end(command: 'commit' | 'rollback'): Promise<void> {
    this.#assertInTime()
    const client = this.#client
    if (client === undefined) return
    this.#reset()
    await this.#pool.use(
      client,
      async () => {
        const { command: done } = await client.query(command)
        // After a failed statement PostgreSQL responds to COMMIT with ROLLBACK, without an error.
        if (done !== command.toUpperCase()) throw new Error(`The transaction ended with ${done}`)
      },
      true,
    )
  }

  async #begin(): Promise<PoolClient> {
    const client = await this.#pool.begin()
    this.#client = client
    this.#limit = setTimeout(() => {
      this.#reset()
      this.#overdue = true
      client.release(true)
    }, TRANSACTION_LIMIT_MS).unref()
    return client
  }

  #assertInTime(): void {
    if (this.#overdue) throw this.#pool.fail(new Error('The transaction took too long'))
  }

  #reset(): void {
    clearTimeout(this.#limit)
    this.#client = undefined
    this.#inTransaction = false
  }
}
