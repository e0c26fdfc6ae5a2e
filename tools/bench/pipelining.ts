/**
 * Measures the cost of 64 kB of requests in one write, on ten connections that read nothing at first
 * and then everything: for each public route, and for unknown paths and methods.
 * An argument such as `docs` selects the requests that contain it.
 */

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { argumentsOf } from '../../scripts/arguments.ts'

const CONNECTIONS = 10
const WRITE_BYTES = 65_536
/** Requests of each kind before the measurement: as many as the ten connections get responses for. */
const WARM_REQUESTS = 1_300
const UNREAD_MS = 1_500
const READING_MS = 20_000
/** The promised bounds of the memory growth, and of another client's wait for /livez. */
const MOST_MB = 32
const MOST_MS = 250

interface Figures {
  readonly what: string
  readonly grownMb: number
  readonly slowestMs: number
  readonly answers: number
}

const usage = 'Usage: npm run bench:pipelining [-- <part of a request>]'
const [selected = ''] = argumentsOf({ usage, most: 1 }).positionals
// Loading the server takes most of the time, and --help does not need it.
const { PARTS } = await import('../../backend/src/api/service/docs-page.ts')
const { serve } = await import('../../backend/tests/support/process.ts')
const server = await serve({ DATABASE_URL: 'pglite:memory', LOG_LEVEL: 'error' })
const origin = `http://127.0.0.1:${server.port}`
const memoryMb = () =>
  Number(execFileSync('ps', ['-o', 'rss=', '-p', `${server.pid}`], { encoding: 'utf8' })) / 1_024

/** The shortest possible requests, by method and path. */
async function requests(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const add = (method: string, path: string, rest = '\r\n') =>
    found.set(`${method} ${path}`, `${method} ${path} HTTP/1.1\r\nHost: a\r\n${rest}`)
  const document = await (await fetch(`${origin}/openapi.json`)).json()
  const { paths } = document as { paths: Record<string, object> } // our own
  for (const [template, operations] of Object.entries(paths)) {
    const path = template.replaceAll(/\{\w+\}/g, 'a')
    for (const name of Object.keys(operations)) {
      if (name === 'get') add('GET', path)
      else
        add(
          name.toUpperCase(),
          path,
          'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
        )
    }
  }
  for (const { path } of PARTS) add('GET', path)
  for (const path of ['/x', '/%', `/${'a'.repeat(4_000)}`, '/api/a/b/c']) add('GET', path)
  for (const path of ['/', '/openapi.json', '/api/a/tasks']) add('OPTIONS', path)
  add('PROPFIND', '/livez')
  add('HEAD', '/openapi.json')
  return found
}

async function livezMs(): Promise<number> {
  const startedMs = performance.now()
  await (await fetch(`${origin}/livez`)).text()
  return performance.now() - startedMs
}

async function open(): Promise<Socket> {
  const socket = connect({ port: server.port, host: '127.0.0.1' })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket.pause()
}

async function askInTurn(request: string): Promise<void> {
  for (let n = 0; n < WARM_REQUESTS; n += 1) {
    const socket = await open()
    socket.resume().write(request)
    await Promise.race([once(socket, 'data'), once(socket, 'close')])
    socket.destroy()
  }
}

async function measure(what: string, request: string): Promise<Figures> {
  const earlierMb = memoryMb()
  let [mostMb, slowestMs, answers] = [0, 0, 0]
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, open))
  const text = request.repeat(Math.max(1, Math.floor(WRITE_BYTES / request.length)))
  for (const socket of sockets) socket.write(text)
  const look = async (untilMs: number, done = () => false) => {
    while (performance.now() < untilMs && !done()) {
      slowestMs = Math.max(slowestMs, await livezMs())
      mostMb = Math.max(mostMb, memoryMb() - earlierMb)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await look(performance.now() + UNREAD_MS)
  let lastMs = performance.now()
  for (const socket of sockets) {
    socket.on('data', (chunk) => {
      lastMs = performance.now()
      answers += chunk.toString('latin1').split('HTTP/1.1 ').length - 1
    })
    socket.resume()
  }
  const quiet = () => performance.now() - lastMs > 500
  await look(performance.now() + READING_MS, quiet)
  for (const socket of sockets) socket.destroy()
  return { what, grownMb: Math.round(mostMb * 10) / 10, slowestMs: Math.round(slowestMs), answers }
}

let bad = 0
try {
  const all = new Map([...(await requests())].filter(([what]) => what.includes(selected)))
  // The memory that the same requests need one after the other is not a cost of pipelining.
  for (const request of all.values()) await askInTurn(request)
  for (let n = 0; n < 200; n += 1) await livezMs()
  console.log('| 64 kB of | grown by MB | slowest /livez ms | responses |\n|---|---|---|---|')
  for (const [what, request] of all) {
    const figures = await measure(what.slice(0, 60), request)
    if (figures.grownMb > MOST_MB || figures.slowestMs > MOST_MS) bad += 1
    console.log(
      `| ${figures.what} | ${figures.grownMb} | ${figures.slowestMs} | ${figures.answers} |`,
    )
  }
  console.log(
    `\n${Math.round(memoryMb())} MB at the end; ${bad} of ${all.size} beyond ${MOST_MB} MB or ${MOST_MS} ms`,
  )
} finally {
  await server.kill('SIGKILL')
}
process.exitCode = bad > 0 ? 1 : 0
