import { once } from 'node:events'
import { createServer } from 'node:http'

/** Below the ports that an operating system chooses from when a program asks for any port. */
const FIRST = 10_000
const OF_EACH_PROCESS = 10
const PROCESSES = 2_000

let chosen = 0

/**
 * A port for a server that cannot say which one it was given. Nothing else takes it in the meantime: the
 * system gives it to nobody, and another test file chooses among other ports.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const own = (process.pid % PROCESSES) * OF_EACH_PROCESS
    const port = FIRST + own + (chosen % OF_EACH_PROCESS)
    chosen += 1
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
