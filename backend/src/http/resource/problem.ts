import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, ERRORS, type ErrorCode, type Reason } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { shorten } from './shorten.ts'

/** Why the server refused a request, for its line in the log. */
export interface Refusal {
  readonly problem: ErrorCode
  /** Which of several causes it was, in words of this server or as Better Auth's code. */
  readonly reason: string | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    reasonsBelow: string
    /** When the cause of a 503 was last logged in full, by its code or message. On the monotonic clock. */
    outages: Map<string, number>
  }
  interface FastifyRequest {
    refusal: Refusal | undefined
  }
}

/** The JSON bytes of texts that may quote a client: paths, Better Auth's messages, details. */
const PATH_BYTES = 128
const REASON_BYTES = 1_024
const DETAIL_BYTES = 512
/** The least time between two lines about the same cause of a 503. */
const OUTAGE_MS = 10_000
/** The causes that have a pause each. Others share one. */
const OUTAGES_APART = 100

/** Our codes for Fastify's errors. Fastify's other 4xx errors are bad_request. */
const FASTIFY_CODES: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_TYPE: 'unsupported_media_type',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
}

/**
 * Sends a problem (RFC 9457, contract §3) for every error. It logs a 5xx with its cause and the request's id,
 * but not a 503 without a cause, which means that a limit was reached. While the database is unreachable, every request
 * has the same cause, which is logged once in {@link OUTAGE_MS}. It logs why a request is unauthorized.
 *
 * @param reasonsBelow the path below which every problem has `code` and `message`, as Better Auth's clients expect.
 */
export function answerProblems(app: FastifyInstance, reasonsBelow: string): void {
  app.decorate('reasonsBelow', `${reasonsBelow}/`)
  app.decorateRequest('refusal', undefined)
  app.decorate('outages', new Map())
  app.setErrorHandler(sendError)
}

/** Sends the problem for an error, unless a response was already sent. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toAppError(error, request)
  noteProblem(problem, request)
  if (reply.sent) return
  reply
    .code(problem.status)
    .headers(problem.headers)
    .header('content-type', 'application/problem+json')
    .send(problemBody(problem, request.id, reasonOf(problem, request)))
}

/** Notes an error in the log and in the metrics, also where the response is not the problem but leads to a page. */
export function noteProblem(problem: AppError, request: FastifyRequest): void {
  if (problem.status >= 500 && isNews(problem, request.server.outages)) {
    request.log.error({ err: problem }, problem.message)
  }
  if (problem.refusal) request.log.info({ refusal: problem.refusal }, 'unauthorized')
  request.refusal = refusalOf(problem)
}

/** Whether to log this error in full. The line of each response has the code of its cause. */
function isNews({ status, cause }: AppError, outages: Map<string, number>): boolean {
  if (status !== 503) return true
  if (cause === undefined) return false
  // A lost connection has no code. Without its message, one such cause would hide every other one.
  const name = codeOf(cause) ?? String(cause)
  const key = outages.has(name) || outages.size < OUTAGES_APART ? name : ''
  const now = performance.now()
  if (now - (outages.get(key) ?? Number.NEGATIVE_INFINITY) < OUTAGE_MS) return false
  outages.set(key, now)
  return true
}

/** @returns the code of the first cause that has one: an SQLSTATE, or one of Node such as ECONNREFUSED. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown } // any error
  if (typeof code === 'string' && REASON_CODE.test(code)) return code
  return codeOf(cause ?? (Array.isArray(errors) ? errors[0] : undefined))
}

/**
 * Under the path of Better Auth, a problem of this server has a code in the same form as Better Auth's. The
 * path of the route counts, because a user may be called `auth`; an unknown path has no route.
 */
function reasonOf(problem: AppError, request: FastifyRequest): Reason | undefined {
  const path = request.routeOptions.url ?? request.url
  const isBelow = path.startsWith(request.server.reasonsBelow)
  if (problem.reason !== undefined || !isBelow) return problem.reason
  return { code: problem.code.toUpperCase(), message: problem.detail }
}

/** Details of other errors may quote the client. */
const EXPLAINED: readonly number[] = [401, 403, 429, 503]
const REASON_CODE = /^\w{1,64}$/

function refusalOf({ code, status, detail, reason, cause }: AppError): Refusal {
  if (reason !== undefined) {
    return { problem: code, reason: REASON_CODE.test(reason.code) ? reason.code : undefined }
  }
  const isOwn = EXPLAINED.includes(status) && detail !== ERRORS[code].detail
  return { problem: code, reason: isOwn ? detail : status === 503 ? codeOf(cause) : undefined }
}

/** @returns the response body of contract §3 as JSON, of at most `errorBytes` bytes. */
export function problemBody(
  problem: AppError,
  requestId: string,
  reason: Reason | undefined = problem.reason,
): string {
  const { code, status, title, detail } = problem
  const words = reason && {
    code: shorten(reason.code, PATH_BYTES),
    message: shorten(reason.message, REASON_BYTES),
  }
  const faults = problem.errors?.map((fault) => ({
    ...fault,
    path: shorten(fault.path, PATH_BYTES),
  }))
  const bodyWith = (errors: typeof faults, more: number) =>
    JSON.stringify({
      error: code,
      status,
      title,
      detail: shorten(detail, DETAIL_BYTES),
      ...(errors && { errors }),
      ...(more > 0 && { more }),
      ...words,
      request_id: requestId,
    })
  let body = bodyWith(faults, problem.more)
  for (let left = faults?.length ?? 0; left > 0 && Buffer.byteLength(body) > LIMITS.errorBytes; ) {
    left -= 1
    body = bodyWith(faults?.slice(0, left), problem.more + (faults?.length ?? 0) - left)
  }
  return body
}

function toAppError(error: unknown, { routeOptions }: FastifyRequest): AppError {
  if (error instanceof AppError) return error
  const { code = '', statusCode = 500 } = (error ?? {}) as Partial<FastifyError> // any thrown value
  const known = FASTIFY_CODES[code]
  if (known === 'payload_too_large') {
    const detail = `The body must not exceed ${routeOptions.bodyLimit} bytes`
    return new AppError(known, { cause: error, detail })
  }
  if (known !== undefined) return new AppError(known, { cause: error })
  return new AppError(statusCode >= 400 && statusCode < 500 ? 'bad_request' : 'internal_error', {
    cause: error,
  })
}
