import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { AppError, type ErrorCode } from '../../core/errors.ts'
import { problemBody } from '../resource/problem.ts'
import { requestId, SAME_FOR_ALL } from './marks.ts'
import type { Turns } from './turns.ts'

/** Has the server answer where Node by itself would be silent, or speak in a form of its own. */
export function answerEveryone(server: Server, turns: Turns): void {
  // Who has said all and closed that side of the connection still listens. Node's types lack it.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on('connect', (_request, socket: Socket) => {
    // Node has left the socket to us: a reset would end the process, no time limit holds any more, and
    // a stop would wait for as long as the client keeps its end open.
    socket.on('error', () => {})
    socket.on('finish', () => socket.destroy())
    refuseSocket(turns, new Error('CONNECT asks for a proxy'), socket)
  })
  // RFC 9110 §10.1.1: an expectation that is not known may be ignored.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
}

const SOCKET_ERRORS: Record<string, ErrorCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
}

/** Answers bytes that are no HTTP request once, in the contract's form, and closes the connection. */
export function refuseSocket(turns: Turns, error: Error & { code?: string }, socket: Socket): void {
  const reset = error.code === 'ECONNRESET'
  // The server stopped reading from this socket, and closes it after its last response.
  if (turns.isClosing(socket) && !reset) return
  if (!socket.writable || reset) return void socket.destroy()
  const problem = new AppError(SOCKET_ERRORS[error.code ?? ''] ?? 'bad_request', { cause: error })
  const id = requestId({ headers: {} })
  const body = problemBody(problem, id)
  const headers = {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': id,
    ...SAME_FOR_ALL,
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  turns.refuse(
    socket,
    `HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join('')}\r\n${body}`,
  )
}
