/**
 * Measures 10 000 open streams of 10 000 users in one process: the memory of each, the time of a write beside them
 * compared with the time without them, and the time until a change that another server committed is on its
 * stream.
 * It takes a minute.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect as connectSocket, type Socket } from 'node:net'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signToken } from '../../backend/src/core/token.ts'
import { argumentsOf, numberOf } from '../../scripts/arguments.ts'
import { memory } from './figures/process-usage.ts'
import { fillDatabase } from './servers/filled-database.ts'
import { SERVICE, startServer } from './servers/start-server.ts'

const WRITES = 1_500
const OPENED_AT_ONCE = 100
const SETTLE_MS = 4_000
const WRITES_PER_SECOND = 200
const MEASURED_SECONDS = 10
/** The longest time that the last events may take. */
const LATE_MS = 5_000
/** Users who have no stream. */
const OTHERS = 1_000

const usage = 'Usage: npm run bench:streams [-- --streams <N>]'
const count = numberOf(argumentsOf({ usage, texts: ['streams'] }), 'streams', 10_000)
const folder = mkdtempSync(join(tmpdir(), 'todo-streams-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const database = await fillDatabase('postgres', folder, async () => {})
const secret = randomBytes(32).toString('base64url')
const settings = {
  ...{ DATABASE_URL: database.url, BETTER_AUTH_SECRET: secret },
  RATE_LIMIT_PER_MINUTE: '0',
}
const server = await startServer(SERVICE, settings, folder)
const other = await startServer(SERVICE, settings, folder)
const agent = new Agent({ keepAlive: true })
const tokens: string[] = []
for (let n = 0; n < count + OTHERS; n += 1) {
  tokens.push(
    await signToken({ secret, jwtIssuer: undefined, jwtAudience: undefined }, `user-${n}`),
  )
}
const anyUser = () => Math.floor(Math.random() * count)
const anyOther = () => count + Math.floor(Math.random() * OTHERS)

/** Creates a task. Resolves when the response has arrived. */
async function write(url: string, user: number, title: string): Promise<void> {
  const body = JSON.stringify({ title })
  const sent = request(`${url}/api/user-${user}/tasks`, {
    method: 'POST',
    agent,
    headers: {
      authorization: `Bearer ${tokens[user]}`,
      'content-type': 'application/json',
      'content-length': body.length,
    },
  })
  sent.end(body)
  const [response] = await once(sent, 'response')
  if (response.statusCode !== 201) throw new Error(`A write got ${response.statusCode}`)
  response.resume()
  await once(response, 'end')
}

const quantile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

/** The median time of writes that follow each other, in milliseconds. */
async function medianWriteMs(userOf: () => number): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < WRITES; n += 1) {
    const begunMs = performance.now()
    await write(server.url, userOf(), 'quiet')
    times.push(performance.now() - begunMs)
  }
  return quantile(
    times.sort((a, b) => a - b),
    0.5,
  )
}

const committedMs = new Map<string, number>()
const delays: number[] = []
const EVENT = /"title":"measured-(\d+)"/g

/** Opens a stream, and waits until all of its changes have arrived. */
async function open(user: number): Promise<Socket> {
  const socket = connectSocket({ port: Number(new URL(server.url).port), host: '127.0.0.1' })
  socket.setEncoding('latin1')
  await once(socket, 'connect')
  socket.write(
    `GET /api/user-${user}/tasks/changes HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${tokens[user]}\r\n\r\n`,
  )
  await new Promise<void>((resolve, reject) => {
    socket.on('close', () => reject(new Error('A stream has ended')))
    socket.on('data', (text: string) => {
      for (const [, n = ''] of text.matchAll(EVENT)) {
        // Until the response of the write has arrived, the event was earlier than it.
        delays.push(performance.now() - (committedMs.get(n) ?? performance.now()))
      }
      if (text.includes('caught-up')) resolve()
    })
  })
  return socket
}

await medianWriteMs(anyOther)
const quietMs = await medianWriteMs(anyOther)
const rss = () => memory(server.pid).rssBytes
const beforeBytes = rss()
const begunMs = performance.now()
const sockets: Socket[] = []
for (let n = 0; n < count; n += OPENED_AT_ONCE) {
  const users = Array.from({ length: Math.min(OPENED_AT_ONCE, count - n) }, (_, at) => n + at)
  sockets.push(...(await Promise.all(users.map(open))))
}
const openedMs = performance.now() - begunMs
await sleep(SETTLE_MS)
const eachBytes = (rss() - beforeBytes) / count
const besideMs = await medianWriteMs(anyOther)
const readMs = await medianWriteMs(anyUser)

const total = WRITES_PER_SECOND * MEASURED_SECONDS
const writes: Promise<void>[] = []
const firstMs = performance.now()
for (let n = 0; n < total; n += 1) {
  const waitMs = firstMs + (n * 1_000) / WRITES_PER_SECOND - performance.now()
  if (waitMs > 0) await sleep(waitMs)
  const noted = () => void committedMs.set(String(n), performance.now())
  writes.push(write(other.url, anyUser(), `measured-${n}`).then(noted))
}
await Promise.all(writes)
for (const endMs = performance.now() + LATE_MS; performance.now() < endMs; ) {
  if (delays.length >= total) break
  await sleep(SETTLE_MS / 100)
}
delays.sort((a, b) => a - b)
for (const socket of sockets) socket.removeAllListeners('close').destroy()
agent.destroy()
await server.stop()
await other.stop()
await database.stop()

const fixed = (value: number, digits = 0) => value.toFixed(digits)
console.log(`load of the machine: ${loadavg()
  .map((load) => load.toFixed(1))
  .join(' ')}
${count} streams of ${count} users, opened in ${fixed(openedMs / 1_000, 1)} s
memory (RSS) of each: ${fixed(eachBytes / 1_024, 1)} KB, of ${fixed(beforeBytes / 1_048_576)} MB before
median write: ${fixed(quietMs, 2)} ms without streams; beside them ${fixed(besideMs, 2)} ms, ratio ${fixed(besideMs / quietMs, 2)}, of users without a stream, and ${fixed(readMs, 2)} ms, ratio ${fixed(readMs / quietMs, 2)}, of users with one
commit to event on the other server at ${WRITES_PER_SECOND} writes a second: ${delays.length} of ${total} arrived; p50 ${fixed(quantile(delays, 0.5))} ms, p99 ${fixed(quantile(delays, 0.99))} ms`)
if (delays.length < total) process.exitCode = 1
