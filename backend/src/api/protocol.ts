import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { BASE_PATH } from '../accounts/http.ts'
import type { Config } from '../core/config.ts'
import { AppError, type ErrorCode } from '../core/errors.ts'
import type { Limits } from '../core/limits.ts'
import { problemBody, sendError } from './problem.ts'
import { countHeader } from './raw-headers.ts'
import { parseQuery } from './validation.ts'

const CLIENT_REQUEST_ID = /^[\w.-]{1,128}$/
const PROCESS_ID = randomBytes(6).toString('base64url')
let requests = 0

/** The caller's own `x-request-id` where it is harmless, or one that is unique to this process. */
function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  if (typeof given === 'string' && CLIENT_REQUEST_ID.test(given)) return given
  requests += 1
  return `${PROCESS_ID}-${requests.toString(36)}`
}

/** RFC 9112 §3.2.2: a server takes the absolute form of a target too, and its path may be empty. */
function originForm({ url = '/' }: IncomingMessage): string {
  if (url.startsWith('/')) return url
  const rest = url.replace(/^https?:\/\/[^/?#]+/i, '')
  return rest === '' || rest.startsWith('?') ? `/${rest}` : rest
}

/** How HTTP itself is spoken: limits, times, and the answers to what never becomes a request. */
export function serverOptions({ trustProxy }: Config, limits: Limits) {
  return {
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionTimeout: limits.stalledMs,
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false,
    // While the server stops, requests under way and on open connections are still answered.
    return503OnClosing: false,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    rewriteUrl: originForm,
    routerOptions: { maxParamLength: limits.pathPartCharacters, querystringParser: parseQuery },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      mark(request, reply)
      sendError(error, request, reply)
    },
    clientErrorHandler: refuseSocket,
    http: {
      requireHostHeader: false,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.overdueCheckMs,
    },
  } satisfies FastifyHttpOptions<Server>
}

/** How many requests of a socket are not answered yet; more than one where they are pipelined. */
const unanswered = new WeakMap<Duplex, number>()

function count(socket: Duplex, more: 1 | -1): void {
  unanswered.set(socket, (unanswered.get(socket) ?? 0) + more)
}

/** The headers every answer carries (contract §3), and one log line for each. */
export function markAnswers(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    count(request.raw.socket, 1)
    mark(request, reply)
    // RFC 9112 §3.2 wants one Host. Node lets a second pass, and answers a missing one in its own form.
    const hosts = countHeader(request, 'host')
    const wellFormed = hosts === 1 || (hosts === 0 && request.raw.httpVersion === '1.0')
    done(wellFormed ? undefined : new AppError('bad_request'))
  })
  app.addHook('onResponse', (request, reply, done) => {
    count(request.raw.socket, -1)
    request.log.info(
      {
        method: request.method,
        url: loggedUrl(request),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'answered',
    )
    done()
  })
}

/** How every JWT begins (`{"`), with what is left of one. */
const TOKENS = /eyJ[\w.-]{20,}/g

/**
 * Addresses of accounts have tokens of mails in them, so the log gets the route. Elsewhere a token
 * counts for nothing, but who put one into an address by mistake has it in no log.
 */
function loggedUrl({ url, routeOptions }: FastifyRequest): string {
  if (!url.startsWith(BASE_PATH)) return url.replace(TOKENS, '…')
  return routeOptions.url ?? `${BASE_PATH}/…`
}

/** Requests that Node would answer in its own form, or drop without a word. */
export function answerAll({ server }: FastifyInstance): void {
  // RFC 9110 §10.1.1: an expectation other than 100-continue may be left aside.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('connect', (_request, socket) => {
    socket.on('error', () => {}) // Node has left the socket to us, and a reset would end the process
    refuseSocket(new Error('CONNECT asks for a proxy'), socket)
  })
}

const SAME_FOR_ALL = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

function mark(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(SAME_FOR_ALL).header('x-request-id', request.id)
}

const SOCKET_ERRORS: Record<string, ErrorCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
}

/** Bytes that are no HTTP request: one answer in the contract's form, and the connection is closed. */
function refuseSocket(error: Error & { code?: string }, socket: Duplex): void {
  // What follows a request that is not answered yet must not be taken for its answer.
  const silent = !socket.writable || error.code === 'ECONNRESET'
  if (silent || (unanswered.get(socket) ?? 0) > 0) return void socket.destroy()
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
  socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join('')}\r\n${body}`)
}
