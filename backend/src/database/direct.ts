import { Client, type ClientConfig } from 'pg'
import { CONNECT_TIMEOUT_MS } from './connection.ts'

/**
 * Where names without a schema are looked for: not where another role may create. `pg_catalog` alone
 * would be searched behind temporary tables, so `pg_temp` is named last (PostgreSQL manual,
 * "Writing SECURITY DEFINER Functions Safely").
 */
const SEARCH_PATH = 'pg_catalog, pg_temp'

/**
 * Sets the path for the session, if it is one of our own: `$1` is the process the server named when
 * the connection was opened, and a pooler names one that is none of PostgreSQL's. Everything in this
 * statement is qualified, since the path of the database may put other schemas first.
 */
const PIN = `select pg_catalog.set_config('search_path', '${SEARCH_PATH}',
  pg_catalog.pg_backend_pid() operator(pg_catalog.<>) $1::pg_catalog.int4)`

/** The same for one transaction, which holds behind a pooler too. */
const BEGIN = `begin isolation level read committed; set local search_path = ${SEARCH_PATH}`

/**
 * Runs `work` on a connection of its own, as the login and outside every user's scope. For
 * migrations and the proof of the walls, at start; nothing that answers a request comes here. The
 * login may be a superuser, so every statement belongs into a transaction of this file.
 */
export async function withDirectClient<Result>(
  config: ClientConfig,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ ...config, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  // The query under way reports the loss; without a listener it would end the process as well.
  client.on('error', () => {})
  await client.connect()
  try {
    const { processID } = client as { processID?: number } // pg's types lack it
    await client.query(PIN, [processID ?? 0])
    return await work(client)
  } finally {
    // The embedded database has one session for all connections, and it outlives this one.
    if (config.stream) await client.query('reset search_path').catch(() => undefined)
    await client.end().catch(() => undefined)
  }
}

/** A name as SQL takes it, where it cannot be a parameter. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * One transaction: committed when `work` returns, rolled back when it throws. Each of its statements
 * sees what others committed before it, whatever the database's default is.
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

/** One transaction that leaves nothing behind. */
export async function inTrial(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query(BEGIN)
  try {
    await work()
  } finally {
    await client.query('rollback').catch(() => undefined)
  }
}
