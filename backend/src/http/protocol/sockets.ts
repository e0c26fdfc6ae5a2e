import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { AppError, type ErrorCode } from '../../core/errors.ts'
import { problemBody } from '../resource/problem.ts'
import { requestId, SAME_FOR_ALL } from './marks.ts'
import type { Turns } from './turns.ts'

/** Makes the server send problems where Node would close the connection, or send its own responses. */
export function answerRefusedRequests(server: Server, turns: Turns): void {
  // A client that has closed its writing side can still read responses. Node's types lack this option.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on('connect', (_request, socket: Socket) => {
    // Node detaches the socket: without these listeners a reset would end the process, and a stop would
    // wait until the client closes the connection.
    socket.on('error', () => {})
    socket.on('finish', () => socket.destroy())
    refuseSocket(turns, new Error('CONNECT asks for a proxy'), socket)
  })
  // A server may ignore an unknown expectation (RFC 9110 §10.1.1).
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
}

const SOCKET_ERRORS: Record<string, ErrorCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
}

/** Sends one problem for bytes that are not an HTTP request, and closes the connection. */
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
