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
 * A transaction holds the embedded database for itself, so one that is forgotten is ended, before a
 * connection that is being opened meanwhile gives up.
 */
const TRANSACTION_LIMIT_MS = 3_000

/** Kysely's way to the accounts. Statements run as the role of {@link AccountPool}. */
export function accountDialect(pool: AccountPool): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createDriver: (): Driver => ({
      init: async () => {},
      acquireConnection: async () => new AccountConnection(pool),
      beginTransaction: async (connection) => at(connection).begin(),
      commitTransaction: async (connection) => at(connection).end('commit'),
      rollbackTransaction: async (connection) => at(connection).end('rollback'),
      releaseConnection: async () => {},
      destroy: async () => {},
    }),
  }
}

function at(connection: DatabaseConnection): AccountConnection {
  if (connection instanceof AccountConnection) return connection
  throw new Error('the connection is of another driver')
}

/**
 * A transaction begins with its first write, and takes a connection only then. Better Auth opens one
 * before it hashes a password, for a tenth of a second and longer, and reads before it writes.
 */
class AccountConnection implements DatabaseConnection {
  readonly #pool: AccountPool
  #asked = false
  #client: PoolClient | undefined
  #limit: NodeJS.Timeout | undefined
  #overdue = false

  constructor(pool: AccountPool) {
    this.#pool = pool
  }

  begin(): void {
    this.#asked = true
  }

  async executeQuery<Row>({
    sql: text,
    parameters: values,
    query: node,
  }: CompiledQuery): Promise<QueryResult<Row>> {
    this.#assertInTime()
    const reads = SelectQueryNode.is(node) && node.endModifiers === undefined
    const client = this.#client ?? (this.#asked && !reads ? await this.#begin() : undefined)
    const { rows, rowCount } =
      client === undefined
        ? await this.#pool.once({ text, values })
        : await this.#pool.use(client, () => query(client, { text, values }), false)
    return { rows, numAffectedRows: BigInt(rowCount ?? 0) }
  }

  // biome-ignore lint/correctness/useYield: nothing here is streamed
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('accounts are not streamed')
  }

  /** @throws {AppError} when a commit did not take place. */
  async end(command: 'commit' | 'rollback'): Promise<void> {
    this.#assertInTime()
    const client = this.#client
    if (client === undefined) return
    this.#forget()
    await this.#pool.use(
      client,
      async () => {
        const { command: done } = await client.query(command)
        // A COMMIT after a failed statement answers ROLLBACK, without an error.
        if (done !== command.toUpperCase()) throw new Error(`the transaction ended with ${done}`)
      },
      true,
    )
  }

  async #begin(): Promise<PoolClient> {
    const client = await this.#pool.begin()
    this.#client = client
    this.#limit = setTimeout(() => {
      this.#forget()
      this.#overdue = true
      client.release(true)
    }, TRANSACTION_LIMIT_MS).unref()
    return client
  }

  #assertInTime(): void {
    if (this.#overdue) throw this.#pool.fail(new Error('the transaction took too long'))
  }

  #forget(): void {
    clearTimeout(this.#limit)
    this.#client = undefined
    this.#asked = false
  }
}
