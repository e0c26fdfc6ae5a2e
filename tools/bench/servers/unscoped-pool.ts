import { Client } from 'pg'
import type { Row, Statement } from '../../../backend/src/database/session.ts'
import { UnscopedQuery } from './unscoped-query.ts'

/** The default of DATABASE_POOL_MAX. */
const CONNECTIONS = 8

interface Connection {
  readonly client: Client
  pending: number
  gathering: boolean
}

export interface UnscopedPool {
  /** Runs a statement as the login, a superuser: no role, no user, no policy. */
  run<Result>(userId: string, statement: Statement<Result>): Promise<Result>
  close(): Promise<void>
}

/**
 * Opens pg's clients in pipeline mode. Each statement uses the least busy one.
 *
 * @param send how a statement is written: {@link plain} or {@link gathered}.
 */
export async function openUnscopedPool(
  connectionString: string,
  send: typeof plain,
): Promise<UnscopedPool> {
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, async (): Promise<Connection> => {
      const client = new Client({ connectionString, pipeline: true })
      await client.connect()
      return { client, pending: 0, gathering: false }
    }),
  )
  return {
    async run(userId, statement) {
      const connection = connections.reduce((least, one) =>
        one.pending < least.pending ? one : least,
      )
      connection.pending += 1
      try {
        return statement.read(await send(connection, userId, statement))
      } finally {
        connection.pending -= 1
      }
    },
    close: async () => {
      await Promise.all(connections.map(({ client }) => client.end()))
    },
  }
}

/** Makes pg return every column as text, as the statements' `read` expects. */
const AS_TEXT = { getTypeParser: () => (text: string) => text }

/** Writes a statement as pg does by default. */
export async function plain(
  { client }: Connection,
  userId: string,
  { sql, values }: Statement<unknown>,
): Promise<readonly Row[]> {
  const query = { ...sql, values: [userId, ...values], rowMode: 'array', types: AS_TEXT }
  const { rows } = await client.query<Row & unknown[]>(query)
  return rows
}

/** Writes as the server does: all statements of one event-loop tick in one write. */
export function gathered(
  connection: Connection,
  userId: string,
  statement: Statement<unknown>,
): Promise<readonly Row[]> {
  const { client } = connection
  if (!connection.gathering) {
    connection.gathering = true
    const { stream } = client.connection
    stream.cork()
    setImmediate(() => {
      connection.gathering = false
      stream.uncork()
    })
  }
  return new Promise((resolve, reject) => {
    const query = new UnscopedQuery(userId, statement, (error, rows) => {
      if (error === undefined) resolve(rows)
      else reject(error)
    })
    client.query(query)
  })
}
