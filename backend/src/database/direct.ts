import { Client, type ClientConfig } from 'pg'
import { CONNECT_TIMEOUT_MS } from './connection.ts'

/**
 * Runs `work` on a connection of its own, as the login and outside every user's scope. For
 * migrations and the proof of the walls, at start; nothing that answers a request comes here.
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
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** A name as SQL takes it, where it cannot be a parameter. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** One transaction: committed when `work` returns, rolled back when it throws. */
export async function inTransaction<Result>(
  client: Client,
  work: () => Promise<Result>,
): Promise<Result> {
  // Each statement must see what others committed while it waited, whatever the database's default is.
  await client.query('begin isolation level read committed')
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
