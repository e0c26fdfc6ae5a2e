import type { IncomingMessage, Server } from 'node:http'
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
import { refuseSocket } from './sockets.ts'
import type { Turns } from './turns.ts'

/** RFC 9112 §3.2.2: a server takes the absolute form of a target too, and its path may be empty. */
function originForm({ url = '/' }: IncomingMessage): string {
  if (url.startsWith('/')) return url
  const rest = url.replace(/^https?:\/\/[^/?#]+/i, '')
  return rest === '' || rest.startsWith('?') ? `/${rest}` : rest
}

/** How HTTP itself is spoken: limits, times, and the answers to what never becomes a request. */
export function serverOptions(
  { trustProxy }: Config,
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
    // While the server stops, requests under way and on open connections are still answered.
    return503OnClosing: false,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    rewriteUrl: originForm,
    routerOptions: { maxParamLength: limits.pathPartCharacters, querystringParser: parseQuery },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const answer = () => {
        mark(request, reply)
        sendError(error, request, reply)
      }
      // Fastify calls no hook for these responses.
      reply.raw.once('finish', () => turns.ends(reply.raw))
      if (turns.takes(reply.raw)) answer()
      else turns.wait(reply.raw, answer)
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
export function markAnswers(app: FastifyInstance, turns: Turns, secretPath: string): void {
  const enter = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
    mark(request, reply)
    if (isWellFormed(request)) {
      // What Node's parser has read behind an upgrade it does not answer; nor is it made here.
      if (request.headers.upgrade !== undefined) reply.header('connection', 'close')
      return done()
    }
    // Where a request ends that another server may read otherwise is not to be relied on.
    done(new AppError('bad_request', { headers: { connection: 'close' } }))
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (turns.takes(reply.raw)) return enter(request, reply, done)
    turns.wait(reply.raw, () => enter(request, reply, done))
  })
  app.addHook('preClose', async () => turns.stop())
  app.addHook('onResponse', (request, reply, done) => {
    turns.ends(reply.raw)
    request.log.info(
      {
        method: request.method,
        url: loggedUrl(request, secretPath),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'answered',
    )
    done()
  })
}

/**
 * Refuses requests with 503 while unread responses fill the memory (`queuedBytes`). `/livez` is still
 * answered, because the process is alive.
 */
export function boundQueuedBytes(app: FastifyInstance, queued: QueuedBytes): void {
  const detail = 'Clients have too many bytes of responses still to read; try again in a second'
  app.addHook('onRequest', (request, _reply, done) => {
    if (!queued.areTooMany || request.routeOptions.url === '/livez') return done()
    done(new AppError('service_unavailable', { detail, headers: { 'retry-after': '1' } }))
  })
}

/**
 * Refuses a user's requests with 429 while their own unread responses exceed `queuedBytesOfUser`. What
 * a request reads is checked once more before it is sent, because others may have begun with it.
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
      for (const name of ['etag', 'link']) reply.removeHeader(name)
      done(tooMany())
    },
  }
}

/**
 * RFC 9112 §3.2 wants one Host; Node lets a second pass, and answers a missing one in its own form.
 * A body is in chunks or has a length: Node takes other codings too, as long as chunks come last.
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

/** How every JWT begins (`{"`), with what is left of one. */
const TOKENS = /eyJ[\w.-]{20,}/g

/** Elsewhere a token in an address has no effect, but a client may have put one there by mistake. */
function loggedUrl({ url, routeOptions }: FastifyRequest, secretPath: string): string {
  if (!url.startsWith(secretPath)) return url.replace(TOKENS, '…')
  return routeOptions.url ?? `${secretPath}/…`
}

function mark(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(SAME_FOR_ALL).header('x-request-id', request.id)
}
