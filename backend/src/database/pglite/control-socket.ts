import { rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Connector } from '../connector.ts'
import { detectScope, sessionSettings } from '../scope.ts'
import { ClientMessages } from './client-messages.ts'
import { PgliteStream } from './stream.ts'
import type { PgliteThread } from './thread.ts'

/** The name that libpq and pg expect for the port 5432, so that `psql -h <folder>` works too. */
const SOCKET = '.s.PGSQL.5432'
const PORT = 5432

/** Undoes the SET commands of a program, because the server's connections have the same session. */
const RESET = query(
  `reset session authorization; reset role; reset all; select ${sessionSettings('false')}`,
)

function query(text: string): Buffer {
  const message = Buffer.from(`Q\0\0\0\0${text}\0`)
  message.writeInt32BE(message.length - 1, 1)
  return message
}

/** Longer paths of a Unix socket are refused by the operating system (unix(7)). */
const PATH_BYTES = 100

/**
 * Connects to the embedded database of a server that runs on the same folder.
 *
 * @returns undefined if no server runs on it. It is for programs: their statements have no limits, and hold
 *   up all others while they run.
 */
export async function connectThroughServer(directory: string): Promise<Connector | undefined> {
  const path = join(directory, SOCKET)
  if (!(await answers(path))) return undefined
  const config = {
    ...{ host: directory, port: PORT, user: 'postgres', password: '', database: 'postgres' },
    ssl: false,
  }
  return {
    description: `embedded (PGlite), in ${directory}, through the server that uses it`,
    size: 1,
    pooled: config,
    chooseScope: detectScope,
    direct: config,
    failed: new Promise(() => {}),
    close: async () => {},
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/**
 * Lets other programs of the same operating-system user use the embedded database of a running server: a
 * Unix socket in the data folder that speaks PostgreSQL's protocol. Without it they have to wait until
 * the server is stopped, because only one process can open the folder.
 *
 * @returns a function that closes the socket. It does nothing if there can be no such socket here.
 */
export async function openControlSocket(
  directory: string,
  thread: PgliteThread,
): Promise<() => void> {
  const path = join(directory, SOCKET)
  if (process.platform === 'win32' || Buffer.byteLength(path) > PATH_BYTES) return () => {}
  // This process has the lock of the folder, so an existing socket belongs to a server that has ended.
  rmSync(path, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, thread)
  })
  const listening = await listen(server, path)
  server.on('error', () => {})
  return () => {
    if (listening) server.close()
    for (const socket of sockets) socket.destroy()
  }
}

/** @returns false on a file system without sockets. */
function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    // The socket is created in this call, for its owner alone.
    const mask = process.umask(0o177)
    server.listen(path, () => resolve(true))
    process.umask(mask)
    server.unref()
  })
}

function serve(socket: Socket, thread: PgliteThread): void {
  socket.unref()
  const session = new PgliteStream(thread, undefined, RESET)
  const messages = new ClientMessages((bytes) => socket.write(bytes))
  const end = () => {
    socket.destroy()
    session.destroy()
  }
  for (const stream of [socket, messages, session]) stream.on('error', end)
  socket.on('close', end)
  socket.pipe(messages).pipe(session).pipe(socket)
}
