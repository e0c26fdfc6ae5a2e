import { LIMITS } from './limits.ts'

/**
 * The errors of the contract: every problem that a client can receive, by its stable code. The OpenAPI
 * document and the error responses are generated from this table.
 */
export const ERRORS = {
  bad_request: { status: 400, title: 'Bad Request', detail: 'The server cannot read the request' },
  unauthorized: {
    status: 401,
    title: 'Unauthorized',
    detail: 'A valid bearer token is required in the Authorization header',
  },
  user_id_mismatch: {
    status: 403,
    title: 'Forbidden',
    detail: 'The token does not belong to the user in the path',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    detail: 'The account or the origin of the request does not permit this',
  },
  not_found: { status: 404, title: 'Not Found', detail: 'Nothing exists at this path' },
  method_not_allowed: {
    status: 405,
    title: 'Method Not Allowed',
    detail: 'This path does not support the method; Allow lists the supported methods',
  },
  request_timeout: {
    status: 408,
    title: 'Request Timeout',
    detail: 'The request did not arrive in time',
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    detail: 'The change conflicts with the current state',
  },
  sync_expired: {
    status: 410,
    title: 'Gone',
    detail:
      'The token is too old, or the database was restored since it was given; begin without since',
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition Failed',
    detail: 'If-Match does not contain the current ETag; read the current version first',
  },
  payload_too_large: {
    status: 413,
    title: 'Content Too Large',
    detail: `The body must not exceed ${LIMITS.bodyBytes} bytes`,
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported Media Type',
    detail: 'Send application/json in UTF-8, without a content encoding',
  },
  validation_error: {
    status: 422,
    title: 'Unprocessable Content',
    detail: 'The request is well-formed, but invalid',
  },
  too_many_requests: {
    status: 429,
    title: 'Too Many Requests',
    detail: 'The rate limit is exhausted; try again after Retry-After seconds',
  },
  headers_too_large: {
    status: 431,
    title: 'Request Header Fields Too Large',
    detail: `The request line and headers must not exceed ${LIMITS.headerBytes} bytes`,
  },
  internal_error: {
    status: 500,
    title: 'Internal Server Error',
    detail: 'The server failed to process the request; its log has the cause under request_id',
  },
  service_unavailable: {
    status: 503,
    title: 'Service Unavailable',
    detail: 'The database is unreachable or overloaded; try again after Retry-After seconds',
  },
} as const satisfies Record<string, { status: number; title: string; detail: string }>

export type ErrorCode = keyof typeof ERRORS

/** One validation error: the part of the request, a JSON Pointer (RFC 6901) into it, and the reason. */
export interface Fault {
  in: 'body' | 'query' | 'path' | 'header'
  path: string
  message: string
}

export interface Reason {
  code: string
  message: string
}

/** Why a request has no user. The client receives the description, and the log all of it. */
export interface Refusal {
  /** Which check failed, for the log. */
  readonly check: string
  /** The claim that failed the check. */
  readonly claim?: string
  /** The key id in the header of the token. */
  readonly kid?: string
  /** A sentence about the bearer token. Omit it if the request had none. */
  readonly description?: string
}

export interface AppErrorOptions {
  /** Replaces the detail of the table. The client receives it. */
  detail?: string
  errors?: Fault[]
  /** The number of validation errors beyond those in `errors`. */
  more?: number
  headers?: Record<string, string>
  /** Better Auth's code and message, which its clients expect. The client receives them. */
  reason?: Reason | undefined
  /** The index of the statement that failed, among several of one transaction. Not sent to the client. */
  statement?: number
  /** Why the request has no user. It is logged. */
  refusal?: Refusal
  /** The original error. It is logged, and the client never receives it. */
  cause?: unknown
}

/** An error from {@link ERRORS}. Clients receive details of no other error. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly errors: Fault[] | undefined
  readonly more: number
  readonly headers: Record<string, string>
  readonly reason: Reason | undefined
  readonly statement: number | undefined
  readonly refusal: Refusal | undefined

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    const { status, title, detail } = ERRORS[code]
    super(options.detail ?? detail, { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.status = status
    this.title = title
    this.detail = options.detail ?? detail
    this.errors = options.errors
    this.more = options.more ?? 0
    this.headers = options.headers ?? {}
    this.reason = options.reason
    this.statement = options.statement
    this.refusal = options.refusal
  }
}

const REALM = 'Bearer realm="todo"'
/** `error_description` may have these characters only (RFC 6750 §3). */
const NOT_DESCRIBABLE = /[^\x20-\x7e]|["\\]/g

/**
 * @param refusal without a description if the request had no bearer token: the challenge then has no error
 *   code (RFC 6750 §3).
 * @returns a 401 with `WWW-Authenticate`.
 */
export function unauthorized(refusal: Refusal, options: AppErrorOptions = {}): AppError {
  const { description } = refusal
  const words = description?.replace(NOT_DESCRIBABLE, '')
  const error = words === undefined ? '' : `, error="invalid_token", error_description="${words}"`
  return new AppError('unauthorized', {
    ...(description !== undefined && { detail: description }),
    ...options,
    headers: { 'www-authenticate': REALM + error },
    refusal,
  })
}
