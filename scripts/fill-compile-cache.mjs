// Fills the compile cache of the image: starts the server once for each kind of database, with the arguments
// of Node that the image starts it with, because V8 refuses code that was compiled with other flags.
//
// Usage: node scripts/fill-compile-cache.mjs <argument of node> ...
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const EMBEDDED = 'pglite:memory'
/** Nothing listens on port 1: the server loads its modules, and cannot connect. */
const POSTGRES = 'postgres://todo@127.0.0.1:1/todo'
/** A server that waits for PostgreSQL has written its cache by then; see `compile-cache.mjs`. */
const WAITING_MS = 10_000
/** The first start on a slow machine. */
const START_MS = 120_000

for (const database of [EMBEDDED, POSTGRES]) {
  const server = spawn(process.execPath, process.argv.slice(2), {
    env: {
      ...process.env,
      DATABASE_URL: database,
      BETTER_AUTH_SECRET: 'for this start only, nobody reaches it',
      HOST: '127.0.0.1',
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const limit = setTimeout(() => server.kill(), database === EMBEDDED ? START_MS : WAITING_MS)
  const ended = once(server, 'exit')
  let output = ''
  let requested = false
  server.stdout.on('data', async (chunk) => {
    output += chunk
    const address = /listens on (http:\/\/[\d.]+:\d+)/.exec(output)?.[1]
    if (address === undefined || requested) return
    requested = true
    // The modules and functions of the first requests.
    for (const path of ['/livez', '/readyz', '/api/auth/get-session', '/openapi.json']) {
      await (await fetch(address + path)).text()
    }
    server.kill()
  })
  const [code] = await ended
  clearTimeout(limit)
  if (database === EMBEDDED && code !== 0) {
    throw new Error(`The server did not start and stop: exit code ${code}`)
  }
}
