import { Client } from 'pg'
import type { Row, Statement } from '../../../backend/src/database/session.ts'
import { UnscopedQuery } from './unscoped-query.ts'

/** As many as the server opens (DATABASE_POOL_MAX). */
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
 * pg's clients in pipeline mode, and the least busy of them for each statement.
 *
 * @param send how a statement goes out: {@link plain} or {@link gathered}.
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

/** Every column is read as text, as the statements' readers expect it. */
const AS_TEXT = { getTypeParser: () => (text: string) => text }

/** As pg does it by itself. */
export async function plain(
  { client }: Connection,
  userId: string,
  { sql, values }: Statement<unknown>,
): Promise<readonly Row[]> {
  const query = { ...sql, values: [userId, ...values], rowMode: 'array', types: AS_TEXT }
  const { rows } = await client.query<Row & unknown[]>(query)
  return rows
}

/** As the server does it: what one turn of the event loop sends goes out in one write. */
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
