/**
 * What a task costs without a service around it: bare node:http, pg in pipeline mode, the same
 * statement. No token, no owner, no row level security, no framework, no log.
 *
 * Usage: DATABASE_URL=… PORT=… node bench/floor.ts
 */
import { createServer } from 'node:http'
import { Client } from 'pg'
import { findTask } from '../backend/src/models/task.ts'

/** As many as the server opens (DATABASE_POOL_MAX). */
const CONNECTIONS = 8

interface Connection {
  readonly client: Client
  pending: number
}

const { name, text } = findTask('', '').sql

async function open(): Promise<Connection> {
  const client = new Client({
    connectionString: process.env.DATABASE_URL,
    application_name: 'floor',
    pipeline: true,
  })
  await client.connect()
  return { client, pending: 0 }
}

const connections = await Promise.all(Array.from({ length: CONNECTIONS }, open))

async function find(userId: string, id: string): Promise<string | null | undefined> {
  const connection = connections.reduce((least, one) => (one.pending < least.pending ? one : least))
  connection.pending += 1
  try {
    const query = { name, text, values: [userId, id], rowMode: 'array' }
    const { rows } = await connection.client.query<[string | null]>(query)
    return rows[0]?.[0]
  } finally {
    connection.pending -= 1
  }
}

const server = createServer(async (request, response) => {
  // /api/{user}/tasks/{id}
  const [, , userId, , id] = (request.url ?? '').split('/')
  if (userId === undefined || id === undefined) return response.end()
  const json = await find(userId, id)
  if (json === undefined || json === null) return response.writeHead(404).end()
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(json),
  })
  response.end(json)
})
server.listen(Number(process.env.PORT), '127.0.0.1')
// Through an exit, which the compile cache is written at.
process.on('SIGTERM', () => process.exit())
