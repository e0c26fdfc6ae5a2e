import { ERRORS, type ErrorCode } from '../core/errors.ts'

/** The schema of a problem (RFC 9457), with the stable code in `error`. */
export const Problem = {
  $id: 'Problem',
  type: 'object',
  description: 'An error (RFC 9457). Clients can rely on the code in `error`',
  required: ['error', 'status', 'title', 'detail', 'request_id'],
  properties: {
    error: { enum: Object.keys(ERRORS) },
    status: { type: 'integer' },
    title: { type: 'string' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      description:
        'The first validation errors of an invalid request, or the operation of a batch that cannot be done',
      items: {
        type: 'object',
        required: ['in', 'path', 'message'],
        properties: {
          in: { enum: ['body', 'query', 'path', 'header'] },
          path: {
            type: 'string',
            description: 'A JSON pointer (RFC 6901) to the invalid member, truncated if it is long',
          },
          message: { type: 'string' },
        },
      },
    },
    more: {
      type: 'integer',
      description: 'The number of validation errors beyond those in errors',
    },
    code: {
      type: 'string',
      pattern: '^[A-Z][A-Z0-9_]+$',
      description: 'Under /api/auth: the error code of Better Auth, or `error` in upper case',
    },
    message: { type: 'string', description: 'Under /api/auth: the reason, as in `detail`' },
    request_id: {
      type: 'string',
      description: 'The id of the request, also in X-Request-Id and in the log of the server',
    },
  },
} as const

const text = (description: string) => ({ description, schema: { type: 'string' } })

/** The headers of a problem in addition to those of every response. */
const PROBLEM_HEADERS: Partial<Record<ErrorCode, { headers: Record<string, object> }>> = {
  unauthorized: {
    headers: {
      'WWW-Authenticate': text(
        'The scheme is Bearer. With error="invalid_token" the server did not accept the token; error_description says why (RFC 6750)',
      ),
    },
  },
  method_not_allowed: { headers: { Allow: text('The methods that this path has') } },
  too_many_requests: {
    headers: {
      'Retry-After': text('The seconds until the limit is renewed'),
      RateLimit: text('How many requests are left, and the seconds until the limit is renewed'),
      'RateLimit-Policy': text('The limit, and its window in seconds'),
    },
  },
  service_unavailable: { headers: { 'Retry-After': text('The seconds to wait') } },
}

/** The codes that every operation can respond with. */
const ALWAYS: ErrorCode[] = ['bad_request', 'internal_error']

/** The part of a route's schema that describes its responses. */
export interface Responses {
  /** By status. It is untyped, because handlers send responses as finished text. */
  readonly response: unknown
  /** The codes of the problems. The OpenAPI document refers to each by its code. */
  readonly 'x-problems': readonly ErrorCode[]
}

/** @param own the responses by status. @param codes the problems in addition to {@link ALWAYS}. */
export function responses(own: Record<number, object>, ...codes: ErrorCode[]): Responses {
  return { response: own, 'x-problems': [...codes, ...ALWAYS] }
}

/** The responses of the OpenAPI document for problems, by code. */
export const PROBLEM_RESPONSES = Object.fromEntries(
  Object.entries(ERRORS).map(([error, { status, title, detail }]) => [
    error,
    {
      description: `\`${error}\`: ${detail}`,
      ...PROBLEM_HEADERS[error as ErrorCode], // the keys of ERRORS
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          example: { error, status, title, detail, request_id: 'k3f9x2-1a' },
        },
      },
    },
  ]),
)
