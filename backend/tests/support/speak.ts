import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { endWithTest } from './started.ts'

const DRIP_MS = 20

/** A connection, what came over it, and its end. */
export interface Line {
  readonly socket: Socket
  /** All that came, when the server has ended the connection. */
  readonly ended: Promise<string>
}

/** Opens a connection that only the server ends. */
export async function openLine(port: number): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {}) // a server that has said all it had to may reset it
  socket.on('end', () => socket.end())
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(text))
  })
  socket.on(
    'close',
    endWithTest('connection', () => void socket.destroy()),
  )
  await once(socket, 'connect')
  return { socket, ended }
}

/**
 * Sends bytes now and then until the server has had enough. It sends none before it has read what came
 * meanwhile: to write to a connection that the server closed would lose the answer.
 */
export function drip({ socket, ended }: Line, bytes: string): Promise<string> {
  const timer = setInterval(() => {
    // Timers that are late run before sockets are read, and immediates run after it.
    setImmediate(() => {
      if (socket.writable && !socket.readableEnded) socket.write(bytes)
    })
  }, DRIP_MS)
  return ended.finally(() => clearInterval(timer))
}

/** Sends bytes as they are, one a character, and reads until the server ends the connection. */
export async function speak(port: number, bytes: string, halfClose = false): Promise<string> {
  const { socket, ended } = await openLine(port)
  socket.write(Buffer.from(bytes, 'latin1'))
  if (halfClose) socket.end()
  return ended
}

/** The statuses of the answers in what came over a connection; 1xx are none. */
export function statuses(text: string): number[] {
  const found = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  return found.filter((status) => status >= 200)
}
