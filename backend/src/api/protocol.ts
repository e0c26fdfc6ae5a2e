import type { IncomingMessage, Server } from 'node:http'
import {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { BASE_PATH } from '../accounts/http.ts'
import type { Config } from '../core/config.ts'
import { AppError } from '../core/errors.ts'
import type { Limits } from '../core/limits.ts'
import { trustedProxies } from './client-network.ts'
import { requestId, SAME_FOR_ALL } from './marks.ts'
import { sendError } from './problem.ts'
import { countHeader } from './raw-headers.ts'
import { refuseSocket, requestBegins, requestEnds } from './sockets.ts'
import { parseQuery } from './validation.ts'

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
    trustProxy: trustProxy.length > 0 ? trustedProxies(trustProxy) : false,
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

/** The headers every answer carries (contract §3), and one log line for each. */
export function markAnswers(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    requestBegins(reply.raw)
    mark(request, reply)
    if (isWellFormed(request)) {
      // What Node's parser has read behind an upgrade it does not answer; nor is it made here.
      if (request.headers.upgrade !== undefined) reply.header('connection', 'close')
      return done()
    }
    // Where a request ends that another server may read otherwise is not to be relied on.
    done(new AppError('bad_request', { headers: { connection: 'close' } }))
  })
  app.addHook('onResponse', (request, reply, done) => {
    requestEnds(request.raw.socket)
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

/**
 * Addresses of accounts have tokens of mails in them, so the log gets the route. Elsewhere a token
 * counts for nothing, but who put one into an address by mistake has it in no log.
 */
function loggedUrl({ url, routeOptions }: FastifyRequest): string {
  if (!url.startsWith(BASE_PATH)) return url.replace(TOKENS, '…')
  return routeOptions.url ?? `${BASE_PATH}/…`
}

function mark(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(SAME_FOR_ALL).header('x-request-id', request.id)
}
