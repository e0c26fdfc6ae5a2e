/**
 * Measures the memory for 50 clients that request lists of 7 MB and do not read them. Prints how much the
 * server grows compared with clients that read the same lists, and ends with 1 if it is 64 MB or more.
 * It takes a quarter of a minute.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectSocket, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signToken } from '../../backend/src/core/token.ts'
import { argumentsOf } from '../../scripts/arguments.ts'
import { memory } from './figures/process-usage.ts'
import { fillDatabase } from './servers/filled-database.ts'
import { SERVICE, startServer } from './servers/start-server.ts'

const CLIENTS = 50
const USERS = 10
const TASKS = 800
const DESCRIPTION_CHARACTERS = 9_000
const STALLED_MS = 8_000
const LOOK_MS = 100
const MOST_MB = 64

const usage = 'Usage: npm run bench:stalled-readers [-- --on postgres|embedded]'
const on = argumentsOf({ usage, texts: ['on'] }).texts.get('on') ?? 'postgres'
const folder = mkdtempSync(join(tmpdir(), 'todo-stalled-readers-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const user = (n: number) => `user-${n % USERS}`

const database = await fillDatabase(on, folder, async (client) => {
  for (let n = 0; n < USERS; n += 1) {
    await client.query('insert into todo.users (id) values ($1)', [user(n)])
    await client.query(
      `insert into todo.tasks (user_id, id, title, description, completed, created_at, updated_at, seq)
       select $1, gen_random_uuid(), 'long', repeat('x', $2::int), false, now(), now(), 0
       from generate_series(1, $3::int)`,
      [user(n), DESCRIPTION_CHARACTERS, TASKS],
    )
  }
})

const secret = randomBytes(32).toString('base64url')
const settings = {
  DATABASE_URL: database.url,
  BETTER_AUTH_SECRET: secret,
}
const server = await startServer(SERVICE, settings, folder)
const megabytes = () => memory(server.pid).rssBytes / 1_048_576

/** @returns the socket of a client that has requested its whole list, and does not read it yet. */
async function ask(n: number): Promise<Socket> {
  const token = await signToken({ secret, jwtIssuer: undefined, jwtAudience: undefined }, user(n))
  const socket = connectSocket({ port: Number(new URL(server.url).port), host: '127.0.0.1' })
  socket.on('error', () => {}) // the server closes it
  await once(socket, 'connect')
  socket.pause()
  socket.write(
    `GET /api/${user(n)}/tasks HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  return socket
}

const askAll = () => Promise.all(Array.from({ length: CLIENTS }, (_, n) => ask(n)))

const readers = await askAll()
await Promise.all(readers.map((socket) => once(socket.resume(), 'close')))
const beforeMb = megabytes()
const stalled = await askAll()
let mostMb = beforeMb
for (const endMs = performance.now() + STALLED_MS; performance.now() < endMs; ) {
  mostMb = Math.max(mostMb, megabytes())
  await sleep(LOOK_MS)
}
for (const socket of stalled) socket.destroy()
await server.stop()
await database.stop()
const grownMb = mostMb - beforeMb
console.log(
  `${on}: ${grownMb.toFixed(0)} MB more than the ${beforeMb.toFixed(0)} MB after the same lists were read; must be less than ${MOST_MB}`,
)
if (grownMb >= MOST_MB) process.exitCode = 1
