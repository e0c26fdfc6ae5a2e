import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type onRequestHookHandler,
  type onSendHookHandler,
} from 'fastify'
import type { Config } from '../../core/config/config.ts'
import { AppError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import { sendError } from '../resource/problem.ts'
import { parseQuery } from '../resource/validation.ts'
import { trustedProxies } from './client-network.ts'
import { requestId, SAME_FOR_ALL } from './marks.ts'
import type { QueuedBytes } from './queued-bytes.ts'
import { countHeader } from './raw-headers.ts'
import { logResponse } from './request-log.ts'
import { refuseSocket } from './sockets.ts'
import { targetReader } from './target.ts'
import type { Turns } from './turns.ts'

/** @returns Fastify's options: limits, timeouts, and responses to input that is not a valid request. */
export function serverOptions(
  { trustProxy, basePath }: Config,
  limits: Limits,
  queued: QueuedBytes,
  turns: Turns,
) {
  return {
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionTimeout: limits.stalledMs,
    trustProxy: trustProxy.length > 0 ? trustedProxies(trustProxy) : false,
    // During a stop the server still responds to requests on open connections.
    return503OnClosing: false,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    rewriteUrl: targetReader(basePath),
    routerOptions: { maxParamLength: limits.pathPartCharacters, querystringParser: parseQuery },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const respond = () => {
        mark(request, reply)
        sendError(error, request, reply)
      }
      // Fastify calls no hook for these responses.
      reply.raw.once('finish', () => turns.ends(reply.raw))
      if (turns.takes(reply.raw)) respond()
      else turns.wait(reply.raw, respond)
    },
    clientErrorHandler: (error: Error, socket: Socket) => refuseSocket(turns, error, socket),
    http: {
      ServerResponse: queued.Response,
      requireHostHeader: false,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.overdueCheckMs,
    },
  } satisfies FastifyHttpOptions<Server>
}

/**
 * Sets the headers of every response (contract §3) and logs it, one request of a socket at a time.
 *
 * @param secretPath the path below which addresses contain secrets, so that the log gets only the route.
 */
export function markResponses(app: FastifyInstance, turns: Turns, secretPath: string): void {
  const enter = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
    mark(request, reply)
    if (isWellFormed(request)) {
      // Node ignores bytes that follow an upgrade request, and the server supports no upgrade.
      if (request.headers.upgrade !== undefined) reply.header('connection', 'close')
      return done()
    }
    // A proxy may see another end of this request, so the connection is closed (request smuggling).
    done(new AppError('bad_request', { headers: { connection: 'close' } }))
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (turns.takes(reply.raw)) return enter(request, reply, done)
    turns.wait(reply.raw, () => enter(request, reply, done))
  })
  app.addHook('preClose', async () => turns.stop())
  app.addHook('onResponse', (request, reply, done) => {
    // A stream is logged when it begins, and the connection remains its own.
    if (reply.raw.writableEnded) turns.ends(reply.raw)
    logResponse(request, reply, secretPath)
    done()
  })
}

/**
 * Refuses requests with 503 while clients have too many unread response bytes (`queuedBytes`). `/livez` still
 * responds, because the process is alive.
 */
export function boundQueuedBytes(app: FastifyInstance, queued: QueuedBytes): void {
  const detail = 'Clients have too many bytes of responses still to read; try again in a second'
  app.addHook('onRequest', (request, _reply, done) => {
    if (!queued.areTooMany || request.routeOptions.url === '/livez') return done()
    done(new AppError('service_unavailable', { detail, headers: { 'retry-after': '1' } }))
  })
}

/**
 * Refuses a user's requests with 429 while their unread responses exceed `queuedBytesOfUser`. It checks a
 * response to GET again before it is sent, because other requests may have begun at the same time.
 */
export function unreadBytesOfUser(queued: QueuedBytes): {
  onRequest: onRequestHookHandler
  onSend: onSendHookHandler
} {
  const detail =
    'Your clients have too many bytes of responses still to read; read them and try again'
  const tooMany = () =>
    new AppError('too_many_requests', { detail, headers: { 'retry-after': '1' } })
  return {
    onRequest: ({ userId }, reply, done) => {
      done(queued.areTooManyOf(userId, reply.raw) ? tooMany() : undefined)
    },
    onSend: ({ method, userId }, reply, payload, done) => {
      const reads = method === 'GET' && reply.statusCode === 200 && typeof payload === 'string'
      if (!reads || !queued.areTooManyOf(userId, reply.raw)) return done(null, payload)
      for (const name of ['etag', 'link', 'next-cursor']) reply.removeHeader(name)
      done(tooMany())
    },
  }
}

/**
 * Whether a request has one Host header (RFC 9112 §3.2), of which Node accepts a second, and no transfer
 * coding but `chunked`. Node accepts other codings if `chunked` is the last one.
 */
function isWellFormed(request: FastifyRequest): boolean {
  const { httpVersion } = request.raw
  const { 'transfer-encoding': coding } = request.headers
  if (coding !== undefined && (httpVersion !== '1.1' || coding.toLowerCase() !== 'chunked')) {
    return false
  }
  const hosts = countHeader(request, 'host')
  return (hosts === 1 && httpVersion !== '2.0') || (hosts === 0 && httpVersion === '1.0')
}

function mark(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(SAME_FOR_ALL).header('x-request-id', request.id)
}
