import { Client, type ClientConfig } from 'pg'
import { LIMITS } from '../core/limits.ts'
import { OF_ANOTHER, pinPath, SEARCH_PATH } from './session.ts'

/** Sets the path for the session if no pooler shares it. */
const PIN = `select ${pinPath(OF_ANOTHER)}`

/** Sets the path for one transaction, which also works behind a pooler. */
const BEGIN = `begin isolation level read committed; set local search_path = ${SEARCH_PATH}`

/**
 * Runs `work` on a connection of its own, as the login and outside every user's scope. For
 * migrations and the proof of the walls, at start; no request uses it. The login may be a superuser, so
 * every statement must run in a transaction of this file, which sets the path.
 */
export async function withDirectClient<Result>(
  config: ClientConfig,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ ...config, connectionTimeoutMillis: LIMITS.connectMs })
  // The query under way reports the loss; without a listener it would end the process as well.
  client.on('error', () => {})
  await client.connect()
  try {
    const { processID } = client as { processID?: number } // pg's types lack it
    await client.query(PIN, [processID ?? 0])
    return await work(client)
  } finally {
    // The embedded database has one session for all connections, which outlives this connection.
    if (config.stream) await client.query('reset search_path').catch(() => undefined)
    await client.end().catch(() => undefined)
  }
}

/** @returns a name quoted as an SQL identifier, for statements in which it cannot be a parameter. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. The isolation
 * level is READ COMMITTED, whatever the database's default is.
 */
export async function inTransaction<Result>(
  client: Client,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query(BEGIN)
  try {
    const result = await work()
    // A COMMIT after a failed statement answers ROLLBACK, without an error.
    const { command } = await client.query('commit')
    if (command !== 'COMMIT') throw new Error(`the transaction ended with ${command}`)
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/** Runs `work` in one transaction that is always rolled back. @throws what `work` throws. */
export async function inTrial(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query(BEGIN)
  try {
    await work()
  } finally {
    await client.query('rollback').catch(() => undefined)
  }
}
