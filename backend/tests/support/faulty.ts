import { once } from 'node:events'
import { Agent, createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Answer, exchange } from './app.ts'
import { endWithTest } from './started.ts'

/** A request on its way through. */
export interface Passing {
  method: string
  /** As it was written. */
  path: string
  headers: Record<string, string | string[]>
  body: string
}

export type Reply = Pick<Answer, 'status' | 'headers' | 'text'>

/** Sends a request on to the server. */
export type PassOn = (request: Passing) => Promise<Reply>
/** Does to a request, or its answer, what a server with a fault would. */
export type Fault = (request: Passing, passOn: PassOn) => Promise<Reply>

export interface FaultyServer {
  readonly address: string
  close(): Promise<void>
}

/** A fault throws it to cut the connection. */
export class Cut extends Error {}

/** Headers of one connection, and of a body as it is sent on it. */
const OF_A_CONNECTION = /^(connection|keep-alive|content-length|transfer-encoding)$/

/** The server on `port` with a fault before it. */
export async function startFaulty(port: number, fault: Fault): Promise<FaultyServer> {
  // A connection for each request would take a third of the CPU time.
  const agent = new Agent({ keepAlive: true })
  const passOn: PassOn = async ({ method, path, headers, body }) => {
    const sending = { headers, agent, ...(body !== '' && { raw: body }) }
    const { status, headers: answered, text } = await exchange(port, method, path, sending)
    return { status, headers: answered, text }
  }
  const server = createServer(async (incoming, response) => {
    const { method = '', url: path = '', headersDistinct } = incoming
    const headers: Passing['headers'] = {}
    for (const [name, values = []] of Object.entries(headersDistinct)) {
      const [only = ''] = values
      if (!OF_A_CONNECTION.test(name)) headers[name] = values.length === 1 ? only : values
    }
    try {
      const request = { method, path, headers, body: await text(incoming) }
      const answer = await fault(request, passOn)
      const rest = Object.entries(answer.headers).filter(([name]) => !OF_A_CONNECTION.test(name))
      response.writeHead(answer.status, Object.fromEntries(rest)).end(answer.text)
    } catch (error) {
      incoming.socket.destroy()
      if (!(error instanceof Cut)) throw error
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    address: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    close: endWithTest('server with a fault', async () => {
      agent.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }),
  }
}
