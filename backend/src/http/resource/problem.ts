import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, type ErrorCode } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { shorten } from './shorten.ts'

/** JSON bytes of text that may come from a client: names, Better Auth's messages, details with a name. */
const PLACE_BYTES = 128
const REASON_BYTES = 1_024
const DETAIL_BYTES = 512

/** What Fastify's own refusals are in the contract's terms; anything else of its 4xx is bad_request. */
const FASTIFY_CODES: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_TYPE: 'unsupported_media_type',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
}

/**
 * Answers every error in the contract's form. A 5xx is logged with its cause, under the request's id;
 * a 503 without one is a limit of ours at work, and is logged as an answer alone.
 */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler(sendError)
}

export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toAppError(error)
  const expected = problem.status === 503 && problem.cause === undefined
  if (problem.status >= 500 && !expected) request.log.error({ err: problem }, problem.message)
  if (reply.sent) return
  reply
    .code(problem.status)
    .headers(problem.headers)
    .header('content-type', 'application/problem+json')
    .send(problemBody(problem, request.id))
}

/** @returns the response body of contract §3 as JSON, of at most `errorBytes` bytes. */
export function problemBody(problem: AppError, requestId: string): string {
  const { code, status, title, detail, reason } = problem
  const words = reason && {
    code: shorten(reason.code, PLACE_BYTES),
    message: shorten(reason.message, REASON_BYTES),
  }
  const faults = problem.errors?.map((fault) => ({
    ...fault,
    path: shorten(fault.path, PLACE_BYTES),
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

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const { code = '', statusCode = 500 } = (error ?? {}) as Partial<FastifyError> // whatever was thrown
  const known = FASTIFY_CODES[code]
  if (known !== undefined) return new AppError(known, { cause: error })
  return new AppError(statusCode >= 400 && statusCode < 500 ? 'bad_request' : 'internal_error', {
    cause: error,
  })
}
