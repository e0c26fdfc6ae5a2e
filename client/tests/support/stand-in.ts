import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { endWithTest } from '../../../backend/tests/support/started.ts'

/** Serves what Todo Backend never sends, such as the pages of a proxy. @returns its address. */
export async function standIn(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // of a TCP server
  endWithTest(`stand-in on port ${port}`, async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${port}`
}
