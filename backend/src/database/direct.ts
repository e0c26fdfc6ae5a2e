import type { Client } from 'pg'
import { LIMITS } from '../core/limits.ts'
import { type ConnectionConfig, DatabaseClient } from './database-client.ts'
import { OF_ANOTHER, pinPath, SEARCH_PATH } from './scope.ts'

/** Sets the path for the session if no pooler shares it. */
const PIN = `select ${pinPath(OF_ANOTHER)}`

const LOCAL_PATH = `set local search_path = ${SEARCH_PATH}`

/** Sets the path for one transaction, which also works behind a pooler. */
const BEGIN = `begin isolation level read committed; ${LOCAL_PATH}`

/**
 * Runs `work` on a new connection, as the login and without a user's scope. No request uses it. The login may be
 * a superuser, so `work` must qualify every name, or run the statement in a transaction of this file, which sets
 * `search_path`.
 *
 * @param connectMs how long connecting may take; 0 means without a limit.
 * @returns the result of `work`. @throws as `work` does, and if the connection fails.
 */
export async function withDirectClient<Result>(
  config: ConnectionConfig,
  work: (client: Client) => Promise<Result>,
  connectMs: number = LIMITS.connectMs,
): Promise<Result> {
  const client = new DatabaseClient({ ...config, connectionTimeoutMillis: connectMs })
  // The query in progress rejects. Without a listener, the error event would also end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    const { processID } = client as { processID?: number } // pg's types lack it
    await client.query(PIN, [processID ?? 0])
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** @returns a name quoted as an SQL identifier, for statements in which it cannot be a parameter. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * Runs `work` in one READ COMMITTED transaction. Commits it if `work` returns, rolls it back if `work`
 * throws.
 */
export async function inTransaction<Result>(
  client: Client,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query(BEGIN)
  try {
    const result = await work()
    // After a failed statement PostgreSQL responds to COMMIT with ROLLBACK, without an error.
    const { command } = await client.query('commit')
    if (command !== 'COMMIT') throw new Error(`The transaction ended with ${command}`)
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/**
 * Removes every time limit until the end of the transaction, which may take as long as it needs. The login
 * or the database may have such limits. PostgreSQL before 17 has no `transaction_timeout`.
 */
const WITHOUT_LIMITS = `
  select set_config(name, '0', true) from pg_settings
  where name in ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`

/** Removes the time limits of the current transaction. */
export async function removeTimeLimits(client: Client): Promise<void> {
  await client.query(WITHOUT_LIMITS)
}

/** Sets the path as {@link BEGIN} does, and what decides whether policies hold. */
const BEGIN_SNAPSHOT = `begin isolation level repeatable read read only;
  ${LOCAL_PATH}; set local row_security = on`

/** Begins a transaction that reads one snapshot of the database, without time limits. */
export async function beginSnapshot(client: Client): Promise<void> {
  await client.query(BEGIN_SNAPSHOT)
  await removeTimeLimits(client)
}

/** Runs `work` in one transaction that is always rolled back. @throws as `work` does. */
export async function inTrial(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query(BEGIN)
  try {
    await work()
  } finally {
    await client.query('rollback').catch(() => undefined)
  }
}
